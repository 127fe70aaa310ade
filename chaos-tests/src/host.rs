//! [`Host`]: one station with its disk and inbox, and the part of the driver that is logic:
//! gather while the disk syncs, release when it has, fill what is asked for.

use std::sync::Arc;

use yizhan_core::effect::{Deliver, Effect, Send};
use yizhan_core::fill::{Filled, LegSource as _, fill};
use yizhan_core::input::{Input, Marks};
use yizhan_core::link::Link;
use yizhan_core::settings::Settings;
use yizhan_core::station::{Fresh, Station};
use yizhan_core::step::{Pending, Step, Steps, Writes, commit_through};
use yizhan_core::time::{BootId, Now};
use yizhan_schemas::frame::Have;
use yizhan_schemas::{Code, Lane, PerLane};
use yizhan_topology::Topology;

use crate::disk::Disk;
use crate::stream::Stream;

/// A station and what it stands on.
#[derive(Debug)]
pub struct Host {
    /// Its place.
    pub code: Code,
    /// Its log.
    pub disk: Disk,
    /// Its inbox.
    pub stream: Stream,
    /// The process, while it runs.
    pub process: Option<Process>,
    /// How often it was started: events of an earlier life are void.
    pub life: u32,
    /// The machine's boot.
    pub boot: BootId,
    topology: Arc<Topology>,
}

/// What dies with the process.
#[derive(Debug)]
pub struct Process {
    station: Station,
    steps: Steps,
    step: Option<Step>,
    committing: Option<(Writes, Pending)>,
}

impl Host {
    /// A machine that was never switched on.
    pub fn new(code: Code, topology: Arc<Topology>, created_ns: i64) -> Self {
        Self {
            code,
            disk: Disk::default(),
            stream: Stream::create(created_ns),
            process: None,
            life: 0,
            boot: BootId(1),
            topology,
        }
    }

    /// Starts the process on what the disk holds; the first step waits to be committed.
    pub fn start(&mut self, now: Now, fresh: Fresh) {
        let kept = self.disk.recover();
        let topology = Arc::clone(&self.topology);
        let mut station =
            Station::recover(self.code.clone(), topology, Settings::default(), kept, fresh);
        let mut steps = Steps::default();
        let mut step = steps.begin();
        station.open(now, &mut step);
        self.life += 1;
        self.process = Some(Process { station, steps, step: Some(step), committing: None });
    }

    /// Hands an input to the station.
    pub fn handle(&mut self, now: Now, input: Input) {
        let Some(process) = self.process.as_mut() else { return };
        let step = process.step.get_or_insert_with(|| process.steps.begin());
        process.station.handle(now, input, step);
    }

    /// Does what has fallen due.
    pub fn tick(&mut self, now: Now) {
        let Some(process) = self.process.as_mut() else { return };
        let step = process.step.get_or_insert_with(|| process.steps.begin());
        process.station.tick(now, step);
    }

    /// When to tick next.
    pub fn due_us(&self) -> Option<u64> {
        self.process.as_ref().and_then(|process| process.station.due_us())
    }

    /// Begins the next commit if the disk is idle and there is something to commit.
    pub fn begin_commit(&mut self, now: Now) -> bool {
        let Some(process) = self.process.as_mut() else { return false };
        if process.committing.is_some() {
            return false;
        }
        let Some(step) = process.step.take() else { return false };
        process.committing = Some(process.station.close(now, step));
        true
    }

    /// The commit is through: what may be said now.
    pub fn end_commit(&mut self) -> Vec<Effect> {
        let Some((writes, pending)) = self.process.as_mut().and_then(|p| p.committing.take())
        else {
            return Vec::new();
        };
        let Ok(durable) = commit_through(&mut self.disk, &writes);
        pending.release(&durable).unwrap_or_default()
    }

    /// The process dies; with the power, unsynced writes go too. A commit under way may have
    /// reached the disk or not.
    pub fn crash(&mut self, power: bool, reached: bool) {
        let Some(process) = self.process.take() else { return };
        if let Some((writes, _)) = process.committing
            && reached
        {
            let Ok(_) = commit_through(&mut self.disk, &writes);
        }
        if power {
            self.disk.cut_power();
            self.boot = BootId(self.boot.0 + 1);
        }
        self.life += 1;
    }

    /// The frames that a send asks for, and the last leg in them.
    pub fn fill(&self, send: &Send, now: Now) -> Result<Filled, String> {
        fill(send, &self.disk, now)
    }

    /// Publishes into the inbox; the input that comes of it.
    pub fn deliver(&mut self, deliver: &Deliver) -> Input {
        for leg in deliver.from..=deliver.through {
            let put = self.disk.put(&Link::Inbox, Lane::Routine, leg);
            let id = put.map(|put| put.envelope.header().id());
            let sequence = u64::try_from(leg as i64 + deliver.offset).ok();
            let fits = id.zip(sequence).is_some_and(|(id, at)| self.stream.append(at, id));
            if !fits {
                return self.inbox_opened();
            }
        }
        Input::Delivered { through: deliver.through }
    }

    /// What the stream says of itself.
    pub fn inbox_opened(&self) -> Input {
        Input::InboxOpened {
            opening: u64::from(self.life),
            present_sequence: self.stream.last_sequence(),
            created_ns: self.stream.created_ns,
            last_sequence: self.stream.last_sequence(),
        }
    }

    /// What the log says of the places that a hello asks about.
    pub fn marks(&self, link: &Link, haves: &PerLane<Have>) -> PerLane<Marks> {
        PerLane::from_fn(|lane| {
            let acked = self.process.as_ref().and_then(|process| {
                process.station.kept().outbound(link, lane).map(|owed| owed.acked)
            });
            let before = haves.get(lane).expected.saturating_sub(1);
            Marks {
                expected: self.disk.chain_at(link, lane, before),
                acked: acked.and_then(|acked| self.disk.chain_at(link, lane, acked)),
            }
        })
    }

    /// The station, for checks.
    pub fn station(&self) -> Option<&Station> {
        self.process.as_ref().map(|process| &process.station)
    }
}
