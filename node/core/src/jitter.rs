//! [`Jitter`]: small differences in timing, so that many stations do not act at the same moment.
//!
//! Drawn from a seed that the driver gives: the core has no randomness of its own.

/// A sequence of numbers that look random (SplitMix64).
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// The sequence of a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_differ_by_seed() {
        let draw = |seed| {
            let mut jitter = Jitter::of(seed);
            (0..8).map(|_| jitter.below(1000)).collect::<Vec<_>>()
        };
        assert!(draw(1).iter().all(|n| *n < 1000));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(Jitter::of(7).below(0), 0);
    }

    #[test]
    fn a_seed_tells_the_same_story_everywhere_and_for_ever() {
        // the first numbers of SplitMix64 for this seed, as its authors give them: seeds that
        // found a fault once must find it again
        let mut jitter = Jitter::of(1_234_567);
        let first = [0; 3].map(|_| jitter.below(u64::MAX));
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }
}
