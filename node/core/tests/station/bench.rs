//! [`Bench`]: one station on a pretend log, told one thing after the other.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use yizhan_core::Station;
use yizhan_core::draft::{Draft, Known};
use yizhan_core::effect::Effect;
use yizhan_core::input::{Input, Ticket};
use yizhan_core::kept::Kept;
use yizhan_core::record::Record;
use yizhan_core::settings::Settings;
use yizhan_core::station::Fresh;
use yizhan_core::step::{Spool, Steps, Writes, commit_through};
use yizhan_core::time::{BootId, Now};
use yizhan_schemas::{Code, Epoch, Kind, Selector, StoreId};
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
"#;

pub(crate) struct Bench {
    pub(crate) station: Station,
    steps: Steps,
    log: Log,
    now: Now,
    code: Code,
    openings: u32,
}

#[derive(Default)]
struct Log(Vec<Record>);

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

impl Bench {
    pub(crate) fn new(code: &str) -> Self {
        let code = Code::parse(code).unwrap();
        let now = Now { boot_us: 1_000_000, wall_ms: 1_700_000_000_000 };
        let (station, steps, log) =
            (open(&code, Kept::default(), 1), Steps::default(), Log::default());
        let mut bench = Self { station, steps, log, now, code, openings: 1 };
        bench.step(|station, now, step| station.open(now, step));
        bench
    }

    /// The process dies and starts again on its log.
    pub(crate) fn restart(&mut self) {
        let mut kept = Kept::default();
        self.log.0.iter().for_each(|record| kept.apply(record).unwrap());
        self.openings += 1;
        self.station = open(&self.code, kept, self.openings);
        self.steps = Steps::default();
        self.step(|station, now, step| station.open(now, step));
    }

    /// Tells the station something; what it says once that is durable.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<Effect> {
        self.step(|station, now, step| station.handle(now, input, step))
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) -> Vec<Effect> {
        self.now.boot_us += ms * 1000;
        self.step(Station::tick)
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.log.0
    }

    fn step(
        &mut self,
        act: impl FnOnce(&mut Station, Now, &mut yizhan_core::step::Step),
    ) -> Vec<Effect> {
        let mut step = self.steps.begin();
        act(&mut self.station, self.now, &mut step);
        let (writes, pending) = self.station.close(self.now, step);
        let Ok(durable) = commit_through(&mut self.log, &writes);
        pending.release(&durable).unwrap()
    }
}

fn open(code: &Code, kept: Kept, opening: u32) -> Station {
    let topology = Arc::new(Topology::read("tree.toml", TREE).unwrap());
    let fresh = Fresh {
        store: StoreId::from_random(7),
        epoch: Epoch::from_random(opening),
        notes_epoch: Epoch::from_random(opening + 1_000_000),
        boot: BootId(1),
        seed: u64::from(opening),
    };
    Station::recover(code.clone(), topology, Settings::default(), kept, fresh)
}

/// A publisher's message.
pub(crate) fn submitted(ticket: u64, kind: &str, to: &str, ttl_ms: Option<u64>) -> Input {
    let draft = Draft {
        kind: Kind::parse(kind).unwrap(),
        to: Some(Selector::parse(to).unwrap()),
        precedence: None,
        ttl_ms,
        payload: Bytes::from_static(b"{}"),
        content_type: None,
        severity: None,
        traceparent: None,
        ce_id: None,
        ce_source: None,
        ce_time: None,
        ce_extensions: BTreeMap::new(),
        key: None,
        known: Known::default(),
    };
    Input::Submitted { ticket: Ticket(ticket), draft: Box::new(draft) }
}
