//! [`Plan`]: everything that a seed decides before the story begins.
//!
//! In the manner of swarm testing, each seed leaves some faults out altogether, so that rare
//! combinations are not drowned by frequent ones.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// What a seed brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Chance that a frame is dropped.
    pub drop: f64,
    /// Chance that a frame comes twice.
    pub duplicate: f64,
    /// Least and most delay of a frame, microseconds; a wide range reorders.
    pub delay_us: (u64, u64),
    /// Least and most time of a commit, microseconds.
    pub commit_us: (u64, u64),
    /// Messages submitted in all.
    pub messages: u32,
    /// Mean time between submissions, microseconds.
    pub pace_us: u64,
    /// Process crashes (the page cache survives), over both stations.
    pub crashes: u32,
    /// Power cuts (unsynced writes are lost), over both stations.
    pub power_cuts: u32,
    /// Link outages.
    pub partitions: u32,
    /// The station that loses or regresses its store, if any: 0 is the parent, 1 the child.
    pub unlucky: usize,
    /// Its store is lost this often.
    pub stores_lost: u32,
    /// Its store is put back to an old copy this often.
    pub stores_restored: u32,
    /// Share of messages with a time to live.
    pub perishable: f64,
    /// Share of submissions that a publisher repeats with the same key.
    pub repeats: f64,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = SmallRng::seed_from_u64(seed);
        let mut maybe = |chance: f64, most: u32| {
            if dice.random_bool(chance) { dice.random_range(1..=most) } else { 0 }
        };
        let (crashes, power_cuts, partitions) = (maybe(0.6, 5), maybe(0.6, 5), maybe(0.5, 4));
        let (stores_lost, stores_restored) = (maybe(0.3, 2), maybe(0.3, 2));
        let slow = dice.random_bool(0.3);
        Self {
            seed,
            drop: if dice.random_bool(0.6) { dice.random_range(0.0..0.4) } else { 0.0 },
            duplicate: if dice.random_bool(0.5) { dice.random_range(0.0..0.3) } else { 0.0 },
            delay_us: (100, if dice.random_bool(0.5) { 300_000 } else { 2_000 }),
            commit_us: (100, if slow { 400_000 } else { 3_000 }),
            messages: dice.random_range(20..400),
            pace_us: dice.random_range(500..60_000),
            crashes,
            power_cuts,
            partitions,
            unlucky: dice.random_range(0..2),
            stores_lost,
            stores_restored,
            perishable: if dice.random_bool(0.3) { 0.2 } else { 0.0 },
            repeats: if dice.random_bool(0.5) { 0.2 } else { 0.0 },
        }
    }

    /// How long faults may happen: as long as messages are submitted, and a while more.
    pub fn safety_us(&self) -> u64 {
        u64::from(self.messages) * self.pace_us + 5_000_000
    }
}
