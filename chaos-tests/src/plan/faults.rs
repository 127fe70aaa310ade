//! [`Faults`]: what goes wrong in a story, and how often.

use rand::Rng;
use rand::rngs::SmallRng;

/// What goes wrong. Counts are over all stations or links and the whole safety phase.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// Chance that a frame is dropped.
    pub drop: f64,
    /// Chance that a frame comes twice.
    pub duplicate: f64,
    /// True if frames overtake one another.
    pub reorder: bool,
    /// Outages in which frames vanish.
    pub cuts: u32,
    /// Outages in which frames wait in buffers and come late.
    pub stalls: u32,
    /// Longest outage, microseconds.
    pub outage_us_max: u64,
    /// Process crashes: the page cache survives.
    pub crashes: u32,
    /// Power cuts: unsynced writes are lost, the clock since boot begins anew.
    pub power_cuts: u32,
    /// Processes that are not scheduled for a while.
    pub pauses: u32,
    /// Longest such while, microseconds.
    pub pause_us_max: u64,
    /// Syncs that fail: the process ends, and nobody knows what reached the disk.
    pub failed_syncs: u32,
    /// Jumps of a wall clock.
    pub jumps: u32,
    /// True if a wall clock begins in 1970 after a power cut.
    pub dateless: bool,
    /// Inboxes that are away for a while.
    pub inboxes_away: u32,
    /// Data directories lost.
    pub stores_lost: u32,
    /// Data directories put back to an old copy.
    pub stores_restored: u32,
    /// Chance that somebody alters a message of a frame.
    pub tamper: f64,
}

impl Faults {
    /// The faults of a seed whose safety phase is `safety_us` long.
    pub fn of(dice: &mut SmallRng, safety_us: u64) -> Self {
        if dice.random_bool(0.05) {
            return Self::default();
        }
        let mut maybe = |chance: f64, most: u32| {
            if dice.random_bool(chance) { dice.random_range(1..=most) } else { 0 }
        };
        let (cuts, stalls) = (maybe(0.5, 6), maybe(0.25, 4));
        let (crashes, power_cuts) = (maybe(0.5, 6), maybe(0.4, 6));
        let (pauses, failed_syncs) = (maybe(0.25, 3), maybe(0.2, 3));
        let (jumps, inboxes_away) = (maybe(0.3, 4), maybe(0.25, 3));
        let (stores_lost, stores_restored) = (maybe(0.2, 2), maybe(0.2, 2));
        let long = dice.random_bool(0.3);
        Self {
            drop: if dice.random_bool(0.4) { dice.random_range(0.0..0.4) } else { 0.0 },
            duplicate: if dice.random_bool(0.4) { dice.random_range(0.0..0.3) } else { 0.0 },
            reorder: dice.random_bool(0.4),
            cuts,
            stalls,
            outage_us_max: if long { 60_000_000 } else { safety_us.min(10_000_000) },
            crashes,
            power_cuts,
            pauses,
            pause_us_max: if long { 90_000_000 } else { 5_000_000 },
            failed_syncs,
            jumps,
            dateless: dice.random_bool(0.3),
            inboxes_away,
            stores_lost,
            stores_restored,
            tamper: 0.0,
        }
    }

    /// In some stories that something goes wrong in, somebody alters messages too.
    pub fn tamper(&mut self, dice: &mut SmallRng) {
        if *self != Self::default() && dice.random_bool(0.15) {
            self.tamper = dice.random_range(0.0..0.1);
        }
    }
}
