//! [`County`]: a whole county at work: stations of the real core on pretend disks and links that
//! break, grid workers who report and see to things, and a count from outside of what must come of
//! it.
//!
//! Every matter goes its way step by step, some steps are illegal on purpose, a few matters are
//! handled by nobody and rise. In the end the county's counts must be the sums of what the
//! [`clerk`] knows, tier by tier and category by category, and almost nothing may have crossed the
//! villages' uplinks for it.

pub mod clerk;
mod event;
mod links;
mod work;

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use yizhan_core::input::{Input, Ticket};
use yizhan_core::station::Fresh;
use yizhan_core::time::Now;
use yizhan_schemas::{Epoch, StoreId};

use crate::clock::Clock;
use crate::host::Host;
use crate::plan::Store;
use crate::timers::Timers;
use crate::tree::Tree;

use clerk::Clerk;
use event::Event;

/// When the first process starts, on a wall clock in the middle of a day in Beijing.
const WALL_MS: i64 = 1_795_449_600_000 + 6 * 3_600_000;
/// Reports come during so long, microseconds.
pub const WORK_US: u64 = 50 * 60_000_000;
/// And then everything has so long to come to its end.
const REST_US: u64 = 3 * 3_600_000_000;

/// Who handles what, and when what nobody handles goes up.
const POLICY: &str = r#"
[policy]
[[policy.route]]
kind = "incident.*"
handle_at = "village"
[[policy.deadline]]
kind = "incident.report"
severity = "significant"
accepted = "30m"
escalate_after = "40m"
"#;

/// How large a county, and what is in its way.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Townships.
    pub townships: usize,
    /// Villages, dealt out among them.
    pub villages: usize,
    /// Matters.
    pub matters: usize,
    /// Of these, handled by nobody below.
    pub rising: usize,
    /// Times that a link is cut.
    pub cuts: usize,
    /// Times that a process dies.
    pub crashes: usize,
    /// What decides everything else.
    pub seed: u64,
}

impl Size {
    /// One for a test: three townships, a busy afternoon.
    pub fn small(seed: u64) -> Self {
        Self { townships: 3, villages: 9, matters: 400, rising: 6, cuts: 20, crashes: 10, seed }
    }
}

/// Bytes that a child sent to its parent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wire {
    /// Frames with messages.
    pub batches_bytes: u64,
    /// All frames.
    pub all_bytes: u64,
}

/// A county at work.
pub struct County {
    tree: Tree,
    hosts: Vec<Host>,
    events: BTreeMap<(u64, u64), Event>,
    counter: u64,
    timers: Timers,
    now_us: u64,
    dice: SmallRng,
    /// Whether the link of a child carries anything.
    linked: Vec<bool>,
    wire: Vec<Wire>,
    callers: BTreeMap<Ticket, (usize, u32)>,
    /// Whose answer a ticket is for.
    asked: BTreeMap<Ticket, usize>,
    clerk: Clerk,
    faults: Vec<String>,
}

impl County {
    /// A county before its first day.
    ///
    /// # Errors
    /// A size that makes no tree.
    pub fn of(size: Size) -> Result<Self, String> {
        let mut parents = vec![None];
        parents.extend((0..size.townships).map(|_| Some(0)));
        parents.extend((0..size.villages).map(|n| Some(1 + n % size.townships)));
        let tree = Tree::under(&parents, POLICY)?;
        let store = Store {
            segment_bytes: 8 << 20,
            max_bytes: 1 << 30,
            capacity_bytes: 2 << 30,
            retain_ms: 3_600_000,
        };
        let codes = (0..tree.len()).filter_map(|at| tree.code(at).cloned());
        let hosts: Vec<Host> = codes
            .map(|code| Host::new(code, &tree, Clock::new(0, 0, WALL_MS), store.clone()))
            .collect();
        let count = hosts.len();
        let mut county = Self {
            clerk: Clerk::of(size, 1 + size.townships..count),
            tree,
            hosts,
            events: BTreeMap::new(),
            counter: 0,
            timers: Timers::new(count),
            now_us: 0,
            dice: SmallRng::seed_from_u64(size.seed),
            linked: vec![false; count],
            wire: vec![Wire::default(); count],
            callers: BTreeMap::new(),
            asked: BTreeMap::new(),
            faults: Vec::new(),
        };
        county.schedule(size);
        Ok(county)
    }

    fn schedule(&mut self, size: Size) {
        for host in 0..self.hosts.len() {
            let at = self.dice.random_range(0..500_000);
            self.at(at, Event::Start { host });
        }
        for matter in 0..size.matters {
            let at = self.dice.random_range(5_000_000..WORK_US);
            self.at(at, Event::Submit { matter });
        }
        for _ in 0..size.cuts {
            let child = self.dice.random_range(1..self.hosts.len());
            let at = self.dice.random_range(10_000_000..WORK_US);
            let for_us = self.dice.random_range(1_000_000..600_000_000);
            self.at(at, Event::Cut { child });
            self.at(at + for_us, Event::Heal { child });
        }
        for _ in 0..size.crashes {
            let host = self.dice.random_range(0..self.hosts.len());
            let at = self.dice.random_range(10_000_000..WORK_US);
            self.at(at, Event::Crash { host });
        }
    }

    /// Runs until nothing is left to come; what is wrong, if anything is.
    pub fn work(&mut self, mut progress: impl FnMut(u64)) -> Vec<String> {
        let end_us = WORK_US + REST_US;
        while self.now_us < end_us && self.faults.is_empty() {
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let Some(next_us) = event.into_iter().chain(self.timers.first_us()).min() else {
                break;
            };
            self.now_us = next_us;
            progress(next_us * 100 / end_us);
            if let Some(host) = self.timers.pop_by(next_us) {
                self.ring(host);
            } else if let Some((_, event)) = self.events.pop_first() {
                self.happen(event);
            }
        }
        self.judge();
        std::mem::take(&mut self.faults)
    }

    /// What each child sent up, and of which tier it is.
    pub fn wires(&self) -> impl Iterator<Item = (usize, Wire)> + '_ {
        self.wire.iter().enumerate().map(|(at, wire)| (self.tree.depth(at), *wire))
    }

    /// What was done.
    pub fn clerk(&self) -> &Clerk {
        &self.clerk
    }

    fn judge(&mut self) {
        let Some(root) = self.hosts.first().and_then(Host::station) else {
            return self.faults.push("the county does not run".to_owned());
        };
        let tally = &root.kept().tally;
        let mut sum = yizhan_schemas::payload::stats::Table::new();
        for day in tally.days() {
            let add = yizhan_schemas::payload::stats::Counts::add;
            yizhan_schemas::payload::stats::join(&mut sum, &tally.sum(day, 0), add);
        }
        let mut faults = self.clerk.judge(&sum);
        for (at, host) in self.hosts.iter().enumerate() {
            let ended = |outcome| host.station().map_or(0, |it| it.kept().outcomes.ended(outcome));
            let rejected = ended(yizhan_schemas::Outcome::Rejected);
            let due = self.clerk.illegal_of(at);
            if rejected != due {
                faults.push(format!("{at}: {rejected} steps were rejected, {due} were illegal"));
            }
        }
        self.faults.append(&mut faults);
    }

    fn at(&mut self, at_us: u64, event: Event) {
        self.counter += 1;
        self.events.insert((at_us, self.counter), event);
    }

    fn soon(&mut self, least_us: u64, most_us: u64, event: Event) {
        let at = self.now_us + self.dice.random_range(least_us..=most_us);
        self.at(at, event);
    }

    fn clock(&self, host: usize) -> Now {
        let clock = self.hosts.get(host).map(|h| h.clock.now(self.now_us));
        clock.unwrap_or(Now { boot_us: 0, wall_ms: 0 })
    }

    fn ring(&mut self, host: usize) {
        let now = self.clock(host);
        if let Some(h) = self.hosts.get_mut(host) {
            h.tick(now);
        }
        self.touched(host);
    }

    fn start(&mut self, host: usize) {
        let now = self.clock(host);
        let (store, seed) = (self.dice.random(), self.dice.random());
        let [epoch, notes_epoch] = [0; 2].map(|_: u8| Epoch::from_random(self.dice.random()));
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.process.is_none()) else { return };
        let store = StoreId::from_random(store);
        let fresh = Fresh { store, epoch, notes_epoch, boot: h.clock.boot, seed };
        if let Err(fault) = h.start(now, fresh) {
            return self.faults.push(format!("{host} does not start: {fault}"));
        }
        let life = h.life;
        self.soon(1_000, 50_000, Event::OpenInbox { host, life });
        self.soon(1_000, 600_000, Event::Index { host, life });
        self.soon(1_000, 50_000, Event::Heal { child: host });
        for child in self.tree.children(host).collect::<Vec<_>>() {
            self.soon(1_000, 2_000_000, Event::Heal { child });
        }
        self.touched(host);
    }

    fn crash(&mut self, host: usize) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.process.is_some()) else { return };
        h.crash(false, false);
        h.taken.clear();
        let mut cut: Vec<usize> = self.tree.children(host).collect();
        cut.push(host);
        cut.into_iter().for_each(|child| self.cut(child));
        self.soon(100_000, 20_000_000, Event::Start { host });
    }

    fn input(&mut self, host: usize, life: u32, input: Input) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        h.handle(now, input);
        self.touched(host);
    }
}
