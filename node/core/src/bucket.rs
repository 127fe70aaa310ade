//! [`Bucket`]: a burst of so much, and then so much a second; full at first.

/// A token bucket of `BURST` tokens that gets `PER_SECOND` of them back.
#[derive(Debug)]
pub struct Bucket<const BURST: u64, const PER_SECOND: u64> {
    /// Millionths of a token: what a microsecond brings is a whole number of them.
    micro: u64,
    at_us: Option<u64>,
}

impl<const BURST: u64, const PER_SECOND: u64> Default for Bucket<BURST, PER_SECOND> {
    fn default() -> Self {
        Self { micro: Self::FULL, at_us: None }
    }
}

impl<const BURST: u64, const PER_SECOND: u64> Bucket<BURST, PER_SECOND> {
    const FULL: u64 = BURST * 1_000_000;

    /// Takes so many; `false`, and nothing is taken, if there are not so many.
    pub fn take(&mut self, now_us: u64, tokens: u64) -> bool {
        let passed_us = now_us.saturating_sub(self.at_us.unwrap_or(now_us));
        let gained = passed_us.saturating_mul(PER_SECOND);
        self.micro = self.micro.saturating_add(gained).min(Self::FULL);
        self.at_us = Some(now_us);
        let price = tokens.saturating_mul(1_000_000);
        let enough = self.micro >= price;
        if enough {
            self.micro -= price;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_given_at_once_and_then_so_many_a_second() {
        let mut bucket = Bucket::<100, 10>::default();
        let mut taken = |now_us| (0..200).filter(|_| bucket.take(now_us, 1)).count();
        assert_eq!((taken(5_000_000), taken(7_000_000), taken(7_000_000)), (100, 20, 0));
        let mut bucket = Bucket::<100, 10>::default();
        assert!(!bucket.take(0, 101) && bucket.take(0, 100) && !bucket.take(99_999, 1));
        assert!(bucket.take(u64::MAX, 100), "a long pause saves up a burst and no more");
        assert!(!bucket.take(u64::MAX, 1));
    }
}
