//! [`Transit`]: how long a frame was on its way.
//!
//! The two ends have different clocks, but each runs evenly since boot. What their difference is
//! at most follows from cause and effect: a frame that answers another left after that one did.
//! Such a bound makes even the first frame of a session, which may have waited in buffers for
//! minutes, as old as it is, and no younger; too old by at most the round trip that gave the
//! bound. Without one, the least difference ever seen stands for a frame that waited nowhere.

use crate::time::Now;

/// What was learnt is forgotten after this long, or twice that, as clocks drift. Microseconds.
const WINDOW_US: u64 = 600_000_000;

/// What is known of the difference between our clock and a neighbour's, in one session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transit {
    since_us: u64,
    now: Known,
    before: Known,
}

/// Differences, ours less theirs, milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The clocks differ by no less than this.
    bound_ms: Option<i64>,
    /// The least that a frame showed.
    least_ms: Option<i64>,
}

impl Transit {
    /// The neighbour's clock stood at `their_ms` when ours stood at `our_ms` or later.
    pub fn bound(&mut self, now: Now, our_ms: u64, their_ms: u64) {
        self.turn(now);
        let bound_ms = difference(our_ms, their_ms);
        self.now.bound_ms = Some(self.now.bound_ms.map_or(bound_ms, |known| known.max(bound_ms)));
    }

    /// A frame that was sent at `sent_ms` of the neighbour's clock came: how long was it on its
    /// way? Milliseconds; where nothing bounds it, only what it took longer than the quickest.
    pub fn took_ms(&mut self, now: Now, sent_ms: u64) -> Took {
        self.turn(now);
        let took_ms = difference(now.boot_ms(), sent_ms);
        let least_ms = self.now.least_ms.map_or(took_ms, |least| least.min(took_ms));
        self.now.least_ms = Some(least_ms);
        let beyond = |base: i64| u64::try_from(took_ms.saturating_sub(base)).unwrap_or(0);
        match self.now.bound_ms.max(self.before.bound_ms) {
            Some(bound_ms) => Took::AtMost(beyond(bound_ms)),
            None => {
                let usual_ms = self.before.least_ms.map_or(least_ms, |before| before.min(least_ms));
                Took::LongerThanUsual(beyond(usual_ms))
            }
        }
    }

    fn turn(&mut self, now: Now) {
        if now.boot_us.saturating_sub(self.since_us) > WINDOW_US {
            self.before = std::mem::take(&mut self.now);
            self.since_us = now.boot_us;
        }
    }
}

/// How long a frame was on its way, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// No longer than this, and not much less.
    AtMost(u64),
    /// This much longer than the quickest one lately.
    LongerThanUsual(u64),
}

fn difference(our_ms: u64, their_ms: u64) -> i64 {
    i64::try_from(i128::from(our_ms) - i128::from(their_ms)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot_ms: u64) -> Now {
        Now { boot_us: boot_ms * 1000, wall_ms: 0 }
    }

    #[test]
    fn time_in_buffers_is_what_exceeds_the_quickest_frame() {
        let mut transit = Transit::default();
        let longer = Took::LongerThanUsual;
        assert_eq!(transit.took_ms(at(1_000), 900_050), longer(0));
        assert_eq!(transit.took_ms(at(1_100), 900_150), longer(0));
        assert_eq!(transit.took_ms(at(11_100), 900_250), longer(9_900), "it waited behind a cut");
        assert_eq!(transit.took_ms(at(11_200), 910_250), longer(0));
    }

    #[test]
    fn a_clock_that_drifts_is_followed_after_two_windows() {
        let mut transit = Transit::default();
        let longer = Took::LongerThanUsual;
        assert_eq!(transit.took_ms(at(0), 0), longer(0));
        assert_eq!(transit.took_ms(at(700_000), 699_990), longer(10));
        assert_eq!(transit.took_ms(at(1_400_000), 1_399_990), longer(0));
    }

    #[test]
    fn the_first_frame_of_a_session_is_as_old_as_it_is_though_it_waited_for_a_minute() {
        let mut transit = Transit::default();
        // our hello left at 1,000, and was answered when their clock stood at 500,000
        transit.bound(at(1_080), 1_000, 500_000);
        let Took::AtMost(ms) = transit.took_ms(at(61_100), 500_050) else { panic!("bounded") };
        assert!((60_000..60_100).contains(&ms), "{ms}");
    }
}
