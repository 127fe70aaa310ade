//! [`Round`]: a directive that repeats, as an inspection every three days does.
//!
//! Promise: a round's hours depend on the file alone. They are told in Beijing's time, which has
//! had no other offset since 1991.

use std::time::Duration;

use yizhan_schemas::payload::directive::Requires;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::{Code, Selector};

/// Most days from one round to the next.
pub const EVERY_DAYS_MAX: u32 = 366;

/// One `[[policy.round]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// What it is remembered by.
    pub name: String,
    /// Who issues it.
    pub station: Code,
    /// Whom it is for.
    pub to: Selector,
    /// Days from one to the next.
    pub every_days: u32,
    /// The first day.
    pub first: Day,
    /// The hour, milliseconds since midnight.
    pub at_ms: u64,
    /// The directive's heading.
    pub title: String,
    /// What is to be done.
    pub text: String,
    /// Which answer is asked for.
    pub requires: Requires,
    /// How long there is for it.
    pub due: Option<Duration>,
}

impl Round {
    fn hour_ms(&self, n: u64) -> u64 {
        let days = u64::from(self.every_days.max(1)).saturating_mul(n);
        let day = u64::from(self.first.0).saturating_add(days);
        let day = Day(u32::try_from(day).unwrap_or(u32::MAX));
        day.start_ms().saturating_add(self.at_ms)
    }

    /// The hour of the last one that has come, and of the next, Unix milliseconds.
    pub fn hours(&self, wall_ms: u64) -> (Option<u64>, u64) {
        let first_ms = self.hour_ms(0);
        if wall_ms < first_ms {
            return (None, first_ms);
        }
        let every_ms = self.hour_ms(1).saturating_sub(first_ms).max(1);
        let n = (wall_ms - first_ms) / every_ms;
        (Some(self.hour_ms(n)), self.hour_ms(n + 1))
    }
}

/// A moment as payloads have it, with Beijing's offset.
pub fn instant(wall_ms: u64) -> String {
    let ms = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    moment.display_with_offset(jiff::tz::offset(8)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn rounds_come_at_their_hour_every_few_days_and_never_before_the_first() {
        let round = Round {
            name: "x".to_owned(),
            station: Code::parse("1").unwrap(),
            to: Selector::parse("1.>").unwrap(),
            every_days: 3,
            first: Day(100),
            at_ms: 9 * 3_600_000,
            title: String::new(),
            text: String::new(),
            requires: Requires::Delivered,
            due: None,
        };
        let first_ms = 100 * DAY_MS + 3_600_000;
        assert_eq!(instant(first_ms), "1970-04-11T09:00:00+08:00");
        assert_eq!(round.hours(first_ms - 1), (None, first_ms));
        let second_ms = first_ms + 3 * DAY_MS;
        assert_eq!(round.hours(first_ms), (Some(first_ms), second_ms));
        assert_eq!(round.hours(second_ms - 1), (Some(first_ms), second_ms));
        assert_eq!(round.hours(second_ms), (Some(second_ms), second_ms + 3 * DAY_MS));
        assert_eq!(round.hours(second_ms + 300 * DAY_MS).0, Some(second_ms + 300 * DAY_MS));
    }
}
