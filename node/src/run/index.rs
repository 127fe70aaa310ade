//! [`IndexFeed`]: publishers' keys on their way from the log into the index.
//!
//! The index is written behind the log by a thread of its own. Its queue is bounded: an index
//! that does not keep up slows commits down, it does not fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use yizhan_core::draft::Known;
use yizhan_core::input::Input;
use yizhan_core::record::{PublisherKey, Record};

use super::RunError;
use crate::clock;
use crate::driver::Observer;
use crate::ingest;
use crate::mailbox::Mailbox;
use crate::spool::{Follower, KeyLook, KeyUse, Keys, LegReader, SpoolError};

/// Commits whose keys may wait for the index.
const COMMITS_MAX: usize = 256;
/// The index is synced at most this long after it took a key.
const SYNC_EVERY: Duration = Duration::from_millis(500);
/// With less than this free on the volume nothing is written into the index: sled does not
/// survive a full disk. The log stops taking messages long before, so few keys wait.
const FREE_BYTES_MIN: u64 = 4 * 1024 * 1024;

/// Sees the keys of durable commits and passes them on.
pub(super) struct IndexFeed {
    keys: SyncSender<(u64, Vec<KeyUse>)>,
    ordinal: u64,
    reached: Arc<Reached>,
}

/// How far keys have come, in commits of the log.
#[derive(Debug)]
struct Reached {
    /// Commits whose keys wait for the thread.
    waiting: AtomicUsize,
    /// The last commit seen.
    seen: AtomicU64,
    /// The last one whose keys were passed on.
    passed: AtomicU64,
    /// The last one whose keys are surely in the index.
    synced: AtomicU64,
    /// Every key of the commits through this one is surely in the index.
    follower: Follower,
}

impl Reached {
    fn at(commit: u64) -> Self {
        let at = || AtomicU64::new(commit);
        let waiting = AtomicUsize::new(0);
        Self { waiting, seen: at(), passed: at(), synced: at(), follower: Arc::new(at()) }
    }

    /// Takes note of a commit whose keys, if it has any, are about to be passed on.
    fn saw(&self, commit: u64, keys: bool) {
        if keys {
            self.passed.store(commit, Ordering::SeqCst);
        } else if self.passed.load(Ordering::SeqCst) == self.synced.load(Ordering::SeqCst) {
            self.follower.fetch_max(commit, Ordering::SeqCst);
        }
        self.seen.store(commit, Ordering::SeqCst);
    }

    /// Takes note that all keys through those of a commit are in the index.
    fn has(&self, commit: u64) {
        // in this order: nothing seen before the second look had keys that are still on their way
        let seen = self.seen.load(Ordering::SeqCst);
        self.synced.store(commit, Ordering::SeqCst);
        let all = self.passed.load(Ordering::SeqCst) == commit;
        self.follower.fetch_max(if all { seen } else { commit }, Ordering::SeqCst);
    }

    /// Holds nothing back any more: what has failed is made anew at the next start.
    fn give_up(&self) {
        self.follower.store(u64::MAX, Ordering::SeqCst);
    }
}

impl IndexFeed {
    /// Starts the thread. The index has all keys of the log as it is: `ordinal` is that of the
    /// last, and `commit` the log's last commit. Also gives what says how far the index is synced.
    pub(super) fn start(
        keys: Keys,
        (ordinal, commit): (u64, u64),
        volume: LegReader,
        mailbox: Mailbox,
    ) -> Result<(Self, Follower), RunError> {
        let (sender, queue) = sync_channel(COMMITS_MAX);
        let reached = Arc::new(Reached::at(commit));
        let follower = Arc::clone(&reached.follower);
        let feed = Feed { keys, volume, mailbox, reached: Arc::clone(&reached) };
        let run = move || feed.run(&queue);
        thread::Builder::new().name("yizhan-index".into()).spawn(run).map_err(RunError::Runtime)?;
        Ok((Self { keys: sender, ordinal, reached }, follower))
    }
}

impl Observer for IndexFeed {
    fn committed(&mut self, commit: u64, records: &[Record]) {
        let mut uses = Vec::new();
        for record in records {
            let Record::Put(put) = record else { continue };
            let Some(key) = &put.key else { continue };
            self.ordinal += 1;
            uses.push(KeyUse {
                ordinal: self.ordinal,
                key: key.clone(),
                message: put.envelope.header().id(),
                wall_ms: put.taken_wall_ms,
            });
        }
        self.reached.saw(commit, !uses.is_empty());
        if !uses.is_empty() {
            self.reached.waiting.fetch_add(1, Ordering::SeqCst);
            // the thread ends only when its index failed, which it has said; keys stay with the core
            let _ = self.keys.send((commit, uses));
        }
    }

    fn may_wait(&self) -> bool {
        self.reached.waiting.load(Ordering::SeqCst) >= COMMITS_MAX / 2
    }
}

/// The thread that writes the index.
struct Feed {
    keys: Keys,
    /// For the room on the volume.
    volume: LegReader,
    mailbox: Mailbox,
    reached: Arc<Reached>,
}

impl Feed {
    fn run(mut self, queue: &Receiver<(u64, Vec<KeyUse>)>) {
        if let Err(fault) = self.feed(queue) {
            tracing::error!(
                event = "keys_index_failed",
                %fault,
                "the index of publishers' keys failed; restart the station"
            );
        }
        self.reached.give_up();
    }

    fn feed(&mut self, queue: &Receiver<(u64, Vec<KeyUse>)>) -> Result<(), SpoolError> {
        let mut unsynced = None;
        let mut last_sync = Instant::now();
        loop {
            let wait = if unsynced.is_some() { SYNC_EVERY } else { Duration::from_secs(60) };
            match queue.recv_timeout(wait) {
                Ok((commit, uses)) => {
                    self.reached.waiting.fetch_sub(1, Ordering::SeqCst);
                    self.await_room();
                    self.keys.apply(&uses)?;
                    unsynced = Some(commit);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            let due = last_sync.elapsed() >= SYNC_EVERY;
            if let Some(commit) = unsynced.take_if(|_| due) {
                self.await_room();
                let through = self.keys.sync()?;
                self.reached.has(commit);
                last_sync = Instant::now();
                self.mailbox.tell_now(Input::Indexed { through });
                self.keys.expire(clock::now().wall_ms)?;
            }
        }
    }

    /// Waits until the volume has room, which it tells nobody.
    fn await_room(&self) {
        let full = || self.volume.volume_free_bytes().is_ok_and(|free| free < FREE_BYTES_MIN);
        while full() {
            thread::sleep(SYNC_EVERY);
        }
    }
}

/// The index as ingest asks it.
pub(super) struct Look(pub(super) KeyLook);

impl ingest::KeyLook for Look {
    fn look(&self, key: &PublisherKey) -> Known {
        // no word is the word of an index that knows nothing: the core then says to look again
        self.0.look(key).unwrap_or_default()
    }
}
