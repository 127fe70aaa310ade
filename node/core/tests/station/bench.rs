//! [`Bench`]: one station on a pretend log, told one thing after the other.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use yizhan_core::Station;
use yizhan_core::draft::Draft;
use yizhan_core::effect::Effect;
use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::input::{Input, Marks, Ticket};
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::record::{Record, seal_of};
use yizhan_core::settings::Settings;
use yizhan_core::station::Fresh;
use yizhan_core::step::{Spool, Steps, Writes, commit_through};
use yizhan_core::time::{BootId, Now};
use yizhan_schemas::frame::{Chain, Have};
use yizhan_schemas::{Code, Epoch, Kind, Lane, PerLane, Selector, StoreId};
use yizhan_topology::Topology;

/// A county, a township, a village.
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
code = "510722.101.002"
name = "老西街社区"
formerly = ["510722.101.099"]
"#;

/// Who handles what, and how long it may take.
const POLICY: &str = r#"
[policy]
[[policy.route]]
kind = "incident.*"
severity = "critical"
handle_at = "county"
[[policy.route]]
kind = "incident.*"
handle_at = "village"
[[policy.route]]
kind = "case.*"
handle_at = "village"
[[policy.ladder]]
kind = "case.*"
attempts = 3
max_age = "72h"
[[policy.deadline]]
kind = "incident.report"
severity = "significant"
accepted = "30m"
escalate_after = "2h"
[policy.categories]
version = "2026.1"
row = [
    { family = "case", from = "征地拆迁", to = "城乡建设" },
    { family = "incident", from = "0412", to = "市容环境" },
]
[[policy.round]]
name = "三天三一"
station = "510722.101"
to = "510722.101.002"
every = 3
first = "2023-11-20"
at = "09:00"
title = "矛盾纠纷排查"
requires = "completed"
due = "1d"
"#;

pub(crate) struct Bench {
    pub(crate) station: Station,
    pub(crate) code: Code,
    steps: Steps,
    pub(crate) log: Log,
    pub(crate) now: Now,
    life: Life,
}

/// What distinguishes one opening from another.
#[derive(Clone)]
struct Life {
    store: u64,
    opening: u32,
    boot: u32,
    settings: Settings,
    tree: String,
}

/// The tree before the village got its present code.
fn old_tree() -> String {
    TREE.replace("formerly = [\"510722.101.099\"]\n", "").replace(".002", ".099")
}

/// A log that keeps everything, and gives it back.
#[derive(Clone, Default)]
pub(crate) struct Log(pub(crate) Vec<Record>);

impl Spool for Log {
    type Error = Infallible;
    fn write(&mut self, writes: &Writes) -> Result<(), Infallible> {
        self.0.extend_from_slice(writes.records());
        Ok(())
    }
    fn sync(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Log {
    fn leg(&self, link: &Link, lane: Lane, sequence: u64) -> Option<HeldLeg> {
        self.0.iter().enumerate().rev().find_map(|(at, record)| {
            let put = record.put()?;
            if link.numbered_lane(put.envelope.header().lane) != lane {
                return None;
            }
            let leg = put.legs.iter().find(|leg| leg.link == *link && leg.sequence == sequence)?;
            Some(HeldLeg::of(put, leg, seal_of(&self.0, at)))
        })
    }
}

impl LegSource for Log {
    fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        for sequence in from..=through {
            let reading = self.leg(link, lane, sequence).map(Reading::Leg);
            if !each(reading.unwrap_or(Reading::Gap { from: sequence, through: sequence })) {
                break;
            }
        }
        Ok(())
    }

    fn chain_at(&self, link: &Link, lane: Lane, sequence: u64) -> Option<Chain> {
        self.leg(link, link.numbered_lane(lane), sequence).map(|leg| leg.chain)
    }
}

impl Bench {
    pub(crate) fn new(code: &str) -> Self {
        Self::with(code, Settings::default())
    }

    pub(crate) fn with(code: &str, settings: Settings) -> Self {
        let tree = if code.ends_with(".099") { old_tree() } else { TREE.to_owned() };
        Self::in_tree(code, settings, tree)
    }

    /// In a topology that lists a key for the county, and for no other station.
    pub(crate) fn keyed(code: &str) -> Self {
        let key = format!("code = \"510722\"\nkey = [\"U{}\"]\n", "A".repeat(55));
        Self::in_tree(code, Settings::default(), TREE.replace("code = \"510722\"\n", &key))
    }

    /// In a county whose policy says who handles what and how long it may take.
    pub(crate) fn governed(code: &str) -> Self {
        Self::in_tree(code, Settings::default(), format!("{TREE}{POLICY}"))
    }

    fn in_tree(code: &str, settings: Settings, tree: String) -> Self {
        let code = Code::parse(code).unwrap();
        let now = Now { boot_us: 1_000_000, wall_ms: 1_700_000_000_000 };
        let store = code.as_str().len() as u64;
        let life = Life { store, opening: 1, boot: 1, settings, tree };
        let station = open(&code, Kept::default(), &life);
        let mut bench =
            Self { station, code, steps: Steps::default(), log: Log::default(), now, life };
        bench.step(|station, now, step| station.open(now, step));
        bench
    }

    /// The process dies and starts again on its log; gives what it says first.
    pub(crate) fn restart(&mut self) -> Vec<Effect> {
        let mut kept = Kept::default();
        self.log.0.iter().for_each(|record| kept.apply(record).unwrap());
        self.life.opening += 1;
        self.station = open(&self.code, kept, &self.life);
        self.steps = Steps::default();
        self.step(|station, now, step| station.open(now, step))
    }

    /// The same with another topology file.
    pub(crate) fn restart_with_file(&mut self, edit: impl FnOnce(&str) -> String) -> Vec<Effect> {
        self.life.tree = edit(&self.life.tree);
        self.restart()
    }

    /// The power fails for so long, by the clock of everybody else.
    pub(crate) fn lose_power(&mut self, off_ms: u64) -> Vec<Effect> {
        self.life.boot += 1;
        self.now.boot_us = 500_000;
        self.now.wall_ms += off_ms;
        self.restart()
    }

    /// Starts again on a log as it once was.
    pub(crate) fn restore(&mut self, copy: Log) -> Vec<Effect> {
        self.log = copy;
        self.life.opening += 50;
        self.restart()
    }

    /// Starts again on an empty disk.
    pub(crate) fn lose_store(&mut self) -> Vec<Effect> {
        self.life.store += 1000;
        self.restore(Log::default())
    }

    /// Starts again under another code.
    pub(crate) fn rename(&mut self, code: &str) -> Vec<Effect> {
        self.code = Code::parse(code).unwrap();
        TREE.clone_into(&mut self.life.tree);
        self.restart()
    }

    pub(crate) fn set_version(&mut self, version: u8) {
        self.life.settings.version = version;
    }

    /// Tells the station something; what it says once that is durable.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<Effect> {
        self.step(|station, now, step| station.handle(now, input, step))
    }

    /// The same with several inputs that are taken in before anything is durable.
    pub(crate) fn tell_all(&mut self, inputs: Vec<Input>) -> Vec<Effect> {
        self.step(|station, now, step| {
            inputs.into_iter().for_each(|input| station.handle(now, input, step));
        })
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) -> Vec<Effect> {
        self.now.boot_us += ms * 1000;
        self.now.wall_ms += ms;
        let (due_us, written) = (self.station.due_us(), self.log.0.len());
        let said = self.step(Station::tick);
        // the driver sleeps until something is due; space is reclaimed when the disk is looked at
        let asleep = due_us.is_none_or(|at| at > self.now.boot_us);
        if asleep && !said.iter().any(|effect| matches!(effect, Effect::Discard { .. })) {
            let wrote = self.log.0.get(written..);
            assert!(said.is_empty() && wrote.is_some_and(<[_]>::is_empty), "{said:?}, {wrote:?}");
        }
        let due_us = self.station.due_us();
        assert!(due_us.is_none_or(|at| at > self.now.boot_us), "due for ever: {due_us:?}");
        said
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.log.0
    }

    /// What the log says of the places that a hello asks about.
    pub(crate) fn marks(&self, link: &Link, haves: &PerLane<Have>) -> PerLane<Marks> {
        PerLane::from_fn(|lane| {
            let acked = self.station.kept().outbound(link, lane).map(|owed| owed.acked);
            let before = haves.get(lane).expected.saturating_sub(1);
            Marks {
                expected: self.log.chain_at(link, lane, before),
                acked: acked.and_then(|acked| self.log.chain_at(link, lane, acked)),
            }
        })
    }

    fn step(
        &mut self,
        act: impl FnOnce(&mut Station, Now, &mut yizhan_core::step::Step),
    ) -> Vec<Effect> {
        let mut step = self.steps.begin();
        act(&mut self.station, self.now, &mut step);
        let (writes, pending) = self.station.close(self.now, step);
        let Ok(durable) = commit_through(&mut self.log, &writes);
        assert_eq!(self.station.audit(), None, "every leg is held, handed over or ended");
        pending.release(&durable).unwrap()
    }
}

fn open(code: &Code, kept: Kept, life: &Life) -> Station {
    let topology = Arc::new(Topology::read("tree.toml", &life.tree).unwrap());
    let fresh = Fresh {
        store: StoreId::from_random(life.store),
        epoch: Epoch::from_random(life.opening * 1000 + life.store as u32),
        notes_epoch: Epoch::from_random(life.opening * 1000 + life.store as u32 + 1_000_000),
        boot: BootId(life.boot),
        seed: u64::from(life.opening),
    };
    Station::recover(code.clone(), topology, life.settings.clone(), kept, fresh)
}

/// A publisher's message.
pub(crate) fn submitted(ticket: u64, kind: &str, to: &str, ttl_ms: Option<u64>) -> Input {
    let to = Some(Selector::parse(to).unwrap());
    let draft = Draft { to, ttl_ms, ..draft(kind, Bytes::from_static(b"{}")) };
    Input::Submitted { ticket: Ticket(ticket), draft: Box::new(draft) }
}

/// A draft of which nothing is said that need not be.
pub(crate) fn draft(kind: &str, payload: Bytes) -> Draft {
    Draft::plain(Kind::parse(kind).unwrap(), payload)
}
