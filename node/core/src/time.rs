//! Time as the core sees it: an argument, never a call.

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

impl Now {
    /// Milliseconds since boot.
    pub fn boot_ms(self) -> u64 {
        self.boot_us / 1000
    }
}
