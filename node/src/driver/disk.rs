//! [`Disk`]: commits one step at a time, in order, on a thread of its own or, where that takes no
//! longer than to wake the thread, on the spot.
//!
//! A sync of a good disk takes some 0.05 ms; to wake a thread and be woken by it takes two to four
//! times that. So a small step is committed on the loop's own thread as long as commits are quick as
//! a rule, and one that writes nothing always. A large one is the thread's: what comes while it
//! syncs makes the next one larger.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use yizhan_core::effect::Effect;
use yizhan_core::record::Record;
use yizhan_core::step::{Pending, Spool, Writes, commit_through};

/// Jobs that may wait: a step and a snapshot behind it.
const JOBS_MAX: usize = 4;
/// Commits that take no longer as a rule are made on the loop's thread: about what handing them to
/// another and hearing of it costs, twice over.
const QUICK: Duration = Duration::from_micros(500);
/// Records of a step that may be committed on the spot, and of the usual one. Where more come at
/// once, more will come while the thread syncs, and fewer and larger commits are what helps then.
const HERE_RECORDS_MAX: usize = 8;
const HERE_RECORDS_USUAL_MAX: f64 = 4.0;
/// Of what a commit takes so much counts: on a busy machine one in twenty has to wait for a
/// processor, which the thread would have to do too.
const COUNTED_MAX: Duration = Duration::from_millis(2);
/// The rule is the average of about so many commits.
const AVERAGED: u32 = 16;

/// A custody log as the disk thread needs it.
pub trait CommitLog: Spool + Send + 'static {
    /// True when the next commit should be a snapshot.
    fn wants_snapshot(&self) -> bool;
    /// The log's own number of the last commit.
    fn last_commit(&self) -> u64;
    /// Most bytes of messages that a step should gather.
    fn step_bytes_max(&self) -> u64;
    /// Tells, from any thread and at any time, how full the spool is.
    fn usage(&self) -> UsageLook;
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that the log holds on disk.
    pub held_bytes: u64,
    /// Bytes that it may hold.
    pub max_bytes: u64,
}

/// Looks how full the spool is.
pub type UsageLook = Box<dyn Fn() -> Usage + Send + Sync>;

/// Sees every commit once it is durable, in order, on the thread that made it.
pub trait Observer: Send {
    /// The commit with this number in the log is durable. Called before anything is said of it,
    /// so it must be quick.
    fn durable(&mut self, commit: u64) {
        let _ = commit;
    }

    /// These were its records. Called once its effects are on their way.
    fn committed(&mut self, commit: u64, records: &[Record]);

    /// True if [`Observer::committed`] may have to wait for somebody: then only the disk thread
    /// may call it.
    fn may_wait(&self) -> bool {
        false
    }
}

/// One commit to make.
pub(super) struct Job {
    pub(super) writes: Writes,
    pub(super) pending: Pending,
}

/// One commit made.
pub struct Done {
    /// What may be said now.
    pub effects: Vec<Effect>,
    /// The next commit should be a snapshot.
    pub wants_snapshot: bool,
}

/// The disk could not commit. Only a restart, which recovers from what is durable, helps.
#[derive(Debug, thiserror::Error)]
#[error("the spool cannot be written: {0}; nothing that is not on disk was acknowledged")]
pub struct DiskFailed(
    /// What it said.
    pub String,
);

/// The loop's end of the disk.
pub struct Disk {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<Result<Done, DiskFailed>>,
    work: Arc<Mutex<dyn Commits>>,
    pub(super) usage: UsageLook,
    pub(super) step_bytes_max: u64,
}

impl Disk {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start<L>(log: L, observers: Vec<Box<dyn Observer>>) -> std::io::Result<Self>
    where
        L: CommitLog,
        L::Error: std::fmt::Display,
    {
        let (jobs, inbox) = mpsc::channel(JOBS_MAX);
        let (outbox, done) = mpsc::channel(JOBS_MAX);
        let (usage, step_bytes_max) = (log.usage(), log.step_bytes_max());
        let work = Arc::new(Mutex::new(Work {
            log,
            observers,
            unshown: None,
            usual: COUNTED_MAX,
            usual_records: 0.0,
        }));
        let theirs: Arc<Mutex<dyn Commits>> = work.clone();
        thread::Builder::new()
            .name("yizhan-disk".into())
            .spawn(move || run(&*theirs, inbox, &outbox))?;
        Ok(Self { jobs, done, work, usage, step_bytes_max })
    }

    /// Commits on the spot and carries out what may be said then, or gives the job back because
    /// that could take long. Only while no job is with the thread: steps are committed in order.
    pub(super) fn commit_here(
        &self,
        job: Job,
        carry_out: impl FnOnce(Done),
    ) -> Result<Option<Job>, DiskFailed> {
        // the thread has it while it shows the last commit to those who follow the log
        let Ok(mut work) = self.work.try_lock() else { return Ok(Some(job)) };
        if !work.may_be_here(job.writes.records().len()) {
            return Ok(Some(job));
        }
        carry_out(work.commit(job)?);
        Ok(None)
    }

    /// Shows the last commit to those who follow the log, if it was made on the spot: once those
    /// who waited for it have been told.
    pub(super) fn show(&self) {
        // if the thread has it, the thread shows it
        if let Ok(mut work) = self.work.try_lock() {
            work.show();
        }
    }

    pub(super) fn commit(&self, job: Job) -> Result<(), DiskFailed> {
        // the loop hands over at most two jobs at a time, so there is always room while it lives
        self.jobs.try_send(job).map_err(|_| DiskFailed("the disk thread has ended".into()))
    }

    pub(super) async fn done(&mut self) -> Result<Done, DiskFailed> {
        let ended = || Err(DiskFailed("the disk thread has ended".into()));
        self.done.recv().await.unwrap_or_else(ended)
    }
}

/// A log that commits, and those who follow it.
trait Commits: Send {
    /// Commits, after what was not shown yet is.
    fn commit(&mut self, job: Job) -> Result<Done, DiskFailed>;

    /// Shows the last commit to those who follow the log, once.
    fn show(&mut self);

    /// True if a step of so many records is one for the loop's thread: few come at a time, commits
    /// are quick as a rule, and nobody who follows the log is behind.
    fn may_be_here(&self, records: usize) -> bool;
}

/// The thread: holds the log from a commit until it is shown, so that commits are shown in order.
fn run(
    work: &Mutex<dyn Commits>,
    mut jobs: mpsc::Receiver<Job>,
    outbox: &mpsc::Sender<Result<Done, DiskFailed>>,
) {
    while let Some(job) = jobs.blocking_recv() {
        let Ok(mut work) = work.lock() else {
            let _ = outbox.blocking_send(Err(DiskFailed("a commit broke off".into())));
            return;
        };
        let done = work.commit(job);
        let failed = done.is_err();
        if outbox.blocking_send(done).is_err() || failed {
            return;
        }
        work.show();
    }
}

struct Work<L> {
    log: L,
    observers: Vec<Box<dyn Observer>>,
    /// The last commit, if it was not shown yet.
    unshown: Option<Writes>,
    /// What commits take as a rule.
    usual: Duration,
    /// How many records they have as a rule.
    usual_records: f64,
}

impl<L> Commits for Work<L>
where
    L: CommitLog,
    L::Error: std::fmt::Display,
{
    fn commit(&mut self, job: Job) -> Result<Done, DiskFailed> {
        self.show();
        let Job { writes, pending } = job;
        let began = Instant::now();
        let durable = commit_through(&mut self.log, &writes)
            .map_err(|fault| DiskFailed(fault.to_string()))?;
        if !writes.records().is_empty() {
            let took = began.elapsed();
            self.usual = usual(self.usual, took);
            let records = writes.records().len() as f64;
            self.usual_records += (records - self.usual_records) / f64::from(AVERAGED);
            metrics::histogram!("yizhan_commit_seconds").record(took.as_secs_f64());
            let commit = self.log.last_commit();
            self.observers.iter_mut().for_each(|observer| observer.durable(commit));
        }
        let effects = pending.release(&durable).map_err(|_| {
            DiskFailed("a step asked for a commit that does not come: a defect".into())
        })?;
        self.unshown = Some(writes).filter(|writes| !writes.records().is_empty());
        Ok(Done { effects, wants_snapshot: self.log.wants_snapshot() })
    }

    fn show(&mut self) {
        let Some(writes) = self.unshown.take() else { return };
        let records = writes.records();
        metrics::histogram!("yizhan_commit_batch_size").record(records.len() as f64);
        let commit = self.log.last_commit();
        self.observers.iter_mut().for_each(|observer| observer.committed(commit, records));
    }

    fn may_be_here(&self, records: usize) -> bool {
        records == 0
            || records <= HERE_RECORDS_MAX
                && self.usual_records <= HERE_RECORDS_USUAL_MAX
                && self.usual <= QUICK
                && !self.observers.iter().any(|observer| observer.may_wait())
    }
}

/// What commits take as a rule, after one that took this.
fn usual(before: Duration, took: Duration) -> Duration {
    before - before / AVERAGED + took.min(COUNTED_MAX) / AVERAGED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times: u32, took: Duration, before: Duration) -> Duration {
        (0..times).fold(before, |before, _| usual(before, took))
    }

    #[test]
    fn a_quick_disk_is_known_after_a_few_commits_and_one_slow_commit_does_not_make_it_a_slow_one() {
        let quick = after(40, Duration::from_micros(80), COUNTED_MAX);
        assert!(quick <= QUICK, "{quick:?}");
        assert!(usual(quick, Duration::from_millis(900)) <= QUICK);
        assert!(after(3, Duration::from_millis(900), quick) > QUICK);
    }

    #[test]
    fn a_slow_disk_is_never_waited_for_on_the_spot() {
        let slow = Duration::from_millis(5);
        assert!((0..100).all(|times| after(times, slow, COUNTED_MAX) > QUICK));
    }
}
