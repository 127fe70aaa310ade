//! [`Disk`]: the thread that commits, one step at a time, in order.

use std::thread;

use tokio::sync::mpsc;
use yizhan_core::effect::Effect;
use yizhan_core::record::Record;
use yizhan_core::step::{Pending, Spool, Writes, commit_through};

/// Jobs that may wait: a step and a snapshot behind it.
const JOBS_MAX: usize = 4;

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

/// Sees every commit once it is durable, in order, on the disk thread.
pub trait Observer: Send {
    /// The commit with this number in the log is durable. Called before anything is said of it,
    /// so it must be quick.
    fn durable(&mut self, commit: u64) {
        let _ = commit;
    }

    /// These were its records. Called once its effects are on their way.
    fn committed(&mut self, commit: u64, records: &[Record]);
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

/// The loop's end of the disk thread.
pub struct Disk {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<Result<Done, DiskFailed>>,
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
        let work = Work { log, observers };
        thread::Builder::new()
            .name("yizhan-disk".into())
            .spawn(move || work.run(inbox, &outbox))?;
        Ok(Self { jobs, done, usage, step_bytes_max })
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

struct Work<L> {
    log: L,
    observers: Vec<Box<dyn Observer>>,
}

impl<L> Work<L>
where
    L: CommitLog,
    L::Error: std::fmt::Display,
{
    fn run(
        mut self,
        mut jobs: mpsc::Receiver<Job>,
        outbox: &mpsc::Sender<Result<Done, DiskFailed>>,
    ) {
        while let Some(Job { writes, pending }) = jobs.blocking_recv() {
            let done = self.commit(&writes, pending);
            let failed = done.is_err();
            if outbox.blocking_send(done).is_err() || failed {
                return;
            }
            self.show(&writes);
        }
    }

    fn commit(&mut self, writes: &Writes, pending: Pending) -> Result<Done, DiskFailed> {
        let began = std::time::Instant::now();
        let durable =
            commit_through(&mut self.log, writes).map_err(|fault| DiskFailed(fault.to_string()))?;
        if !writes.records().is_empty() {
            metrics::histogram!("yizhan_commit_seconds").record(began.elapsed().as_secs_f64());
            let commit = self.log.last_commit();
            self.observers.iter_mut().for_each(|observer| observer.durable(commit));
        }
        let effects = pending.release(&durable).map_err(|_| {
            DiskFailed("a step asked for a commit that does not come: a defect".into())
        })?;
        Ok(Done { effects, wants_snapshot: self.log.wants_snapshot() })
    }

    /// Shows a durable commit to those who follow the log.
    fn show(&mut self, writes: &Writes) {
        let records = writes.records();
        if records.is_empty() {
            return;
        }
        metrics::histogram!("yizhan_commit_batch_size").record(records.len() as f64);
        let commit = self.log.last_commit();
        self.observers.iter_mut().for_each(|observer| observer.committed(commit, records));
    }
}
