//! [`Driver`]: the loop around the core.
//!
//! Promise: inputs are taken in order, any number into one step; a step is closed when the disk
//! is idle; its effects are carried out when its commit is durable, and not before (the types of
//! [`yizhan_core::step`] leave no other way). While one commit syncs, the next step gathers, in
//! this loop or, where a sync is quick, in the sockets: load makes batches larger, not slower. If
//! a commit fails, the loop ends: the memory has moved on and the disk has not.

mod disk;
mod outlets;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use yizhan_core::effect::Effect;
use yizhan_core::fill::LegSource;
use yizhan_core::input::{Input, Marks, Ticket};
use yizhan_core::link::Link;
use yizhan_core::station::{Station, View};
use yizhan_core::step::{STEP_WAITS_US, Step, Steps};
use yizhan_core::time::Now;
use yizhan_schemas::PerLane;
use yizhan_schemas::frame::{Frame, Have};

pub use self::disk::{CommitLog, Disk, DiskFailed, Done, Observer, Usage, UsageLook};
pub use self::outlets::{
    ATTEMPTS_MAX, AttemptOrder, InboxOrder, NoticeSink, ORDERS_MAX, Order, Outlets, ReclaimOrder,
};

use self::disk::Job;
use crate::clock;
use crate::mailbox::{Asker, Letter};
use crate::telemetry::room;

/// Letters taken into a step at one go, so that a flood cannot keep a step from closing.
const LETTERS_A_TURN_MAX: usize = 1024;
/// With how many records a step that nobody waits for does not wait any longer.
const WAITING_RECORDS_MAX: usize = 256;
/// How soon pages and metrics see what happened.
const VIEW_SOON: Duration = Duration::from_millis(250);
/// How often they see a new [`View`] where nothing happens: ages grow all the same.
const VIEW_AT_LEAST: Duration = Duration::from_secs(2);

/// The loop, ready to run.
pub struct Driver {
    station: Station,
    steps: Steps,
    step: Option<Step>,
    legs: Arc<dyn LegSource>,
    outlets: Outlets,
    view: watch::Sender<View>,
    publishers: HashMap<Ticket, Asker>,
    callers: BTreeMap<Ticket, oneshot::Sender<Frame>>,
    tickets: u64,
    /// Commits handed to the disk and not answered yet.
    committing: usize,
    snapshot_due: bool,
    /// When the step that gathers is closed, if nobody waits for it before.
    close_by: Option<Instant>,
    /// Inputs that carrying out effects made at once.
    own: VecDeque<Input>,
    /// Letters read that wait for the next step.
    waiting: VecDeque<Letter>,
    /// Bytes of messages in the step that gathers.
    gathered_bytes: u64,
    /// How full the disk was when the core was told last.
    usage: Option<Usage>,
    /// When pages and metrics see the next view.
    view_at: Instant,
    /// Called whenever the loop has turned, every two seconds at least.
    pulse: Box<dyn FnMut() + Send>,
}

impl Driver {
    /// A driver of a recovered station.
    pub fn new(
        mut station: Station,
        legs: Arc<dyn LegSource>,
        outlets: Outlets,
    ) -> (Self, watch::Receiver<View>) {
        let (view, views) = watch::channel(station.view(clock::now()));
        let driver = Self {
            station,
            steps: Steps::default(),
            step: None,
            legs,
            outlets,
            view,
            publishers: HashMap::new(),
            callers: BTreeMap::new(),
            tickets: 0,
            committing: 0,
            snapshot_due: false,
            close_by: None,
            own: VecDeque::new(),
            waiting: VecDeque::new(),
            gathered_bytes: 0,
            usage: None,
            view_at: Instant::now(),
            pulse: Box::new(|| ()),
        };
        (driver, views)
    }

    /// Has somebody told that the loop turns.
    pub fn with_pulse(self, pulse: Box<dyn FnMut() + Send>) -> Self {
        Self { pulse, ..self }
    }

    /// Runs until `stop` says so, the mailbox is closed or the disk fails.
    ///
    /// # Errors
    /// The disk failed: nothing that was not durable has been said. Only a restart helps.
    pub async fn run(
        mut self,
        mut letters: mpsc::Receiver<Letter>,
        mut disk: Disk,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), DiskFailed> {
        self.begin_step(&disk);
        if let Some(step) = &mut self.step {
            self.station.open(clock::now(), step);
        }
        let mut taken = Vec::with_capacity(LETTERS_A_TURN_MAX);
        let mut stopping = false;
        loop {
            self.take_own(&disk);
            self.take_waiting(&disk);
            if self.commit_if_idle(&disk, stopping)? {
                // those who wait for what was just said, and those who bring more, go first
                tokio::task::yield_now().await;
                disk.show();
                if !self.own.is_empty() || !self.waiting.is_empty() || self.snapshot_due {
                    continue;
                }
            }
            if stopping && self.committing == 0 && self.step.is_none() && self.waiting.is_empty() {
                return Ok(());
            }
            let more = !stopping && self.waiting.is_empty() && self.has_room(&disk);
            let due = self.station.due_us().map(instant_of);
            // one timer for all: each turn sets it anew
            let wake = [due, self.close_by].into_iter().flatten().fold(self.view_at, Instant::min);
            tokio::select! {
                done = disk.done() => self.committed(done?),
                count = letters.recv_many(&mut taken, LETTERS_A_TURN_MAX), if more => {
                    if count == 0 {
                        stopping = true;
                    }
                    self.waiting.extend(taken.drain(..));
                }
                () = tokio::time::sleep_until(wake) => {
                    if due.is_some_and(|due| due <= wake) {
                        self.tick(&disk);
                    }
                    if self.view_at <= wake {
                        self.show();
                    }
                }
                _ = stop.changed(), if !stopping => stopping = true,
            }
        }
    }

    fn show(&mut self) {
        self.view.send_replace(self.station.view(clock::now()));
        self.view_at = clock::beat_in(VIEW_AT_LEAST);
        (self.pulse)();
    }

    /// True while the step that gathers has room for another letter.
    fn has_room(&self, disk: &Disk) -> bool {
        self.gathered_bytes < disk.step_bytes_max
    }

    /// Takes letters into the step, until it is large enough: the log's reserve is for commits of
    /// this size.
    fn take_waiting(&mut self, disk: &Disk) {
        // what is read in one turn is taken at one moment
        let now = clock::now();
        while self.has_room(disk)
            && let Some(letter) = self.waiting.pop_front()
        {
            self.gathered_bytes = self.gathered_bytes.saturating_add(letter.bytes());
            self.letter(now, disk, letter);
        }
    }

    fn letter(&mut self, now: Now, disk: &Disk, letter: Letter) {
        let input = match letter {
            Letter::Input(input) | Letter::Frame { input, room: _ } => self.with_marks(input),
            Letter::Submit { draft, answer } => {
                let ticket = self.ticket();
                self.publishers.insert(ticket, answer);
                Input::Submitted { ticket, draft }
            }
            Letter::Answer { id, said, remark, answer } => {
                let ticket = self.ticket();
                self.publishers.insert(ticket, answer);
                Input::Answered { ticket, id, answer: said, remark }
            }
            Letter::Greet { from, hello, answer } => {
                let ticket = self.ticket();
                self.callers.insert(ticket, answer);
                let marks = self.marks(&Link::Down(from.clone()), &hello.haves);
                Input::Greeted { from, hello, ticket, marks }
            }
        };
        self.handle(now, disk, input);
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn with_marks(&self, input: Input) -> Input {
        match input {
            Input::Welcomed { welcome, .. } => {
                let marks = self.marks(&Link::Up, &welcome.haves);
                Input::Welcomed { welcome, marks }
            }
            other => other,
        }
    }

    /// What the log says of the places that a hello asks about.
    fn marks(&self, link: &Link, haves: &PerLane<Have>) -> PerLane<Marks> {
        PerLane::from_fn(|lane| {
            let acked = self.station.kept().outbound(link, lane).map(|owed| owed.acked);
            let before = haves.get(lane).expected.saturating_sub(1);
            Marks {
                expected: self.legs.chain_at(link, lane, before),
                acked: acked.and_then(|acked| self.legs.chain_at(link, lane, acked)),
            }
        })
    }

    /// Begins a step, if none gathers. It begins with how full the disk is, for that changes
    /// beside the commits too.
    fn begin_step(&mut self, disk: &Disk) {
        if self.step.is_some() {
            return;
        }
        let mut step = self.steps.begin();
        self.view_at = self.view_at.min(Instant::now() + VIEW_SOON);
        let usage = (disk.usage)();
        if self.usage.replace(usage) != Some(usage) {
            let Usage { held_bytes, max_bytes } = usage;
            room(held_bytes, max_bytes);
            let input = Input::Disk { held_bytes, max_bytes };
            self.station.handle(clock::now(), input, &mut step);
        }
        self.step = Some(step);
    }

    fn handle(&mut self, now: Now, disk: &Disk, input: Input) {
        self.begin_step(disk);
        if let Some(step) = &mut self.step {
            self.station.handle(now, input, step);
        }
    }

    fn tick(&mut self, disk: &Disk) {
        self.begin_step(disk);
        if let Some(step) = &mut self.step {
            self.station.tick(clock::now(), step);
        }
    }

    fn take_own(&mut self, disk: &Disk) {
        while let Some(input) = self.own.pop_front() {
            self.handle(clock::now(), disk, input);
        }
    }

    /// Closes the step that gathered, if the disk is idle, and with it a snapshot if one is due:
    /// nothing may come between the two. `true` if a step was committed on the spot.
    fn commit_if_idle(&mut self, disk: &Disk, stopping: bool) -> Result<bool, DiskFailed> {
        if self.committing > 0 || (self.step_waits() && !stopping) {
            return Ok(false);
        }
        self.close_by = None;
        let snapshot_due = self.snapshot_due;
        let mut here = false;
        if let Some(step) = self.step.take() {
            self.gathered_bytes = 0;
            let (writes, pending) = self.station.close(clock::now(), step);
            let job = disk.commit_here(Job { writes, pending }, |done| self.released(done))?;
            match job {
                Some(job) => self.hand_over(disk, job)?,
                None => here = true,
            }
        }
        if snapshot_due {
            self.snapshot_due = false;
            match self.station.snapshot(self.steps.begin()) {
                Ok((writes, pending)) => self.hand_over(disk, Job { writes, pending })?,
                Err(fault) => {
                    tracing::error!(
                        event = "no_snapshot",
                        %fault,
                        "no snapshot: opening will read more"
                    )
                }
            }
        }
        Ok(here)
    }

    /// True while the step that gathers is one that nobody waits for, and not for long.
    fn step_waits(&mut self) -> bool {
        let Some(step) = self.step.as_mut() else { return false };
        if !self.station.may_wait(clock::now(), step) {
            return false;
        }
        let now = Instant::now();
        let waits = Duration::from_micros(STEP_WAITS_US);
        let close_by = *self.close_by.get_or_insert(now + waits);
        step.len() < WAITING_RECORDS_MAX && now < close_by
    }

    fn hand_over(&mut self, disk: &Disk, job: Job) -> Result<(), DiskFailed> {
        disk.commit(job)?;
        self.committing += 1;
        Ok(())
    }

    fn committed(&mut self, done: Done) {
        self.committing = self.committing.saturating_sub(1);
        self.released(done);
    }

    fn released(&mut self, done: Done) {
        self.snapshot_due |= done.wants_snapshot;
        // publishers wait for nothing else, links have a line's time to wait anyhow
        let mut effects = done.effects;
        effects.sort_by_key(|effect| !matches!(effect, Effect::Reply { .. }));
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { ticket, verdict } => {
                if let Some(publisher) = self.publishers.remove(&ticket) {
                    publisher.send(verdict);
                }
            }
            Effect::Answer { ticket, frame } => {
                if let Some(caller) = self.callers.remove(&ticket) {
                    let _ = caller.send(*frame);
                }
            }
            other => self.own.extend(self.outlets.carry_out(other)),
        }
    }
}

fn instant_of(boot_us: u64) -> Instant {
    let left_us = boot_us.saturating_sub(clock::now().boot_us);
    Instant::now() + Duration::from_micros(left_us)
}
