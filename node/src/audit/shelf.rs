//! [`Shelf`]: the files of a log as they lie in their directory, oldest first, and which may go.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::AuditError;

/// Digits of the number of a file's first line: names sort as numbers do.
const DIGITS: usize = 12;
/// What the name of every file ends with.
const ENDING: &str = ".jsonl";

/// One file: `<number of its first line>-<date>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    /// The number of its first line.
    pub(super) first: u64,
    /// The day (UTC) on which it was begun.
    pub(super) day: Date,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// The day of a moment, UTC.
pub(super) fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// The name of the file that begins with this line on this day.
pub(super) fn name(first: u64, day: Date) -> String {
    format!("{first:0DIGITS$}-{day}{ENDING}")
}

fn parse(name: &str) -> Option<(u64, Date)> {
    let (first, day) = name.strip_suffix(ENDING)?.split_once('-')?;
    let first = first.parse().ok().filter(|_| first.len() >= DIGITS)?;
    Some((first, day.parse().ok()?))
}

/// All files of a directory.
#[derive(Debug, Default)]
pub(super) struct Shelf(pub(super) Vec<Volume>);

impl Shelf {
    /// Looks.
    pub(super) fn read(dir: &Path) -> Result<Self, AuditError> {
        let failed = AuditError::at("read", dir);
        let mut volumes = Vec::new();
        for entry in fs::read_dir(dir).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            let Some((first, day)) = entry.file_name().to_str().and_then(parse) else { continue };
            let bytes = entry.metadata().map_err(&failed)?.len();
            volumes.push(Volume { first, day, path: entry.path(), bytes });
        }
        volumes.sort_by(|one, other| one.first.cmp(&other.first).then(one.day.cmp(&other.day)));
        Ok(Self(volumes))
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|volume| volume.bytes).sum()
    }

    /// How many of the oldest files may go: their lines are older than `retain` by the clock, and
    /// by the log's own calendar. A clock that has run ahead for an hour must not cost half a year:
    /// as many later days as `retain` has must have files.
    pub(super) fn outlived(&self, now: Timestamp, retain: Duration) -> usize {
        let days = usize::try_from(retain.as_secs() / 86_400).unwrap_or(usize::MAX);
        let outlived = |at: &usize| {
            // its last line is not younger than the beginning of the next file
            let Some(next) = self.0.get(*at + 1) else { return false };
            let ended = TimeZone::UTC.to_timestamp(DateTime::from(next.day));
            let by_clock = ended.is_ok_and(|ended| {
                let age_s = now.as_second().saturating_sub(ended.as_second());
                // the day on which the next was begun counts as a whole
                u64::try_from(age_s).is_ok_and(|age_s| age_s >= retain.as_secs() + 86_400)
            });
            let later: BTreeSet<Date> = self.0.iter().skip(*at + 1).map(|one| one.day).collect();
            by_clock && later.len() > days
        };
        (0..self.0.len()).take_while(outlived).count()
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    fn shelf(days: i64) -> Shelf {
        let begin: Date = "2026-01-01".parse().unwrap();
        let volume = |n: i64| Volume {
            first: n as u64 * 10 + 1,
            day: begin + n.days(),
            path: PathBuf::new(),
            bytes: 1,
        };
        Shelf((0..days).map(volume).collect())
    }

    fn noon(day: i64) -> Timestamp {
        let begin: Date = "2026-01-01".parse().unwrap();
        TimeZone::UTC.to_timestamp((begin + day.days()).at(12, 0, 0, 0)).unwrap()
    }

    const HALF_A_YEAR: Duration = Duration::from_secs(180 * 86_400);

    #[test]
    fn a_file_goes_when_the_clock_and_the_logs_own_calendar_agree() {
        assert_eq!(shelf(182).outlived(noon(181), HALF_A_YEAR), 0);
        assert_eq!(shelf(183).outlived(noon(182), HALF_A_YEAR), 1);
        assert_eq!(shelf(190).outlived(noon(189), HALF_A_YEAR), 8);
    }

    #[test]
    fn a_clock_that_is_ahead_takes_nothing_and_the_last_file_never_goes() {
        assert_eq!(shelf(100).outlived(noon(9_000), HALF_A_YEAR), 0);
        assert_eq!(shelf(1).outlived(noon(9_000), HALF_A_YEAR), 0);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let day = "2026-11-26".parse().unwrap();
        assert_eq!(name(42, day), "000000000042-2026-11-26.jsonl");
        assert_eq!(parse(&name(42, day)), Some((42, day)));
        for other in ["head.json", "42-2026-11-26.jsonl", "000000000042-2026-13-26.jsonl"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
