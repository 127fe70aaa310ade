//! The two clocks of a station: time since boot, suspend included, and the wall; and the beat that
//! its idle work keeps.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use yizhan_core::time::{BootId, Now};

/// Where Linux tells which boot this is.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// Between two beats. What is looked at now and then is looked at on the beat, so that an idle
/// station is woken once for all of it. A multiple of the 64 ms in which tokio's wheel of timers
/// turns: a timer that comes due between two turns wakes the process twice.
pub const BEAT: Duration = Duration::from_millis(1024);

/// Both clocks now.
pub fn now() -> Now {
    let boot_us = boot_us();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { boot_us, wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX) }
}

/// Time since boot, microseconds.
pub fn boot_us() -> u64 {
    let boot = clock_gettime(ClockId::Boottime);
    u64::try_from(boot.tv_sec).unwrap_or(0) * 1_000_000
        + u64::try_from(boot.tv_nsec).unwrap_or(0) / 1000
}

/// Begins the beats, if they have not begun. They keep step with tokio's timers if this is the
/// first thing that a runtime does.
pub fn begin_beats() -> Instant {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    // tokio rounds up to the next of its own milliseconds
    let just_begun = || Instant::now().checked_sub(Duration::from_millis(1));
    *FIRST.get_or_init(|| just_begun().unwrap_or_else(Instant::now))
}

/// The beat nearest to a while from now; a while shorter than a beat is what it is.
pub fn beat_in(pause: Duration) -> Instant {
    let now = Instant::now();
    if pause < BEAT {
        return now + pause;
    }
    let first = begin_beats();
    let beats = (now.saturating_duration_since(first) + pause + BEAT / 2).as_millis();
    let beats = u32::try_from(beats / BEAT.as_millis()).unwrap_or(u32::MAX);
    first + BEAT.saturating_mul(beats)
}

/// Which boot of the machine this is.
///
/// # Errors
/// The system does not tell; ages over restarts would be guesses.
pub fn boot_id() -> std::io::Result<BootId> {
    let text = std::fs::read_to_string(BOOT_ID_FILE)?;
    let hash = Sha256::digest(text.trim().as_bytes());
    let short: [u8; 4] = hash.first_chunk().copied().unwrap_or_default();
    Ok(BootId(u32::from_be_bytes(short)))
}

/// A wall clock's reading in Unix milliseconds as RFC 3339, for people.
pub fn rfc3339(wall_ms: u64) -> String {
    let wall_ms = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(wall_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{BEAT, beat_in, begin_beats};

    #[test]
    fn beats_are_whole_near_what_was_asked_for_and_never_now() {
        let first = begin_beats();
        for pause in [BEAT, Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(30)]
        {
            let before = Instant::now();
            let beat = beat_in(pause);
            assert_eq!((beat - first).as_nanos() % BEAT.as_nanos(), 0, "{pause:?}");
            assert!(beat + BEAT / 2 >= before + pause, "{pause:?}: too early");
            assert!(beat <= Instant::now() + pause + BEAT / 2, "{pause:?}: too late");
        }
        let (before, soon) = (Instant::now(), beat_in(Duration::from_millis(20)));
        assert!(soon >= before + Duration::from_millis(20) && soon < before + BEAT);
    }

    #[test]
    fn time_since_boot_goes_on() {
        let first = super::now();
        let second = super::now();
        assert!(second.boot_us >= first.boot_us && first.boot_us > 0);
        assert_eq!(super::boot_id().unwrap(), super::boot_id().unwrap());
    }
}
