//! Time as the core sees it: an argument, never a call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One boot of the machine, hashed from the system's boot id. Boot-time readings compare only
/// within one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BootId(
    /// The hash.
    pub u32,
);

/// The two clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since boot, suspend included (CLOCK_BOOTTIME), microseconds. The only clock that decides.
    pub boot_us: u64,
    /// Unix milliseconds of the wall clock, which may be wrong by years. For people only.
    pub wall_ms: u64,
}

/// This boot's clock, and what is known of the clocks of boots before it.
///
/// After a power cut nobody here knows how long it lasted. A neighbour whose machine ran on does:
/// it told us its clock in both boots, and the difference bridges the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootClock {
    /// The present boot.
    pub boot: BootId,
    /// Earlier boots: what to add to a reading of theirs to get one of the present, milliseconds.
    pub bridges: BTreeMap<BootId, i64>,
}

impl BootClock {
    /// A clock that knows nothing of earlier boots.
    pub fn of(boot: BootId) -> Self {
        Self { boot, bridges: BTreeMap::new() }
    }

    /// How long ago that reading was, milliseconds, or `None` if nobody can tell.
    pub fn since_ms(&self, now: Now, boot: BootId, reading_ms: u64) -> Option<u64> {
        let offset_ms = if boot == self.boot { 0 } else { *self.bridges.get(&boot)? };
        let then_ms = i128::from(reading_ms) + i128::from(offset_ms);
        let since_ms = i128::from(now.boot_ms()) - then_ms;
        Some(u64::try_from(since_ms.max(0)).unwrap_or(u64::MAX))
    }
}

/// What a publication needs to know of itself when it is acked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// When it left, microseconds since boot.
    pub at_us: u64,
    /// Bytes that had been acked on the link by then.
    pub delivered_bytes: u64,
    /// When the last of them were, or when the link was found empty.
    pub delivered_us: u64,
    /// True if more waited behind it.
    pub more: bool,
}

impl Now {
    /// Milliseconds since boot.
    pub fn boot_ms(self) -> u64 {
        self.boot_us / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_tells_how_long_ago_a_reading_of_an_earlier_boot_was() {
        let now = Now { boot_us: 5_000_000, wall_ms: 0 };
        let mut clock = BootClock::of(BootId(2));
        assert_eq!(clock.since_ms(now, BootId(2), 3_000), Some(2_000));
        assert_eq!(clock.since_ms(now, BootId(1), 900_000), None);
        // at 900 s of the old boot the power went, and was off for a minute
        clock.bridges.insert(BootId(1), -960_000);
        assert_eq!(clock.since_ms(now, BootId(1), 900_000), Some(65_000));
    }
}
