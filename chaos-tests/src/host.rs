//! [`Host`]: one machine with its clocks, disk and inbox, and the part of the driver that is
//! logic: gather while the disk syncs, release when it has, fill what is asked for.

mod inbox;

use std::collections::VecDeque;
use std::sync::Arc;

use yizhan_core::effect::{Effect, Send};
use yizhan_core::fill::{LegSource as _, fill};
use yizhan_core::input::{Input, Marks};
use yizhan_core::link::Link;
use yizhan_core::outbound::Outbound;
use yizhan_core::record::Record;
use yizhan_core::settings::Settings;
use yizhan_core::station::{Fresh, Governed, Station};
use yizhan_core::step::{
    Durable, Pending, STEP_WAITS_US, Spool as _, Step, Steps, Writes, commit_through,
};
use yizhan_core::time::Now;
use yizhan_schemas::frame::{Frame, Have, VERSION};
use yizhan_schemas::{Code, Envelope, Lane, PerLane};
use yizhan_topology::Topology;

use crate::clock::Clock;
use crate::disk::{Disk, Full};
use crate::index::Index;
use crate::plan::Store;
use crate::seal::OneSignet;
use crate::stream::Stream;
use crate::tree::Tree;

/// Commits handed to the disk at a time: a step and a snapshot behind it, or an empty step.
const COMMITTING_MAX: usize = 2;

use inbox::Delivery;
pub use inbox::Published;

/// A station and what it stands on.
#[derive(Debug)]
pub struct Host {
    /// Its place.
    pub code: Code,
    /// Its clocks.
    pub clock: Clock,
    /// Its log.
    pub disk: Disk,
    /// Its inbox.
    pub stream: Stream,
    /// Its index of publishers' keys.
    pub index: Index,
    /// The process, while it runs.
    pub process: Option<Process>,
    /// How often it was started or ended: events of an earlier life are void.
    pub life: u32,
    /// Until when the process is not scheduled, virtual time.
    pub paused_us: u64,
    /// True while its bus runs.
    pub bus: bool,
    /// Counts starts of its bus: a connection to an earlier one is dead.
    pub bus_life: u32,
    /// Messages of publishers that became durable and that nobody asked for yet.
    pub taken: Vec<Envelope>,
    /// True while the disk syncs.
    disk_busy: bool,
    /// Bytes of the longest snapshot so far.
    pub snapshot_bytes: usize,
    /// Frame version that it speaks.
    pub version: u8,
    /// How long after a change counts are told above, milliseconds.
    pub stats_every_ms: u64,
    signet: OneSignet,
    topology: Arc<Topology>,
    store: Store,
}

/// What dies with the process.
#[derive(Debug)]
pub struct Process {
    station: Station,
    steps: Steps,
    step: Option<Step>,
    /// When that step is closed, if nobody waits for it before, microseconds since boot.
    close_by_us: Option<u64>,
    /// Handed to the disk, oldest first.
    committing: VecDeque<(Writes, Option<Pending>)>,
    /// The latest commit that the disk has answered for.
    durable: Option<Durable>,
    /// How full the disk is, to be told before the next input.
    usage: Option<Input>,
    /// Bytes held, as the station was told last.
    told_bytes: u64,
    /// The inbox, as this process sees it.
    delivery: Delivery,
    /// Commits until the oldest segment is told of again, after its messages were carried.
    carried: Option<u32>,
}

impl Host {
    /// A machine that was never switched on.
    pub fn new(code: Code, tree: &Tree, clock: Clock, store: Store) -> Self {
        Self {
            signet: tree.signets.one(&code),
            disk: Disk::new(store.capacity_bytes, code.clone()),
            code,
            clock,
            stream: Stream::create(1),
            index: Index::default(),
            process: None,
            life: 0,
            paused_us: 0,
            bus: false,
            bus_life: 0,
            taken: Vec::new(),
            disk_busy: false,
            snapshot_bytes: 0,
            version: VERSION,
            stats_every_ms: Settings::default().stats_every_ms,
            topology: Arc::clone(&tree.topology),
            store,
        }
    }

    /// Starts the process on what the disk holds; the first step waits to be committed.
    ///
    /// # Errors
    /// The log does not open.
    pub fn start(&mut self, now: Now, fresh: Fresh) -> Result<(), String> {
        let kept = self.disk.recover()?;
        self.index.open(&kept.keys);
        let topology = Arc::clone(&self.topology);
        let (version, retain_ms) = (self.version, self.store.retain_ms);
        let stats_every_ms = self.stats_every_ms;
        let settings = Settings { version, retain_ms, stats_every_ms, ..Settings::default() };
        let mut station = Station::recover(self.code.clone(), topology, settings, kept, fresh);
        let mut steps = Steps::default();
        let mut step = steps.begin();
        station.open(now, &mut step);
        self.life += 1;
        self.disk_busy = false;
        if !self.bus {
            self.bus = true;
            self.bus_life += 1;
        }
        self.process = Some(Process {
            station,
            steps,
            step: Some(step),
            close_by_us: None,
            committing: VecDeque::new(),
            durable: None,
            usage: None,
            carried: None,
            told_bytes: 0,
            delivery: Delivery::default(),
        });
        self.note_usage();
        Ok(())
    }

    /// Hands an input to the station.
    pub fn handle(&mut self, now: Now, input: Input) {
        let Some(process) = self.process.as_mut() else { return };
        let step = process.step.get_or_insert_with(|| process.steps.begin());
        if let Some(usage) = process.usage.take() {
            if let Input::Disk { held_bytes, .. } = &usage {
                process.told_bytes = *held_bytes;
            }
            process.station.handle(now, usage, step);
        }
        if matches!(input, Input::Carried { .. }) {
            // the commit that is under way, and the one that writes them anew
            process.carried = Some(2);
        }
        process.station.handle(now, input, step);
    }

    /// Does what has fallen due.
    pub fn tick(&mut self, now: Now) {
        let Some(process) = self.process.as_mut() else { return };
        let step = process.step.get_or_insert_with(|| process.steps.begin());
        process.station.tick(now, step);
    }

    /// When to tick next, microseconds since boot.
    pub fn due_us(&self) -> Option<u64> {
        let process = self.process.as_ref()?;
        process.station.due_us().into_iter().chain(process.close_by_us).min()
    }

    /// Hands what was gathered to the disk, if that is idle or nothing is to be written. Returns
    /// what may be said at once: nothing, in a station that keeps its promise, since the release
    /// of effects asks for a commit to come.
    pub fn begin_commit(&mut self, now: Now) -> Vec<Effect> {
        let mut early = Vec::new();
        let Some(process) = self.process.as_mut() else { return early };
        let busy = process.committing.len();
        if busy == 0 && process.step_waits(now) {
            return early;
        }
        let ready = process.step.take_if(|step| match busy {
            0 => true,
            // a step that writes nothing needs no disk, and waits for the commit before it
            busy => busy < COMMITTING_MAX && matches!(step.len(), 0),
        });
        if let Some(step) = ready {
            process.close_by_us = None;
            let (writes, pending) = process.station.close(now, step);
            let wrote = !writes.records().is_empty();
            process.hand_over(writes, pending, &mut early);
            if busy == 0
                && wrote
                && self.disk.wants_snapshot(self.store.segment_bytes)
                && let Ok((writes, pending)) = process.station.snapshot(process.steps.begin())
            {
                process.hand_over(writes, pending, &mut early);
            }
        }
        early
    }

    /// Lets an idle disk begin with the oldest commit it was given; true if that writes anything.
    pub fn next_commit(&mut self) -> Option<bool> {
        let process = self.process.as_ref().filter(|_| !self.disk_busy)?;
        let (writes, _) = process.committing.front()?;
        self.disk_busy = true;
        Some(!writes.records().is_empty())
    }

    /// The oldest commit is through: what may be said now.
    ///
    /// # Errors
    /// It does not fit: the process must end.
    pub fn end_commit(&mut self) -> Result<Vec<Effect>, Full> {
        let Some(process) = self.process.as_mut() else { return Ok(Vec::new()) };
        let Some((writes, pending)) = process.committing.pop_front() else {
            return Ok(Vec::new());
        };
        self.disk_busy = false;
        if let Some(Record::Snapshot(bytes)) = writes.records().first() {
            self.snapshot_bytes = self.snapshot_bytes.max(bytes.len());
        }
        let durable = commit_through(&mut self.disk, &writes).inspect_err(|Full| {
            // nothing may be written behind a commit that failed
            process.committing.clear();
        })?;
        self.index.committed(writes.records());
        self.taken.extend(taken(&writes));
        process.durable = Some(durable);
        process.carried = match process.carried {
            Some(0) => {
                self.disk.tell_again();
                None
            }
            commits => commits.map(|commits| commits - 1),
        };
        self.note_usage();
        Ok(pending.and_then(|pending| pending.release(&durable).ok()).unwrap_or_default())
    }

    fn note_usage(&mut self) {
        let (held_bytes, max_bytes) = (self.disk.held_bytes(), self.store.max_bytes);
        if let Some(process) = self.process.as_mut() {
            process.usage = Some(Input::Disk { held_bytes, max_bytes });
        }
    }

    /// Messages of an old segment that still owe something.
    pub fn carry(&self, segment: u64, open: &[(Link, Lane, u64, u64)]) -> Input {
        let (puts, seals) = self.disk.carry(segment, open);
        Input::Carried { segment, puts, seals }
    }

    /// The process dies; with the power, unsynced writes go too. The commit under way is in the
    /// page cache if it was `written`, and on the disk if that came before the power cut.
    pub fn crash(&mut self, power: bool, written: bool) {
        self.life += 1;
        self.paused_us = 0;
        if let Some((writes, _)) = self.process.take().and_then(|mut p| p.committing.pop_front())
            && written
        {
            // what does not fit is not there
            if self.disk.write(&writes).is_ok() {
                self.taken.extend(taken(&writes));
            }
            if power {
                let _ = self.disk.sync();
            }
        }
        if power {
            self.disk.cut_power();
        }
    }

    /// The frames that a send asks for, and what the station hears of it, in order.
    pub fn fill(&self, send: &Send, now: Now) -> Result<(Vec<Frame>, Vec<Input>), String> {
        let filled = fill(send, &self.disk, &self.signet, now)?;
        let frames: Vec<Frame> = filled.frames.into_iter().map(Frame::Batch).collect();
        let lengths = frames.iter().map(|frame| frame.encode().map_or(0, |bytes| bytes.len()));
        let bytes = lengths.sum::<usize>() as u64;
        let (link, session, lane, from) = (&send.link, send.session, send.lane, send.from);
        let gap = filled.gap.map(|(from, through)| Input::Unreadable {
            link: link.clone(),
            lane,
            from,
            through,
            id: None,
        });
        let (link, through) = (link.clone(), filled.through);
        let sent = Input::Sent { link, session, lane, from, through, bytes };
        Ok((frames, gap.into_iter().chain([sent]).collect()))
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

    /// True if, by what the station was told last, what is left is for flash alone.
    pub fn is_reserved(&self) -> bool {
        let reserve = self.store.max_bytes / 100 * Settings::default().flash_reserve_percent;
        let told = self.process.as_ref().map_or(0, |process| process.told_bytes);
        told >= self.store.max_bytes - reserve
    }

    /// A link whose count is out: `taken = held + handed over + ended` (design §3).
    pub fn unbalanced(&self) -> Option<&Link> {
        let kept = self.station()?.kept();
        let is_out = |lane: &Outbound| {
            let (tally, held) = (lane.tally, lane.held());
            tally.taken != held + tally.handed_over + tally.ended
        };
        let mut links = kept.outbound.iter();
        links.find(|(_, lanes)| lanes.iter().any(|(_, lane)| is_out(lane))).map(|(link, _)| link)
    }

    /// What the station's pages show of incidents and cases.
    pub fn governed(&mut self, now: Now) -> Option<Arc<Governed>> {
        self.process.as_mut().map(|process| process.station.view(now).governed)
    }

    /// The station, for checks.
    pub fn station(&self) -> Option<&Station> {
        self.process.as_ref().map(|process| &process.station)
    }
}

/// Messages of publishers in a commit.
fn taken(writes: &Writes) -> impl Iterator<Item = Envelope> + '_ {
    writes.records().iter().filter_map(|record| match record {
        Record::Put(put) if put.via.is_none() && !put.envelope.header().kind.is_internal() => {
            Some(put.envelope.clone())
        }
        _ => None,
    })
}

impl Process {
    /// True while the step that gathers is one that nobody waits for, and not for long.
    fn step_waits(&mut self, now: Now) -> bool {
        let Some(step) = self.step.as_mut() else { return false };
        if !self.station.may_wait(now, step) {
            return false;
        }
        let close_by_us = *self.close_by_us.get_or_insert(now.boot_us + STEP_WAITS_US);
        now.boot_us < close_by_us
    }

    /// Queues a commit. The release is tried with the latest commit that is durable: it must be
    /// refused, as every effect waits for a later one.
    fn hand_over(&mut self, writes: Writes, pending: Pending, early: &mut Vec<Effect>) {
        let pending = match self.durable {
            Some(durable) => match pending.release(&durable) {
                Ok(effects) => {
                    early.extend(effects);
                    None
                }
                Err(pending) => Some(pending),
            },
            None => Some(pending),
        };
        self.committing.push_back((writes, pending));
    }
}
