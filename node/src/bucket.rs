//! [`Bucket`]: so many a second, and a burst of so many at once.

use std::time::Instant;

/// A token bucket, full at first.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// One that gives `per_second`, and `burst` at once after a pause.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self { per_second: per_second.into(), burst, tokens: burst, filled: now }
    }

    /// Takes one; `false` if there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.filled = self.filled.max(now);
        let there = self.tokens >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// True if nothing was taken for so long that it is as good as a new one.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens + passed * self.per_second >= self.burst
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_given_at_once_and_then_so_many_a_second_and_no_more_is_saved_up() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 100, start);
        let mut taken = |seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            (0..1000).filter(|_| bucket.take(now)).count()
        };
        assert_eq!(taken(0), 100);
        assert_eq!(taken(1), 10);
        assert_eq!(taken(0), 0, "a clock that stands still gives nothing");
        assert_eq!(taken(500), 100);
        assert!(!bucket.is_full(start + Duration::from_secs(505)));
        assert!(bucket.is_full(start + Duration::from_secs(511)));
    }
}
