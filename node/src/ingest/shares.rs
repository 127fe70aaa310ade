//! [`Shares`]: what each publisher may have open, and how fast it may come.
//!
//! Promise: whatever one publisher sends, it takes no more than its share of what a station works
//! on at once, and is told `rate_limited` at once for the rest; others go on. Who it is, is what the
//! server says of its connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use yizhan_core::bucket::Bucket;
use yizhan_schemas::reply::{ErrorCode, Refusal};

use crate::mailbox::Held;

/// Bytes of one publisher's requests that are worked on at once.
const PUBLISHER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// And of all publishers' together.
const ALL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a request counts beside its bytes: so none has more than 2,048 of them open.
const REQUEST_BYTES: usize = 8 * 1024;
/// Publishers that are told apart; those who rest are forgotten, and if there are more all the
/// same, they share one share.
const PUBLISHERS_MAX: usize = 1024;

/// The shares of all.
#[derive(Debug)]
pub struct Shares {
    per_second: u32,
    all: Arc<Semaphore>,
    publishers: BTreeMap<String, Share>,
}

#[derive(Debug)]
struct Share {
    bucket: Bucket,
    room: Arc<Semaphore>,
}

impl Shares {
    /// Nobody has anything open. Each may bring so many a second, and as many at once
    /// (`ingest.rate`).
    pub fn new(per_second: u32) -> Self {
        let all = Arc::new(Semaphore::new(ALL_BYTES_MAX));
        Self { per_second, all, publishers: BTreeMap::new() }
    }

    /// Takes a request of so many bytes in: its part of its publisher's share, and of that of all.
    ///
    /// # Errors
    /// `rate_limited`, with what is used up.
    pub fn take(&mut self, who: &str, bytes: usize, now_us: u64) -> Result<Held, Refusal> {
        let (per_second, share) = (self.per_second, self.share(who, now_us));
        if !share.bucket.take(now_us, 1) {
            return Err(limited(format!(
                "{who} has sent {per_second} messages within a second (ingest.rate); try again \
                 shortly"
            )));
        }
        let bytes = u32::try_from(bytes.saturating_add(REQUEST_BYTES)).unwrap_or(u32::MAX);
        let own = Arc::clone(&share.room).try_acquire_many_owned(bytes).ok();
        let own = own.ok_or_else(|| {
            limited(format!(
                "{who} has {PUBLISHER_BYTES_MAX} bytes of requests open (each counts \
                 {REQUEST_BYTES} more than its body); wait for answers"
            ))
        })?;
        let all = Arc::clone(&self.all).try_acquire_many_owned(bytes).ok();
        let all = all.ok_or_else(|| {
            limited(format!("{ALL_BYTES_MAX} bytes of requests are in hand; try again shortly"))
        })?;
        Ok([own, all])
    }

    fn share(&mut self, who: &str, now_us: u64) -> &mut Share {
        if self.publishers.len() >= PUBLISHERS_MAX && !self.publishers.contains_key(who) {
            self.publishers.retain(|_, share| {
                share.room.available_permits() < PUBLISHER_BYTES_MAX
                    || !share.bucket.is_full(now_us)
            });
        }
        let who = if self.publishers.len() < PUBLISHERS_MAX { who } else { "others" };
        let share = || Share {
            bucket: Bucket::new(self.per_second.into(), self.per_second.into()),
            room: Arc::new(Semaphore::new(PUBLISHER_BYTES_MAX)),
        };
        self.publishers.entry(who.to_owned()).or_insert_with(share)
    }
}

fn limited(why: String) -> Refusal {
    Refusal::new(ErrorCode::RateLimited, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(refused: Result<Held, Refusal>) -> String {
        let refusal = refused.unwrap_err();
        assert_eq!(refusal.code, ErrorCode::RateLimited);
        refusal.message
    }

    #[test]
    fn one_that_comes_too_fast_is_limited_and_others_are_not() {
        let start_us = 0;
        let mut shares = Shares::new(10);
        let taken = (0..50).filter(|_| shares.take("hog", 100, start_us).is_ok()).count();
        assert_eq!(taken, 10);
        assert!(why(shares.take("hog", 100, start_us)).contains("ingest.rate"));
        assert!(shares.take("grid", 100, start_us).is_ok());
        assert!(shares.take("hog", 100, start_us + 1_000_000).is_ok());
    }

    #[test]
    fn one_that_does_not_wait_for_answers_is_limited_until_they_are_given() {
        let now_us = 0;
        let mut shares = Shares::new(100_000);
        let mut open = Vec::new();
        while let Ok(held) = shares.take("hog", 256 * 1024, now_us) {
            open.push(held);
        }
        assert_eq!(open.len(), PUBLISHER_BYTES_MAX / (256 * 1024 + REQUEST_BYTES));
        assert!(why(shares.take("hog", 256 * 1024, now_us)).contains("wait for answers"));
        assert!(shares.take("grid", 256 * 1024, now_us).is_ok());
        open.pop();
        assert!(shares.take("hog", 256 * 1024, now_us).is_ok());
    }

    #[test]
    fn many_publishers_together_take_no_more_than_all_may() {
        let now_us = 0;
        let mut shares = Shares::new(100_000);
        let mut open = Vec::new();
        let held = (0..50).filter_map(|n| shares.take(&format!("p{n}"), 4 << 20, now_us).ok());
        open.extend(held);
        assert_eq!(open.len(), ALL_BYTES_MAX / ((4 << 20) + REQUEST_BYTES));
        assert!(why(shares.take("grid", 4 << 20, now_us)).contains("in hand"));
    }

    #[test]
    fn names_without_end_share_one_share_and_those_who_rest_are_forgotten() {
        let start_us = 0;
        let mut shares = Shares::new(1);
        for n in 0..PUBLISHERS_MAX * 3 {
            let _ = shares.take(&n.to_string(), 1, start_us);
        }
        assert!(shares.publishers.len() <= PUBLISHERS_MAX + 1);
        assert!(shares.take("grid", 1, start_us).is_err());
        assert!(shares.take("grid", 1, start_us + 2_000_000).is_ok());
        assert!(shares.publishers.len() < 10);
    }
}
