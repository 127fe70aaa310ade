//! The two clocks of a station: time since boot, suspend included, and the wall.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};
use yizhan_core::time::{BootId, Now};

/// Where Linux tells which boot this is.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

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
    #[test]
    fn time_since_boot_goes_on() {
        let first = super::now();
        let second = super::now();
        assert!(second.boot_us >= first.boot_us && first.boot_us > 0);
        assert_eq!(super::boot_id().unwrap(), super::boot_id().unwrap());
    }
}
