//! [`Station`]: the one place that knows all deciders and asks each.
//!
//! Order of calls: [`Station::recover`], then [`Station::open`] into the first step, then any
//! number of [`Station::handle`] and [`Station::tick`] into a step, then [`Station::close`], and
//! so on. What it remembers over restarts is [`Kept`], and it changes that only by writing the
//! record that says so.

mod adapt;
mod aside;
mod authority;
mod categories;
mod clocks;
mod deliver;
mod digest;
mod due;
mod govern;
mod governed;
mod greet;
mod legs;
mod overdue;
mod park;
mod perish;
mod receipts;
mod receive;
mod reclaim;
mod remind;
mod room;
mod rounds;
mod seals;
mod send;
mod session;
mod spans;
mod submit;
mod uplink;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use yizhan_schemas::frame::Nudge;
use yizhan_schemas::{Code, Epoch, Lane, StoreId};
use yizhan_topology::Topology;

use crate::bucket::Bucket;
use crate::effect::{Effect, Notice};
use crate::input::Input;
use crate::jitter::Jitter;
use crate::kept::Kept;
use crate::link::Link;
use crate::mutant::{self, Mutant, check};
use crate::neighbour::Neighbour;
use crate::record::{Opened, Record};
use crate::settings::Settings;
use crate::step::{Pending, Step, Writes};
use crate::time::{BootClock, BootId, Now};

pub use adapt::ATTEMPTS_MAX;
pub use governed::{Governed, MatterView, SHOWN_MAX};
pub use room::BEYOND_PART;
pub use view::{LinkView, View};

/// A station with at most so many runs of legs counts all of them anew at every step; with more,
/// only the links that moved.
const AUDIT_RUNS_MAX: usize = 256;

/// Fresh randomness and facts of one opening, which the core cannot draw itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fresh {
    /// Used if the data directory is new.
    pub store: StoreId,
    /// Never used before.
    pub epoch: Epoch,
    /// Likewise, for the folds of this opening.
    pub notes_epoch: Epoch,
    /// The machine's boot.
    pub boot: BootId,
    /// For jitter.
    pub seed: u64,
}

/// What one station decides.
#[derive(Debug)]
pub struct Station {
    here: Code,
    formerly: Option<Code>,
    /// As in the file.
    file: Arc<Topology>,
    /// With the root's rules.
    ruled: Arc<Topology>,
    /// With the root's changes of keys, too.
    topology: Arc<Topology>,
    settings: Settings,
    kept: Kept,
    store: StoreId,
    epoch: Epoch,
    boot: BootId,
    clock: Arc<BootClock>,
    neighbours: BTreeMap<Link, Neighbour>,
    uplink: uplink::Uplink,
    jitter: Jitter,
    /// Numberings planned or begun in this epoch.
    link_epochs: u32,
    inbox: deliver::InboxLive,
    perishing: perish::Perishing,
    notes_epoch: Epoch,
    /// When it was opened, milliseconds since boot.
    opened_ms: u64,
    /// The wall clock then: no decision asks for it.
    opened_wall_ms: u64,
    /// What the step has learnt of messages, not written yet.
    news: receipts::News,
    reclaim: reclaim::Reclaim,
    flash: Bucket,
    timers: overdue::Timers,
    /// When to look at messages that wait.
    wake_us: Option<u64>,
    told: digest::Told,
    spans: spans::Spans,
    governed: Arc<Governed>,
    /// True if matters or counts are not those that were shown last.
    governed_changed: bool,
    owed: room::Owed,
    /// When to tell neighbours what is durable one hop further, if there may be news.
    tell_beyond_us: Option<u64>,
    disk: Disk,
    /// Links whose cursors moved in this step.
    touched: BTreeSet<Link>,
}

#[derive(Debug, Clone, Copy)]
struct Disk {
    held_bytes: u64,
    max_bytes: u64,
    /// Taken in the step that gathers.
    taken_bytes: u64,
    /// Taken in the step before, which `held_bytes` may not know of yet.
    closing_bytes: u64,
}

impl Disk {
    /// Bytes held, and those on their way to the disk.
    fn filled_bytes(self) -> u64 {
        self.held_bytes.saturating_add(self.closing_bytes).saturating_add(self.taken_bytes)
    }
}

impl Station {
    /// A station with what the log holds.
    pub fn recover(
        here: Code,
        topology: Arc<Topology>,
        settings: Settings,
        kept: Kept,
        fresh: Fresh,
    ) -> Self {
        let mut neighbours = BTreeMap::new();
        if topology.parent(&here).is_some() {
            neighbours.insert(Link::Up, Neighbour::hinted(settings.uplink_rate_hint));
        }
        for child in topology.children(&here) {
            neighbours.insert(Link::Down(child.clone()), Neighbour::default());
        }
        let clock = Arc::new(kept.clocks.clock(fresh.boot));
        let mut station = Self {
            here,
            formerly: None,
            topology: kept.amendment.over(&topology),
            ruled: Arc::clone(&topology),
            file: topology,
            settings,
            store: kept.store.unwrap_or(fresh.store),
            epoch: match kept.epoch {
                Some(old) if mutant::is(Mutant::EpochForgotten) => old,
                _ => fresh.epoch,
            },
            boot: fresh.boot,
            clock,
            kept,
            neighbours,
            uplink: uplink::Uplink::default(),
            jitter: Jitter::of(fresh.seed),
            link_epochs: 0,
            inbox: deliver::InboxLive::default(),
            perishing: perish::Perishing::default(),
            notes_epoch: fresh.notes_epoch,
            opened_ms: 0,
            opened_wall_ms: 0,
            news: receipts::News::default(),
            reclaim: reclaim::Reclaim::default(),
            flash: room::flash_bucket(),
            timers: overdue::Timers::default(),
            wake_us: None,
            told: digest::Told::default(),
            spans: spans::Spans::default(),
            governed: Arc::default(),
            governed_changed: true,
            owed: room::Owed::default(),
            tell_beyond_us: None,
            disk: Disk { held_bytes: 0, max_bytes: u64::MAX, taken_bytes: 0, closing_bytes: 0 },
            touched: BTreeSet::new(),
        };
        station.count_owed();
        station
    }

    /// The code that this station's data directory was made under (`station.formerly`).
    #[must_use]
    pub fn formerly(mut self, code: Option<Code>) -> Self {
        self.formerly = code;
        self
    }

    /// Writes down that the data directory was opened, before anything is said to anybody, and
    /// asks the children for hellos.
    pub fn open(&mut self, now: Now, step: &mut Step) {
        let opened = Opened {
            store: self.store,
            epoch: self.epoch,
            boot: self.boot,
            code: self.here.clone(),
            wall_ms: now.wall_ms,
            notes_epoch: Some(self.notes_epoch),
        };
        self.write(step, Record::Opened(opened));
        self.opened_ms = now.boot_ms();
        self.opened_wall_ms = now.wall_ms;
        self.perishing = perish::Perishing::of(&self.kept, &self.clock, self.opened_ms);
        self.prune_amendment(step);
        self.rule(now, step);
        self.watch_matters(now);
        self.set_waking(now);
        self.give_up_attempts(step);
        self.time_what_was_held(now);
        let links: Vec<Link> = self.neighbours.keys().cloned().collect();
        for link in links {
            for lane in Lane::ALL {
                if self.kept.outbound(&link, lane).is_none_or(|l| l.link_epoch.is_none()) {
                    self.renumber(&link, lane, 1, None, step);
                }
            }
            if let Link::Down(child) = link {
                step.after(Effect::Nudge { child, nudge: Nudge { epoch: self.epoch } });
            }
        }
    }

    /// Takes one input into account. Never fails, never waits.
    pub fn handle(&mut self, now: Now, input: Input, step: &mut Step) {
        match input {
            Input::Submitted { ticket, draft } => self.on_submitted(now, ticket, *draft, step),
            Input::Connected => self.on_connected(now, step),
            Input::Disconnected => self.on_disconnected(step),
            Input::Greeted { from, hello, ticket, marks } => {
                self.on_greeted(now, from, *hello, ticket, marks, step);
            }
            Input::Welcomed { welcome, marks } => self.on_welcomed(now, *welcome, marks, step),
            Input::Refused(refused) => self.on_refused(now, refused, step),
            Input::Unanswered { counter } => self.on_unanswered(now, counter),
            Input::Nudged => self.on_nudged(now, step),
            Input::Loudspeakers(hang) => self.settings.loudspeakers = hang,
            Input::Batch { link, session, lane, first, sent_ms, body } => {
                let heading = receive::Heading { link, session, lane, first, sent_ms };
                self.on_batch(now, heading, body, step);
            }
            Input::Ack { link, ack } => self.on_ack(now, &link, ack, step),
            Input::Beat { link, beat } => self.on_beat(now, &link, beat, step),
            Input::SpansWaiting => self.on_spans_waiting(),
            Input::Spans(batch) => self.on_spans(now, &batch, step),
            Input::Sent { link, session, lane, from, through, bytes } => {
                let sent = send::Sent { session, lane, from, through, bytes };
                self.on_sent(now, &link, sent);
            }
            Input::Attempted { lane, leg, id, result } => {
                self.on_attempted(lane, leg, &id, result, step);
            }
            Input::Answered { ticket, id, answer, remark } => {
                self.on_answered(ticket, &id, answer, remark, step);
            }
            Input::Oldest(segment) => self.on_oldest(*segment),
            Input::Carried { puts, seals, .. } => self.on_carried(puts, &seals, step),
            Input::Unreadable { link, lane, from, through, id } => {
                self.on_unreadable(&link, lane, from, through, id, step);
            }
            Input::InboxOpened { opening, created_ns, present_sequence, last_sequence } => {
                let stream =
                    deliver::Stream { opening, created_ns, present_sequence, last_sequence };
                self.on_inbox_opened(stream, step);
            }
            Input::InboxClosed => self.inbox.closed(),
            Input::Stale { leg } => self.on_stale(leg, step),
            Input::Delivered { through } => self.on_delivered(through),
            Input::Released { through, ids } => self.on_released(now, through, &ids, step),
            Input::Indexed { through } => self.write(step, Record::Indexed(through)),
            Input::Disk { held_bytes, max_bytes } => {
                self.disk = Disk { held_bytes, max_bytes, ..self.disk };
            }
        }
    }

    /// True while nobody waits for what a step writes: what the sends and deliveries that it made
    /// possible say is asked for first. More may be handled into it afterwards.
    pub fn may_wait(&mut self, now: Now, step: &mut Step) -> bool {
        if !step.is_note() {
            return false;
        }
        self.settle(now, step);
        step.is_note()
    }

    /// Asks for the sends and deliveries that a step made possible.
    fn settle(&mut self, now: Now, step: &mut Step) {
        self.perish(now, step);
        self.write_news(now, step);
        self.reclaim_space(now, step);
        self.fold_all_notes(now, step);
        self.tell_counts(now, step);
        let links: Vec<Link> = self.neighbours.keys().cloned().collect();
        for link in links {
            self.pump(&link, step);
        }
        self.pump_inbox(step);
        self.pump_adapter(step);
        if !self.touched.is_empty() {
            self.count_owed();
            let soon_us = now.boot_us + send::TELL_BEYOND_EVERY_US;
            self.tell_beyond_us.get_or_insert(soon_us);
        }
    }

    /// Ends a step: settles it, checks the count of every link that moved, and closes it.
    pub fn close(&mut self, now: Now, mut step: Step) -> (Writes, Pending) {
        self.settle(now, &mut step);
        self.disk.closing_bytes = std::mem::take(&mut self.disk.taken_bytes);
        self.audit_if_small();
        for link in std::mem::take(&mut self.touched) {
            let lanes = self.kept.outbound.get(&link);
            let balanced = lanes.is_none_or(|lanes| lanes.iter().all(|(_, lane)| lane.balances()));
            check!(balanced, "taken = held + handed over + ended must hold for {link:?}");
        }
        step.close()
    }

    /// Counts every leg anew, by origin and precedence; whose count is off, if anybody's. For
    /// checks from outside: a station with few runs of legs does it at every step.
    pub fn audit(&self) -> Option<crate::contents::Whose> {
        self.kept.imbalance()
    }

    fn audit_if_small(&self) {
        let lanes = self.kept.outbound.values().flat_map(|lanes| lanes.0.iter());
        let runs: usize = lanes.map(|lane| lane.contents.len()).sum();
        if !self.touched.is_empty() && runs <= AUDIT_RUNS_MAX {
            let off = self.audit();
            check!(off.is_none(), "taken = held + handed over + ended must hold for {off:?}");
            check!(self.kept.outcomes.balances(), "every pair is open or has one outcome");
        }
    }

    /// What it remembers, for snapshots and checks from outside.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Its place.
    pub fn here(&self) -> &Code {
        &self.here
    }

    /// A step that holds only a snapshot of all before it: the head of a new segment.
    ///
    /// # Errors
    /// The snapshot is larger than any allowed.
    pub fn snapshot(
        &self,
        mut step: Step,
    ) -> Result<(Writes, Pending), yizhan_schemas::codec::CodecError> {
        step.write(Record::Snapshot(self.kept.to_snapshot()?));
        Ok(step.close())
    }

    fn write(&mut self, step: &mut Step, record: Record) {
        self.governed_changed |= match &record {
            Record::Matter(_) | Record::DigestTaken(_) | Record::Resumed(_) => true,
            Record::Put(put) => put.opens,
            _ => false,
        };
        let applied = self.kept.apply(&record);
        debug_assert!(applied.is_ok(), "only a snapshot can fail to apply");
        step.write(record);
    }

    fn notice(&self, step: &mut Step, notice: Notice) {
        step.after(Effect::Notice(notice));
    }
}
