//! [`Pace`]: how many bytes of bulk may be on their way to a neighbour.
//!
//! A modem has one queue, and what is urgent waits behind all that is in it. So no more is given
//! to it than it delivers in about one round trip and [`AHEAD_US`]: enough to keep it busy, and
//! little to wait behind. What it delivers is seen from the acks.

use crate::time::Departure;

/// How much further than one round trip the sender is ahead, microseconds (design §5).
const AHEAD_US: u64 = 250_000;
/// The fastest delivery and the shortest round trip count for this long, or twice that.
const WINDOW_US: u64 = 10_000_000;
/// Bytes that are always allowed: about what the slowest radio delivers in three seconds.
pub const WINDOW_BYTES_MIN: u64 = 4 * 1024;
/// Bytes allowed before anything is known.
const WINDOW_BYTES_FIRST: u64 = 16 * 1024;

/// What is known of one link's speed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    delivered_bytes: u64,
    since_us: u64,
    now: Seen,
    before: Seen,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Most bytes a second.
    rate: Option<u64>,
    /// Shortest round trip, microseconds.
    rtt_us: Option<u64>,
}

impl Pace {
    /// Something leaves.
    pub fn departs(&self, now_us: u64) -> Departure {
        Departure { at_us: now_us, delivered_bytes: self.delivered_bytes }
    }

    /// So many bytes were acked, of a publication that left then.
    pub fn arrived(&mut self, now_us: u64, bytes: u64, left: Departure) {
        self.turn(now_us);
        self.delivered_bytes = self.delivered_bytes.saturating_add(bytes);
        let took_us = now_us.saturating_sub(left.at_us).max(1);
        let delivered = self.delivered_bytes.saturating_sub(left.delivered_bytes);
        let rate = delivered.saturating_mul(1_000_000) / took_us;
        self.now.rate = self.now.rate.max(Some(rate));
    }

    /// A round trip was measured.
    pub fn round_trip(&mut self, now_us: u64, rtt_us: u64) {
        self.turn(now_us);
        self.now.rtt_us = Some(self.now.rtt_us.map_or(rtt_us, |known| known.min(rtt_us)));
    }

    /// Bytes a second that the link delivers; `None` until something was acked.
    pub fn rate(&self) -> Option<u64> {
        self.now.rate.max(self.before.rate)
    }

    /// Bytes of bulk that may be on their way, at most `most`.
    pub fn window_bytes(&self, most: u64) -> u64 {
        let rtt_us = [self.now.rtt_us, self.before.rtt_us].into_iter().flatten().min();
        let ahead_us = rtt_us.unwrap_or(0).saturating_add(AHEAD_US);
        let window = match self.rate() {
            Some(rate) => u128::from(rate) * u128::from(ahead_us) / 1_000_000,
            None => u128::from(WINDOW_BYTES_FIRST),
        };
        u64::try_from(window).unwrap_or(u64::MAX).clamp(WINDOW_BYTES_MIN.min(most), most)
    }

    fn turn(&mut self, now_us: u64) {
        if now_us.saturating_sub(self.since_us) > WINDOW_US {
            // an idle link is not a slow one: what was seen last stays until something is seen
            if self.now.rate.is_some() {
                self.before = std::mem::take(&mut self.now);
            }
            self.since_us = now_us;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the window full over a link of so many bytes a second and so long a way; gives the
    /// window after a while.
    fn settle(rate: u64, way_us: u64) -> u64 {
        let mut pace = Pace::default();
        let (mut now_us, mut link_free_us) = (1_000_000_u64, 0_u64);
        let mut on_way = std::collections::VecDeque::new();
        let mut in_flight = 0;
        for _ in 0..2_000 {
            while in_flight < pace.window_bytes(1 << 20) {
                link_free_us = link_free_us.max(now_us) + 1_000 * 1_000_000 / rate;
                on_way.push_back((link_free_us + 2 * way_us, pace.departs(now_us)));
                in_flight += 1_000;
            }
            let (back_us, left) = on_way.pop_front().unwrap();
            now_us = now_us.max(back_us);
            pace.round_trip(now_us, 2 * way_us);
            pace.arrived(now_us, 1_000, left);
            in_flight -= 1_000;
        }
        pace.window_bytes(1 << 20)
    }

    #[test]
    fn the_window_holds_what_the_link_delivers_in_a_round_trip_and_a_quarter_of_a_second() {
        // 256 kbit/s, 150 ms each way: 32 kB/s for 550 ms
        let window = settle(32_000, 150_000);
        assert!((14_000..22_000).contains(&window), "{window}");
        assert_eq!(settle(1_200, 500_000), WINDOW_BYTES_MIN, "9.6 kbit/s");
        assert_eq!(settle(1_000_000_000, 100), 1 << 20, "a wire");
    }
}
