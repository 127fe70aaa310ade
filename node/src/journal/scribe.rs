//! The scribe: a thread that follows the log into the book, and the book into the index.
//!
//! Its queue is bounded, and a full one stops nobody: the scribe then reads what it missed from
//! the log itself, as it does after a restart.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, watch};
use yizhan_core::fill::LegSource;
use yizhan_core::record::Record;
use yizhan_schemas::status::Happening;

use super::book::{Book, Sources};
use super::change::Change;
use super::{Journal, JournalPlan};
use crate::driver::Observer;
use crate::priority;
use crate::queue::{self, Receiver, Sender};
use crate::spool::{self, Follower, LegReader, MessageLook, Messages};

/// Commits that may wait for the scribe; few where it is tested that others are read from the log.
const COMMITS_MAX: usize = if cfg!(test) { 4 } else { 1024 };
/// Commits taken in before those who wait are told.
const TURN_MAX: usize = 256;
/// Pause between two turns: those who wait for what a commit says wait so much longer at most.
const REST: Duration = Duration::from_millis(20);
/// The index is written at most this long after a page changed: what becomes of a message within
/// this time is written once.
const WRITE_EVERY: Duration = Duration::from_secs(10);
/// And this long after nothing but the place in the log did.
const MOVE_EVERY: Duration = Duration::from_secs(60);
/// With so many changed pages it is written sooner, but not without a pause: a page that is handed
/// over is soon one of which the outcome is known.
const DIRTY_MAX: usize = 2_000;
const WRITE_AT_LEAST: Duration = Duration::from_millis(500);
/// With less than this free on the volume nothing is written: sled does not survive a full disk.
/// The log stops taking messages long before, so little waits; a crash meanwhile costs history.
const FREE_BYTES_MIN: u64 = 8 * 1024 * 1024;

/// Sees durable commits and passes on what they say of messages. Never waits.
pub struct Feed {
    queue: Sender<(u64, Vec<Change>)>,
    committed: Arc<AtomicU64>,
    /// True from the first commit that found no room to the scribe's next look at the log.
    behind: Arc<AtomicBool>,
}

impl Observer for Feed {
    fn durable(&mut self, commit: u64) {
        // before anybody hears of it: who asks then waits until it is in the book
        self.committed.store(commit, Ordering::SeqCst);
    }

    fn committed(&mut self, commit: u64, records: &[Record]) {
        // `durable` came before this look: what is not passed on is surely read from the log
        if self.behind.load(Ordering::SeqCst) {
            return;
        }
        if self.queue.offer((commit, changes_of(records))).is_err() {
            self.behind.store(true, Ordering::SeqCst);
        }
    }
}

fn changes_of(records: &[Record]) -> Vec<Change> {
    let mut changes = Vec::new();
    Change::of(records, |change| changes.push(change));
    changes
}

/// Starts the thread.
pub(super) fn start(
    plan: JournalPlan,
    journal: &Journal,
    applied: watch::Sender<u64>,
) -> std::io::Result<Feed> {
    let (queue, commits) = queue::bounded(COMMITS_MAX);
    let behind = Arc::new(AtomicBool::new(true));
    let committed = Arc::clone(&journal.committed);
    let feed = Feed { queue, committed: Arc::clone(&committed), behind: Arc::clone(&behind) };
    let scribe = Scribe {
        data: plan.data,
        look: plan.index.looker(),
        synced: plan.index.synced(),
        volume: plan.volume,
        index: RefCell::new(Some(plan.index)),
        legs: plan.legs,
        heard: plan.heard,
        happenings: journal.happenings.clone(),
        book: Arc::clone(&journal.book),
        committed,
        applied,
        behind,
        written: Cell::new(Instant::now()),
    };
    thread::Builder::new().name("yizhan-journal".into()).spawn(move || scribe.run(&commits))?;
    Ok(feed)
}

struct Scribe {
    data: PathBuf,
    look: MessageLook,
    volume: LegReader,
    /// None after it failed: the journal is a memory then.
    index: RefCell<Option<Messages>>,
    synced: Follower,
    legs: Arc<dyn LegSource>,
    heard: Box<dyn Fn() -> bool + Send>,
    happenings: broadcast::Sender<Arc<Happening>>,
    book: Arc<Mutex<Book>>,
    committed: Arc<AtomicU64>,
    applied: watch::Sender<u64>,
    behind: Arc<AtomicBool>,
    /// When the index was last written.
    written: Cell<Instant>,
}

impl Scribe {
    fn run(&self, commits: &Receiver<(u64, Vec<Change>)>) {
        priority::behind();
        loop {
            if self.behind.swap(false, Ordering::SeqCst) {
                self.read_up();
            }
            match commits.recv_timeout(self.due()) {
                Ok((commit, changes)) => {
                    self.take(commit, changes);
                    for (commit, changes) in commits.try_iter().take(TURN_MAX) {
                        self.take(commit, changes);
                    }
                    self.tell();
                    // to be woken for each of many commits costs both sides more than they bring
                    thread::sleep(REST);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
            if self.due().is_zero() {
                self.write();
            }
        }
    }

    /// How long the index may stay as it is.
    fn due(&self) -> Duration {
        let book = self.book();
        let every = match book.dirty() {
            0 => MOVE_EVERY,
            DIRTY_MAX.. => WRITE_AT_LEAST,
            _ => WRITE_EVERY,
        };
        every.saturating_sub(self.written.get().elapsed())
    }

    fn take(&self, commit: u64, changes: Vec<Change>) {
        let mut send = |happening| {
            // nobody listening any more is no fault
            let _ = self.happenings.send(Arc::new(happening));
        };
        let tell = (self.heard)().then_some(&mut send as &mut dyn FnMut(Happening));
        let from = Sources { look: &self.look, log: &*self.legs, tell };
        self.book().take(commit, changes, from);
    }

    fn tell(&self) {
        let commit = self.book().commit();
        self.applied.send_replace(commit);
    }

    /// Reads the commits that are durable and not in the book from the log.
    fn read_up(&self) {
        let (from, through) = (self.book().commit() + 1, self.committed.load(Ordering::SeqCst));
        if from <= through {
            // a commit as a whole: what is alike in it shares a page, as when it was heard of at once
            let mut gathered: (u64, Vec<Record>) = (0, Vec::new());
            let mut begins = None;
            let read = spool::log::scan_from(&self.data, from, &mut |found| {
                if !(from..=through).contains(&found.commit) {
                    return;
                }
                begins.get_or_insert(found.commit);
                if gathered.0 != found.commit {
                    let (commit, records) = std::mem::take(&mut gathered);
                    self.take(commit, changes_of(&records));
                    // a long log must not come to stand in memory
                    if self.book().dirty() >= DIRTY_MAX {
                        self.write();
                    }
                    gathered.0 = found.commit;
                }
                gathered.1.push(found.record);
            });
            if let Err(fault) = read {
                tracing::error!(
                    event = "history_missing",
                    %fault,
                    from,
                    through,
                    "history of messages is missing"
                );
                self.book().has_hole();
            }
            if from == 1 && begins.is_some_and(|first| first > 1) {
                self.book().has_hole();
            }
            let (commit, records) = gathered;
            self.take(commit, changes_of(&records));
            // the last commit may be one without records
            self.take(through, Vec::new());
            self.write();
        }
        self.tell();
    }

    fn write(&self) {
        self.written.set(Instant::now());
        if !self.volume.volume_free_bytes().is_ok_and(|free| free >= FREE_BYTES_MIN) {
            // what frees the disk must not wait for a history that cannot be written
            self.synced.fetch_max(self.book().commit(), Ordering::AcqRel);
            return;
        }
        let mut index = self.index.borrow_mut();
        if let Some(open) = &mut *index {
            let (rows, reached) = self.book().unsaved();
            let ordinal = reached.ordinal;
            let done = open.apply(&rows, reached).and_then(|()| open.sync());
            if done.is_ok() {
                self.book().wrote(ordinal);
            }
            if let Err(fault) = done {
                tracing::error!(
                    event = "history_failed",
                    %fault,
                    "the index of messages failed; restart the station"
                );
                *index = None;
                // nothing in the log need wait for it any more
                self.synced.store(u64::MAX, Ordering::Release);
            }
        }
        self.book().shrink();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
