//! [`Bench`]: one station on its log, told one thing after the other, and checked after each step.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use yizhan_core::Station;
use yizhan_core::effect::Effect;
use yizhan_core::input::{Input, Ticket};
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::settings::Settings;
use yizhan_core::station::Fresh;
use yizhan_core::step::{Step, Steps, commit_through};
use yizhan_core::time::{BootId, Now};
use yizhan_schemas::{Code, Epoch, StoreId};
use yizhan_topology::Topology;

use super::held::Held;

const TREE: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township", "village"]
[[station]]
code = "510722"
name = "三台县"
[[station]]
code = "510722.101"
name = "潼川镇"
[[station]]
code = "510722.101.001"
name = "东街社区"
[[station]]
code = "510722.101.002"
name = "老西街社区"
[[station]]
code = "510722.102"
name = "塔山镇"
[[station]]
code = "510722.102.001"
name = "塔山社区"
"#;

static TOPOLOGY: LazyLock<Arc<Topology>> =
    LazyLock::new(|| Arc::new(Topology::read("tree.toml", TREE).expect("the tree is sound")));

/// A station, its log and its clocks.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) held: Held,
    pub(super) now: Now,
    pub(super) openings: u32,
    station: Station,
    steps: Steps,
    step: Option<Step>,
    boot: BootId,
    here: Code,
    /// Tickets, and whether one must be answered by the end of the step.
    waiting: BTreeMap<Ticket, bool>,
    tickets: u64,
}

impl Bench {
    pub(super) fn new(here: Code) -> Self {
        let now = Now { boot_us: 1_000_000, wall_ms: 1_700_000_000_000 };
        let boot = BootId(1);
        let mut bench = Self {
            held: Held::default(),
            now,
            openings: 1,
            station: recover(&here, Kept::default(), boot, 1),
            steps: Steps::default(),
            step: None,
            boot,
            here,
            waiting: BTreeMap::new(),
            tickets: 0,
        };
        bench.open();
        bench
    }

    /// The process dies, with what it had not committed, and starts again on `held`; after a
    /// power cut the clock since boot begins anew.
    pub(super) fn restart(&mut self, held: Held, power: bool, from_snapshot: bool) {
        self.held = held;
        if power {
            self.boot = BootId(self.boot.0 + 1);
            self.now.boot_us = 1_000_000;
        }
        if from_snapshot {
            let bytes = self.held.fold.to_snapshot().expect("a small state has a snapshot");
            let read = Kept::from_snapshot(&bytes).expect("what we wrote, we read");
            assert_eq!(read, self.held.fold, "a snapshot holds all that was kept");
        }
        self.openings += 1;
        self.station = recover(&self.here, self.held.fold.clone(), self.boot, self.openings);
        self.steps = Steps::default();
        self.step = None;
        self.waiting.clear();
        self.open();
    }

    fn open(&mut self) {
        let mut step = self.steps.begin();
        self.station.open(self.now, &mut step);
        self.step = Some(step);
    }

    /// Tells the station something. What comes of it is seen when the step is settled.
    pub(super) fn tell(&mut self, input: Input) {
        let step = self.step.get_or_insert_with(|| self.steps.begin());
        self.station.handle(self.now, input, step);
    }

    /// Time passes, and what has fallen due is done.
    pub(super) fn wait(&mut self, us: u64) {
        self.now.boot_us = self.now.boot_us.saturating_add(us);
        let step = self.step.get_or_insert_with(|| self.steps.begin());
        self.station.tick(self.now, step);
    }

    /// Commits what was gathered: what may be said now.
    pub(super) fn settle(&mut self) -> Vec<Effect> {
        let step = self.step.take().unwrap_or_else(|| self.steps.begin());
        let (writes, pending) = self.station.close(self.now, step);
        let Ok(durable) = commit_through(&mut self.held, &writes);
        self.check();
        let effects = pending.release(&durable).expect("its own commit is durable");
        for effect in &effects {
            if let Effect::Reply { ticket, .. } | Effect::Answer { ticket, .. } = effect {
                assert!(self.waiting.remove(ticket).is_some(), "{ticket:?} was answered twice");
            }
        }
        let silent = self.waiting.iter().find(|(_, now)| **now);
        assert_eq!(silent, None, "it has no answer");
        effects
    }

    /// A ticket that is answered once, and by the end of the step if it says `now`.
    pub(super) fn ticket(&mut self, now: bool) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.insert(ticket, now);
        ticket
    }

    pub(super) fn kept(&self) -> &Kept {
        self.station.kept()
    }

    pub(super) fn here(&self) -> &Code {
        &self.here
    }

    /// The neighbours that it has, and now and then one that it has not.
    pub(super) fn links(&self) -> Vec<Link> {
        let up = TOPOLOGY.parent(&self.here).map(|_| Link::Up);
        up.into_iter().chain(self.children().into_iter().map(Link::Down)).collect()
    }

    pub(super) fn children(&self) -> Vec<Code> {
        TOPOLOGY.children(&self.here).to_vec()
    }

    pub(super) fn parent(&self) -> Option<Code> {
        TOPOLOGY.parent(&self.here).cloned()
    }

    fn check(&self) {
        let kept = self.station.kept();
        assert_eq!(*kept, self.held.fold, "it remembers what it has not written down");
        assert_eq!(kept.imbalance(), None, "taken = held + handed over + ended by origin");
        assert!(kept.outcomes.balances(), "every (message, target) is open or has one outcome");
        for (link, lanes) in &kept.outbound {
            for (lane, owed) in lanes.iter() {
                let (at, tally) = (format!("{link:?} {lane}"), owed.tally);
                assert!(owed.acked < owed.next, "{at}: acked {} of {}", owed.acked, owed.next);
                let runs = owed.ended_runs(owed.acked + 1, owed.next);
                let ended: u64 = runs.iter().map(|run| run.through - run.from + 1).sum();
                let held = (owed.next - 1 - owed.acked).checked_sub(ended);
                assert_eq!(held, Some(owed.held()), "{at}: {owed:?}");
                let count = held.map(|held| held + tally.handed_over + tally.ended);
                assert_eq!(Some(tally.taken), count, "{at}: taken = held + handed over + ended");
            }
        }
    }
}

fn recover(here: &Code, kept: Kept, boot: BootId, opening: u32) -> Station {
    let fresh = Fresh {
        store: StoreId::from_random(1_000_000 + u64::from(opening)),
        epoch: Epoch::from_random(1_000 + opening),
        notes_epoch: Epoch::from_random(2_000_000 + opening),
        boot,
        seed: u64::from(opening),
    };
    let topology = Arc::clone(&TOPOLOGY);
    Station::recover(here.clone(), topology, Settings::default(), kept, fresh)
}
