//! [`Transit`]: how long a frame was on its way, beyond what is usual.
//!
//! The two ends have different clocks, but each runs evenly since boot: the least difference ever
//! seen stands for a frame that waited nowhere, so what exceeds it is time spent in buffers.

use crate::time::Now;

/// A least difference is forgotten after this long, or twice that, microseconds.
const WINDOW_US: u64 = 600_000_000;

/// Differences between our clock and a neighbour's, in one session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transit {
    since_us: u64,
    least_ms: Option<i64>,
    least_before_ms: Option<i64>,
}

impl Transit {
    /// A frame that was sent at `sent_ms` of the neighbour's clock came: how much longer than
    /// usual was it on its way? Milliseconds.
    pub fn excess_ms(&mut self, now: Now, sent_ms: u64) -> u64 {
        if now.boot_us.saturating_sub(self.since_us) > WINDOW_US {
            self.least_before_ms = self.least_ms.take();
            self.since_us = now.boot_us;
        }
        let took_ms = i64::try_from(i128::from(now.boot_ms()) - i128::from(sent_ms));
        let took_ms = took_ms.unwrap_or(i64::MAX);
        let least_ms = self.least_ms.map_or(took_ms, |least| least.min(took_ms));
        self.least_ms = Some(least_ms);
        let usual_ms = self.least_before_ms.map_or(least_ms, |before| before.min(least_ms));
        u64::try_from(took_ms.saturating_sub(usual_ms)).unwrap_or(0)
    }
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
        assert_eq!(transit.excess_ms(at(1_000), 900_050), 0);
        assert_eq!(transit.excess_ms(at(1_100), 900_150), 0);
        assert_eq!(transit.excess_ms(at(11_100), 900_250), 9_900, "it waited behind a cut");
        assert_eq!(transit.excess_ms(at(11_200), 910_250), 0);
    }

    #[test]
    fn a_clock_that_drifts_is_followed_after_two_windows() {
        let mut transit = Transit::default();
        assert_eq!(transit.excess_ms(at(0), 0), 0);
        assert_eq!(transit.excess_ms(at(700_000), 699_990), 10);
        assert_eq!(transit.excess_ms(at(1_400_000), 1_399_990), 0);
    }
}
