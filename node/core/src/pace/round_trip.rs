//! [`RoundTrip`]: how long the way there and back is when nothing waits on it.
//!
//! Under load every sample has the queue in it that we make ourselves. Taken for the way, it would
//! allow a longer queue, and so on. So the shortest one stands; where it was not seen again for
//! long, little is sent for a moment, and what is seen then stands instead.

/// The shortest round trip is looked for again after this long, microseconds.
const AGAIN_US: u64 = 120_000_000;
/// Samples this much longer than the shortest are no doubt about it, microseconds.
const DOUBT_US: u64 = 50_000;

/// The shortest round trip.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RoundTrip {
    shortest_us: Option<u64>,
    /// The shortest since `since_us`.
    lately_us: Option<u64>,
    since_us: u64,
    /// Little is sent until then.
    quiet_until_us: Option<u64>,
}

impl RoundTrip {
    /// One was measured. `queue_us` is what we put in front of ourselves at most.
    pub(super) fn measured(&mut self, now_us: u64, sample_us: u64, queue_us: u64) {
        let lately_us = self.lately_us.map_or(sample_us, |known| known.min(sample_us));
        self.lately_us = Some(lately_us);
        if let Some(until_us) = self.quiet_until_us {
            if now_us >= until_us {
                *self = Self { shortest_us: Some(lately_us), since_us: now_us, ..Self::default() };
            }
            return;
        }
        let shortest_us = self.shortest_us.map_or(sample_us, |known| known.min(sample_us));
        self.shortest_us = Some(shortest_us);
        if now_us.saturating_sub(self.since_us) >= AGAIN_US {
            let doubtful = lately_us > shortest_us.saturating_add(DOUBT_US);
            let pause_us = lately_us.saturating_add(queue_us);
            self.quiet_until_us = doubtful.then_some(now_us.saturating_add(pause_us));
            (self.lately_us, self.since_us) = (None, now_us);
        }
    }

    /// The shortest, microseconds.
    pub(super) fn us(&self) -> Option<u64> {
        self.shortest_us
    }

    /// True while little is to be sent, so that it shows.
    pub(super) fn is_looked_for(&self) -> bool {
        self.quiet_until_us.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_stands_while_a_queue_makes_all_others_longer() {
        let mut way = RoundTrip::default();
        way.measured(1, 300_000, 250_000);
        for second in 1..120 {
            way.measured(second * 1_000_000, 550_000, 250_000);
        }
        assert_eq!((way.us(), way.is_looked_for()), (Some(300_000), false));
    }

    #[test]
    fn a_way_that_became_longer_is_found_so_after_some_minutes() {
        let mut way = RoundTrip::default();
        way.measured(1, 1_000, 250_000);
        way.measured(120_000_001, 650_000, 250_000);
        assert!(!way.is_looked_for(), "the short one was seen in these two minutes");
        way.measured(240_000_001, 650_000, 250_000);
        assert!(way.is_looked_for());
        way.measured(240_400_000, 620_000, 250_000);
        assert_eq!((way.us(), way.is_looked_for()), (Some(1_000), true), "what waited comes first");
        way.measured(240_900_001, 600_000, 250_000);
        assert_eq!((way.us(), way.is_looked_for()), (Some(600_000), false));
        way.measured(240_900_002, 590_000, 250_000);
        assert_eq!(way.us(), Some(590_000));
    }

    #[test]
    fn who_sees_the_shortest_again_and_again_never_pauses() {
        let mut way = RoundTrip::default();
        for second in 0..600 {
            way.measured(second * 1_000_000, 1_000 + second % 7 * 5_000, 250_000);
            assert!(!way.is_looked_for());
        }
    }
}
