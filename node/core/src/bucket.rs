//! [`Bucket`]: a burst of so much, and then so much a second; full at first.

/// A token bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    burst: u64,
    per_second: u64,
    /// Millionths of a token: what a microsecond brings is a whole number of them.
    micro: u64,
    at_us: Option<u64>,
}

impl Bucket {
    /// One that holds `burst` tokens and gets `per_second` of them back.
    pub const fn new(burst: u64, per_second: u64) -> Self {
        Self { burst, per_second, micro: burst.saturating_mul(1_000_000), at_us: None }
    }

    /// Takes so many; `false`, and nothing is taken, if there are not so many.
    pub fn take(&mut self, now_us: u64, tokens: u64) -> bool {
        self.micro = self.micro_at(now_us);
        self.at_us = self.at_us.max(Some(now_us));
        let price = tokens.saturating_mul(1_000_000);
        let enough = self.micro >= price;
        if enough {
            self.micro -= price;
        }
        enough
    }

    /// True if nothing was taken for so long that it is as good as a new one.
    pub fn is_full(&self, now_us: u64) -> bool {
        self.micro_at(now_us) == self.burst.saturating_mul(1_000_000)
    }

    fn micro_at(&self, now_us: u64) -> u64 {
        let passed_us = now_us.saturating_sub(self.at_us.unwrap_or(now_us));
        let gained = passed_us.saturating_mul(self.per_second);
        self.micro.saturating_add(gained).min(self.burst.saturating_mul(1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_given_at_once_and_then_so_many_a_second() {
        let mut bucket = Bucket::new(100, 10);
        let mut taken = |now_us| (0..200).filter(|_| bucket.take(now_us, 1)).count();
        assert_eq!((taken(5_000_000), taken(7_000_000), taken(7_000_000)), (100, 20, 0));
        let mut bucket = Bucket::new(100, 10);
        assert!(!bucket.take(0, 101) && bucket.take(0, 100) && !bucket.take(99_999, 1));
        assert!(bucket.take(u64::MAX, 100), "a long pause saves up a burst and no more");
        assert!(!bucket.take(u64::MAX, 1));
    }

    #[test]
    fn a_burst_is_given_at_once_and_then_so_many_a_second_and_no_more_is_saved_up() {
        let mut bucket = Bucket::new(100, 10);
        let mut taken =
            |seconds: u64| (0..1000).filter(|_| bucket.take(seconds * 1_000_000, 1)).count();
        assert_eq!(taken(0), 100);
        assert_eq!(taken(1), 10);
        assert_eq!(taken(0), 0, "a clock that stands still gives nothing");
        assert_eq!(taken(500), 100);
        assert!(!bucket.is_full(505_000_000));
        assert!(bucket.is_full(511_000_000));
    }
}
