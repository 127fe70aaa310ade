//! Times and ages as people read them: Beijing time, and two units of an age.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// A time of day as of RFC 3339, in Beijing time; what is no such time is left as it is.
pub(super) fn beijing(text: &str, form: &str) -> String {
    let zone = TimeZone::fixed(Offset::constant(8));
    let time = text.parse::<Timestamp>();
    time.map_or_else(
        |_| text.to_owned(),
        |time| time.to_zoned_datetime(zone).strftime(form).to_string(),
    )
}

/// With the day.
pub(super) const DAY_AND_TIME: &str = "%Y-%m-%d %H:%M:%S";
/// For what happens now.
pub(super) const TIME: &str = "%H:%M:%S%.3f";

/// An age in milliseconds, in at most two units: `850ms`, `12s`, `3m 20s`, `2d 3h`.
pub(super) fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    let of = |unit: u64, within: u64| seconds / unit % within;
    match seconds {
        0 if ms > 0 => format!("{ms}ms"),
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {}s", of(60, 60), of(1, 60)),
        3_600..86_400 => format!("{}h {}m", of(3_600, 24), of(60, 60)),
        _ => format!("{}d {}h", seconds / 86_400, of(3_600, 24)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units_at_most() {
        let ages = [0, 850, 12_345, 200_000, 3_600_000, 183_600_000].map(age);
        assert_eq!(ages, ["0s", "850ms", "12s", "3m 20s", "1h 0m", "2d 3h"]);
    }

    #[test]
    fn times_are_shown_in_beijing_wherever_the_reader_is() {
        assert_eq!(beijing("2026-11-23T00:30:00.12Z", TIME), "08:30:00.120");
        assert_eq!(beijing("2026-11-23T08:30:00+08:00", DAY_AND_TIME), "2026-11-23 08:30:00");
        assert_eq!(beijing("yesterday", TIME), "yesterday");
    }
}
