//! [`Clock`]: the two clocks of one machine, none of which shows the virtual time.
//!
//! The clock since boot runs evenly but not exactly, and starts anew at each boot; the wall clock
//! may stand anywhere and jump. Only the oracle knows what time it really is.

use yizhan_core::time::{BootId, Now};

/// Clocks of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// This boot.
    pub boot: BootId,
    /// Virtual time of this boot.
    booted_us: u64,
    /// What the clock since boot showed then.
    began_us: u64,
    /// How much too fast it runs, parts per million.
    ppm: i64,
    /// Wall clock less virtual time, milliseconds.
    wall_ms: i64,
}

impl Clock {
    /// A machine that boots at virtual time 0, wall clock at `wall_ms`.
    pub fn new(began_us: u64, ppm: i64, wall_ms: i64) -> Self {
        Self { boot: BootId(1), booted_us: 0, began_us, ppm, wall_ms }
    }

    /// What the clocks show at a virtual time.
    pub fn now(&self, at_us: u64) -> Now {
        let ran = i128::from(at_us.saturating_sub(self.booted_us));
        let drift = ran * i128::from(self.ppm) / 1_000_000;
        let boot_us = u64::try_from(i128::from(self.began_us) + ran + drift).unwrap_or(0);
        let wall_ms = i128::from(self.wall_ms) + i128::from(at_us / 1000);
        Now { boot_us, wall_ms: u64::try_from(wall_ms).unwrap_or(0) }
    }

    /// The first virtual time at which the clock since boot shows `boot_us`, or more.
    pub fn when(&self, boot_us: u64) -> u64 {
        let left = i128::from(boot_us.saturating_sub(self.began_us));
        let ran = left * 1_000_000 / (1_000_000 + i128::from(self.ppm));
        let mut at_us = self.booted_us.saturating_add(u64::try_from(ran).unwrap_or(u64::MAX));
        while self.now(at_us).boot_us < boot_us && at_us < u64::MAX {
            at_us += 1;
        }
        at_us
    }

    /// The machine boots again.
    pub fn reboot(&mut self, at_us: u64, began_us: u64) {
        self.boot = BootId(self.boot.0 + 1);
        (self.booted_us, self.began_us) = (at_us, began_us);
    }

    /// The wall clock is set.
    pub fn jump(&mut self, by_ms: i64) {
        self.wall_ms = self.wall_ms.saturating_add(by_ms);
    }

    /// The wall clock lost its battery: it begins in 1970.
    pub fn forget_date(&mut self, at_us: u64) {
        self.wall_ms = -i64::try_from(at_us / 1000).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_goes_off_when_the_clock_shows_its_time_and_not_before() {
        for ppm in [-500, 0, 37, 500] {
            let clock = Clock::new(1_234_567, ppm, 0);
            for boot_us in [1_234_567, 1_234_568, 2_000_000, 86_400_000_000] {
                let at_us = clock.when(boot_us);
                assert!(clock.now(at_us).boot_us >= boot_us);
                assert!(at_us == 0 || clock.now(at_us - 1).boot_us < boot_us, "{ppm} {boot_us}");
            }
        }
    }
}
