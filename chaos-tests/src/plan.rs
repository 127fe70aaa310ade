//! [`Plan`]: everything that a seed decides before the story begins.
//!
//! In the manner of swarm testing, each seed leaves most kinds of fault out altogether, so that
//! rare combinations are not drowned by frequent ones.

mod faults;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::dice::one_of;

pub use faults::Faults;

/// Bytes of a frame around what it carries, at most: session, heading, ages.
const FRAME_OVERHEAD_BYTES: u64 = 400;
/// Messages that one incident or case is good for, about.
const DEEDS: u32 = 10;

/// What a seed brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The station above each; the root first.
    pub parents: Vec<Option<usize>>,
    /// What publishers do.
    pub work: Work,
    /// What links are like while nothing is wrong with them.
    pub links: Links,
    /// Least and most time of a commit, microseconds.
    pub commit_us: (u64, u64),
    /// Drift of the machines' clocks, at most, parts per million.
    pub drift_ppm: i64,
    /// What stations keep, and where.
    pub store: Store,
    /// Chance that a station begins with the previous frame version, and is upgraded later.
    pub old_version: f64,
    /// True if a station's bus dies with its process.
    pub bus_dies_too: bool,
    /// How long a hello waits for its answer, microseconds.
    pub hello_wait_us: u64,
    /// What goes wrong.
    pub faults: Faults,
}

/// What stations keep, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Bytes in a segment of the log: a snapshot begins the next.
    pub segment_bytes: u64,
    /// Bytes that a station may hold (`spool.max_bytes`).
    pub max_bytes: u64,
    /// Bytes that its disk really has: `spool.max_bytes` is four fifths of them by default.
    pub capacity_bytes: u64,
    /// How long what is durable one hop further is kept, milliseconds.
    pub retain_ms: u64,
}

/// What publishers do.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Messages submitted in the safety phase.
    pub messages: u32,
    /// Mean time between submissions, microseconds.
    pub pace_us: u64,
    /// Share of messages that go down.
    pub down: f64,
    /// Shares of the lanes, most urgent first; the rest is routine.
    pub lanes: [f64; 3],
    /// Largest payload, bytes; most are far smaller.
    pub payload_bytes_max: usize,
    /// Share of messages with a time to live.
    pub perishable: f64,
    /// Longest time to live, milliseconds.
    pub ttl_ms_max: u64,
    /// Share of submissions that a publisher repeats with the same key.
    pub repeats: f64,
    /// Share of messages that are commands for a device.
    pub video: f64,
    /// Chance that an application answers what it finds in its inbox.
    pub answers: f64,
    /// Incidents and cases that people see to.
    pub affairs: u32,
    /// True if all is handed in as fast as it can be at one station, so that it piles up.
    pub burst: bool,
}

/// What links are like while nothing is wrong with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    /// Least and most delay of a frame one way, microseconds.
    pub delay_us: (u64, u64),
    /// Bytes a second each way; `None` is as fast as anybody sends.
    pub rate: Option<u64>,
    /// Bytes that wait for a slow link before more is dropped.
    pub queue_bytes: u64,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = SmallRng::seed_from_u64(seed);
        let parents = tree(&mut dice);
        let work = Work::of(&mut dice, parents.len());
        let links = Links::of(&mut dice);
        let slow = dice.random_bool(0.25);
        let drift = dice.random_bool(0.5);
        let mut plan = Self {
            seed,
            work,
            links,
            commit_us: (100, if slow { 400_000 } else { 3_000 }),
            drift_ppm: if drift { 400 } else { 0 },
            store: Store::of(&mut dice),
            old_version: if dice.random_bool(0.15) { 0.5 } else { 0.0 },
            bus_dies_too: dice.random_bool(0.5),
            hello_wait_us: if dice.random_bool(0.5) { 10_000_000 } else { 2_000_000 },
            faults: Faults::default(),
            parents,
        };
        plan.faults = Faults::of(&mut dice, plan.safety_us());
        if plan.store.is_tight() && dice.random_bool(0.5) {
            plan.work.payload_bytes_max = 40_000;
        }
        if plan.store.is_tight() {
            plan.store.fit(plan.work.payload_bytes_max as u64);
        }
        // of dice of their own: what is added here changes no other part of a story
        plan.work.talk(&mut SmallRng::seed_from_u64(seed ^ 0x7a1c));
        if dice.random_bool(0.05) && plan.parents.len() > 1 {
            plan.work.pile(&mut dice);
            plan.links.rate = Some(32_000);
            plan.links.queue_bytes = 32_000 * dice.random_range(1..6);
            plan.faults = Faults::default();
        }
        plan.thin(&mut SmallRng::seed_from_u64(seed ^ 0x7417));
        plan.faults.tamper(&mut SmallRng::seed_from_u64(seed ^ 0x7a3b));
        // chosen so that no seed that is kept (`seeds/trees.txt`) tells another story for it
        plan.work.see_to(&mut SmallRng::seed_from_u64(seed ^ 0x1fa9));
        plan
    }

    /// Some slow lines are thin ones: 9.6, 50 or 256 kbit/s, and what goes over them is short.
    fn thin(&mut self, dice: &mut SmallRng) {
        if self.links.rate.is_some() && dice.random_bool(0.5) {
            let rate = one_of(dice, [1_200, 6_250, 32_000]);
            self.links.rate = Some(rate);
            // as modems do: two seconds of the line and more, and some datagrams at the least
            self.links.queue_bytes = (rate * dice.random_range(2..6)).max(4_000);
            self.work.payload_bytes_max = self.work.payload_bytes_max.min(600);
        }
    }

    /// How long faults may happen: as long as messages are submitted, and a while more.
    pub fn safety_us(&self) -> u64 {
        u64::from(self.work.messages) * self.work.pace_us + 10_000_000
    }

    /// How long the quiet phase may take until everything has reached its outcome: some minutes
    /// for sessions, liveness bounds and restarts, tier after tier, and four times what it takes
    /// to send `bytes` (all that was accepted) over one link as slow as those of this plan, since
    /// a store that was lost or put back may have all of it sent again.
    pub fn quiet_us(&self, bytes: u64) -> u64 {
        let messages = self.work.messages + DEEDS * self.work.affairs;
        let frames = u64::from(messages) * FRAME_OVERHEAD_BYTES;
        let sending_s = self.links.rate.map_or(0, |rate| 4 * (bytes + frames) / rate.max(1));
        (180 + sending_s) * 1_000_000
    }

    /// Longest time from handing in a flash message to its inbox, over links that all work, hop by
    /// hop: what is in the modem's queue before it, a frame that is being sent, the way, and on each
    /// machine two commits, its own and the one before it, and the inbox. A message that becomes too
    /// old while it is being put into the inbox costs that two more. Flash waits for `before` others
    /// of its station: where commits are slow a link looks slow, and they go one a round trip. Not in
    /// it: any other backlog.
    pub fn flash_us_max(&self, hops: u64, before: u64) -> u64 {
        let frame_us = self.links.rate.map_or(0, |rate| 64 * 1024 * 1_000_000 / rate.max(1));
        // thin lines have short frames: there it is other flash that it waits for
        let frame_us = frame_us.min(self.links.rate.map_or(0, |rate| {
            let messages = 4.0 + 3.0 * f64::from(self.work.messages) * self.work.lanes[0];
            let message = self.work.payload_bytes_max as u64 + FRAME_OVERHEAD_BYTES;
            messages as u64 * message * 1_000_000 / rate.max(1)
        }));
        let commits_us = 2 * self.commit_us.1 + 100_000;
        let reopened_us = if self.work.perishable > 0.0 { commits_us } else { 0 };
        let trip_us = 2 * self.links.delay_us.1 + self.commit_us.1;
        let others_us = before * hops * trip_us;
        let way_us = hops * (self.transit_us_max() + frame_us) + (hops + 1) * commits_us;
        way_us + reopened_us + others_us
    }

    /// Bytes that may wait for a modem once its speed is known: one round trip and 250 ms of the
    /// line (design §5), or two frames, and the frame that came last; of the line as fast as acks in
    /// bunches make it look. All that is not bulk is in the slack.
    pub fn queued_bytes_max(&self) -> Option<u64> {
        let rate = self.links.rate?;
        let trip_us = 2 * (self.links.delay_us.1 + self.commit_us.1) + 250_000;
        let frame = (rate / 10).max(800) + self.work.payload_bytes_max as u64;
        Some(rate * trip_us / 1_000_000 * 5 / 4 + 3 * frame + 4 * FRAME_OVERHEAD_BYTES)
    }

    /// Longest time that a frame spends on one healthy link, microseconds.
    pub fn transit_us_max(&self) -> u64 {
        let queued = self.links.rate.map_or(0, |rate| {
            (self.links.queue_bytes + 2 * FRAME_OVERHEAD_BYTES) * 1_000_000 / rate.max(1)
        });
        self.links.delay_us.1 + queued
    }
}

/// Largest payloads that a spool holds, at the least: fewer than its settings demand, which are 16
/// segments (`spool.max_bytes`) of 4 payloads.
const PAYLOADS_MIN: u64 = 16;

/// Bytes of a small spool, before it is made to fit the payloads.
const TIGHT_BYTES: std::ops::Range<u64> = 300_000..2_000_000;

/// Mostly small trees: they find most faults, and a thousand of them play in the time of one large.
fn tree(dice: &mut SmallRng) -> Vec<Option<usize>> {
    let size = match dice.random_range(0..100) {
        0..2 => 1,
        2..35 => 2,
        35..60 => 3,
        60..92 => dice.random_range(4..=8),
        92..99 => dice.random_range(9..=20),
        _ => dice.random_range(21..=60),
    };
    let mut parents: Vec<Option<usize>> = vec![None];
    let mut depths = vec![0_usize];
    let deepest = dice.random_range(1..=4_usize);
    while parents.len() < size {
        let parent = dice.random_range(0..parents.len());
        let depth = depths.get(parent).map_or(1, |depth| depth + 1);
        if depth <= deepest {
            parents.push(Some(parent));
            depths.push(depth);
        }
    }
    parents
}

impl Work {
    fn of(dice: &mut SmallRng, stations: usize) -> Self {
        let most = if stations > 20 { 80 } else { 200 };
        Self {
            messages: dice.random_range(10..most),
            pace_us: one_of(dice, [500, 5_000, 60_000, 300_000]),
            down: dice.random_range(0.0..0.6),
            lanes: [0.1, 0.2, 0.3].map(|most| dice.random_range(0.0..most)),
            payload_bytes_max: one_of(dice, [200, 2_000, 20_000]),
            perishable: if dice.random_bool(0.4) { 0.3 } else { 0.0 },
            ttl_ms_max: if dice.random_bool(0.5) { 3_000 } else { 40_000 },
            repeats: if dice.random_bool(0.5) { 0.2 } else { 0.0 },
            video: 0.0,
            answers: 0.0,
            affairs: 0,
            burst: false,
        }
    }

    /// What became of messages is said by devices and applications too, in some stories.
    fn talk(&mut self, dice: &mut SmallRng) {
        self.video = if dice.random_bool(0.25) { 0.2 } else { 0.0 };
        self.answers = if dice.random_bool(0.4) { 0.3 } else { 0.0 };
    }

    /// In some stories people report incidents and open cases too, and see to them.
    fn see_to(&mut self, dice: &mut SmallRng) {
        if dice.random_bool(0.35) && !self.burst {
            self.affairs = dice.random_range(1..=10);
        }
    }

    /// Much at once from the station that is last, now and then something urgent.
    fn pile(&mut self, dice: &mut SmallRng) {
        self.burst = true;
        self.messages = dice.random_range(100..500);
        self.pace_us = 500;
        self.lanes = [0.04, 0.1, 0.1];
        self.payload_bytes_max = 2_000;
        self.perishable = 0.0;
        self.video = 0.0;
    }
}

impl Store {
    fn of(dice: &mut SmallRng) -> Self {
        let tight = dice.random_bool(0.25);
        let max_bytes = if tight { dice.random_range(TIGHT_BYTES) } else { 1 << 40 };
        Self {
            // as in the field, many segments make the whole
            segment_bytes: dice.random_range(10_000..200_000).min(max_bytes / 16),
            max_bytes,
            capacity_bytes: max_bytes / 4 * 5,
            retain_ms: one_of(dice, [0, 5_000, 7 * 86_400_000]),
        }
    }

    /// Small enough to be filled, and not smaller than a station's settings may make it.
    fn fit(&mut self, payload_bytes_max: u64) {
        let least = (PAYLOADS_MIN * payload_bytes_max).max(TIGHT_BYTES.start / 4);
        self.max_bytes = self.max_bytes / (TIGHT_BYTES.start / 1_000) * (least / 1_000);
        self.segment_bytes = self.segment_bytes.min(self.max_bytes / 16);
        self.capacity_bytes = self.max_bytes / 4 * 5;
    }

    /// True if what publishers hand in may fill it.
    fn is_tight(&self) -> bool {
        self.max_bytes < 1 << 30
    }
}

impl Links {
    fn of(dice: &mut SmallRng) -> Self {
        let rate = dice.random_bool(0.3).then(|| one_of(dice, [32_000, 120_000]));
        Self {
            delay_us: (100, if dice.random_bool(0.5) { 300_000 } else { 2_000 }),
            rate,
            queue_bytes: rate.unwrap_or(0) * dice.random_range(1..6),
        }
    }
}
