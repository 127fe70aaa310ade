//! [`IndexFeed`]: publishers' keys on their way from the log into the index.
//!
//! The index is written behind the log by a thread of its own. Its queue is bounded: an index
//! that does not keep up slows commits down, it does not fill the memory.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use yizhan_core::draft::Known;
use yizhan_core::input::Input;
use yizhan_core::record::{PublisherKey, Record};

use super::RunError;
use crate::clock;
use crate::driver::Observer;
use crate::ingest;
use crate::mailbox::Mailbox;
use crate::spool::{KeyLook, KeyUse, Keys};

/// Commits whose keys may wait for the index.
const COMMITS_MAX: usize = 256;
/// The index is synced at most this long after it took a key.
const SYNC_EVERY: Duration = Duration::from_millis(500);

/// Sees the keys of durable commits and passes them on.
pub(super) struct IndexFeed {
    keys: SyncSender<Vec<KeyUse>>,
    ordinal: u64,
}

impl IndexFeed {
    /// Starts the thread. `ordinal` is that of the last key that the index was given already.
    pub(super) fn start(keys: Keys, ordinal: u64, mailbox: Mailbox) -> Result<Self, RunError> {
        let (sender, receiver) = sync_channel(COMMITS_MAX);
        let run = move || feed(keys, &receiver, &mailbox);
        thread::Builder::new().name("yizhan-index".into()).spawn(run).map_err(RunError::Runtime)?;
        Ok(Self { keys: sender, ordinal })
    }
}

impl Observer for IndexFeed {
    fn committed(&mut self, _: u64, records: &[Record]) {
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
        if !uses.is_empty() {
            // the thread ends only when its index failed, which it has said; keys stay with the core
            let _ = self.keys.send(uses);
        }
    }
}

fn feed(mut keys: Keys, queue: &Receiver<Vec<KeyUse>>, mailbox: &Mailbox) {
    let mut unsynced = false;
    let mut last_sync = std::time::Instant::now();
    loop {
        let wait = if unsynced { SYNC_EVERY } else { Duration::from_secs(60) };
        let outcome = match queue.recv_timeout(wait) {
            Ok(uses) => {
                unsynced = true;
                keys.apply(&uses)
            }
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let due = unsynced && last_sync.elapsed() >= SYNC_EVERY;
        let outcome = outcome.and_then(|()| if due { keys.sync().map(Some) } else { Ok(None) });
        match outcome {
            Ok(Some(through)) => {
                unsynced = false;
                last_sync = std::time::Instant::now();
                mailbox.tell_now(Input::Indexed { through });
                if let Err(fault) = keys.expire(clock::now().wall_ms) {
                    tracing::warn!(%fault, "old keys stay");
                }
            }
            Ok(None) => {}
            Err(fault) => {
                tracing::error!(%fault, "the index of publishers' keys failed; restart the station");
                return;
            }
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
