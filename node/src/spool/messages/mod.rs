//! [`Messages`]: what became of each message, so that an operator who asks hears an answer after a
//! restart too.
//!
//! Promise: what [`Messages::apply`] is given in one call is there whole or not at all, together
//! with how far in the log it is; what [`Messages::sync`] returned stays true across a power cut.
//! Nothing else is promised, for all of it is derived from the custody log: it is written behind
//! the log, is never on the way to `accepted`, and what is not yet in it is read from the log
//! again. It holds the last [`MESSAGES_MAX`] messages; the oldest go first.
//!
//! A row is the caller's: the index does not know what is in it. Rows have an **ordinal**, the
//! order in which their messages were taken; the store is sled, in the wrapper of [`super::keys`].

mod entry;
mod open;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sled::Batch;
use yizhan_schemas::MessageId;

use self::entry::{ordinal_name, read_ordinal, row_name};
use super::disk;
use super::error::SpoolError;
use super::keys::open::{Calm, DB};
use super::lock::Lock;

pub use self::entry::{LinkCursor, Reached};
pub use self::open::MessagesReport;

/// The index's directory in the data directory.
pub const DIR: &str = "messages";
/// Messages that the index remembers.
pub const MESSAGES_MAX: u64 = 100_000;
/// Most rows that one call of [`MessageLook::before`] goes through.
pub const LOOK_MAX: usize = 5_000;

/// What there is to remember of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The message.
    pub id: MessageId,
    /// The how-manieth it is that was taken, from 1.
    pub ordinal: u64,
    /// The caller's.
    pub page: Vec<u8>,
}

/// The index, open for writing. One writer; [`Messages::looker`] is for everyone.
#[derive(Debug)]
pub struct Messages {
    shared: Arc<Shared>,
    /// sled's file `db`, for the fdatasync that sled does not do.
    data: File,
    reached: Reached,
    failed: bool,
    /// Messages remembered: [`MESSAGES_MAX`], less in tests.
    most: u64,
}

#[derive(Debug)]
struct Shared {
    db: Calm,
    dir: PathBuf,
    /// The last commit of which everything is surely on disk.
    synced: Arc<AtomicU64>,
    _lock: Lock,
}

/// Looks messages up, from any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MessageLook {
    shared: Arc<Shared>,
}

impl Messages {
    /// Takes rows in, new or changed, with how far in the log that is. Durable after the next
    /// [`Messages::sync`].
    ///
    /// # Errors
    /// [`SpoolError::Index`]. After any error this index is of no use: drop it and open it anew.
    pub fn apply(&mut self, rows: &[Row], mut reached: Reached) -> Result<(), SpoolError> {
        let mut batch = Batch::default();
        for row in rows.iter().filter(|row| row.ordinal >= self.reached.oldest) {
            batch.insert(ordinal_name(row.ordinal).as_slice(), row.id.to_string().as_bytes());
            batch.insert(row_name(&row.id).as_slice(), row.page.as_slice());
        }
        reached.oldest = self.reached.oldest;
        let beyond = reached.ordinal.saturating_sub(self.most);
        let oldest = reached.oldest;
        self.guarded("apply a batch", |index| {
            index.shared.db.call(|db| {
                for ordinal in oldest..=beyond {
                    let name = ordinal_name(ordinal);
                    // one that is changed in this very batch has no row there yet, or an old one
                    if let Some(id) = db.get(&name)? {
                        batch.remove(entry::row_name_of(&id));
                    }
                    batch.remove(name.as_slice());
                }
                reached.oldest = oldest.max(beyond.saturating_add(1));
                batch.insert(Reached::NAME, reached.to_bytes());
                db.apply_batch(std::mem::take(&mut batch))
            })
        })?;
        self.reached = reached;
        Ok(())
    }

    /// Makes all that was applied durable. Returns the last commit of which it was.
    ///
    /// # Errors
    /// As [`Messages::apply`].
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.guarded("flush", |index| index.shared.db.call(|db| db.flush()))?;
        let file = self.shared.dir.join(DB);
        disk::sync_data(&self.data, &file).inspect_err(|_| self.failed = true)?;
        self.shared.synced.store(self.reached.commit, Ordering::Release);
        Ok(self.reached.commit)
    }

    /// How far in the log all that was applied is.
    pub fn reached(&self) -> &Reached {
        &self.reached
    }

    /// A handle for other threads.
    pub fn looker(&self) -> MessageLook {
        MessageLook { shared: Arc::clone(&self.shared) }
    }

    /// The last commit of which everything is surely on disk, for whoever lets go of the log.
    pub fn synced(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.synced)
    }

    /// After any error sled's memory and its file may differ: refuses everything from then on.
    fn guarded<T>(
        &mut self,
        doing: &'static str,
        act: impl FnOnce(&Self) -> Result<T, String>,
    ) -> Result<T, SpoolError> {
        let done = if self.failed { Err("it failed before".to_owned()) } else { act(self) };
        self.failed |= done.is_err();
        done.map_err(|fault| SpoolError::Index { doing, dir: self.shared.dir.clone(), fault })
    }
}

impl MessageLook {
    /// What is remembered of a message.
    ///
    /// # Errors
    /// [`SpoolError::Index`].
    pub fn get(&self, id: &MessageId) -> Result<Option<Vec<u8>>, SpoolError> {
        self.call(|db| Ok(db.get(row_name(id))?.map(|page| page.to_vec())))
    }

    /// Gives the messages taken before the one with this ordinal to `each`, newest first, until it
    /// answers `false`. Returns the ordinal of the last one looked at; `None` if that was the last
    /// there is. At most [`LOOK_MAX`] are looked at.
    ///
    /// # Errors
    /// [`SpoolError::Index`].
    pub fn before(
        &self,
        ordinal: u64,
        each: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Result<Option<u64>, SpoolError> {
        self.call(|db| {
            let names = db.range(ordinal_name(0)..ordinal_name(ordinal)).rev();
            for (count, entry) in names.enumerate() {
                let (name, id) = entry?;
                let Some(at) = read_ordinal(&name) else { continue };
                let page = db.get(entry::row_name_of(&id))?;
                let more = page.is_none_or(|page| each(at, &page));
                if !more || count + 1 >= LOOK_MAX {
                    return Ok(Some(at));
                }
            }
            Ok(None)
        })
    }

    fn call<T>(
        &self,
        act: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, SpoolError> {
        self.shared.db.call(act).map_err(|fault| {
            let dir = self.shared.dir.clone();
            SpoolError::Index { doing: "look a message up", dir, fault }
        })
    }
}

#[cfg(test)]
mod tests;
