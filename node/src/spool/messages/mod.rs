//! [`Messages`]: what became of each message, so that an operator who asks hears an answer after a
//! restart too.
//!
//! Promise: what [`Messages::apply`] is given in one call is there whole or not at all, together
//! with how far in the log it is; what [`Messages::sync`] returned stays true across a power cut.
//! Nothing else is promised, for all of it is derived from the custody log: it is written behind
//! the log, is never on the way to `accepted`, and what is not yet in it is read from the log
//! again. It holds the last [`MESSAGES_MAX`] messages; the oldest go first.
//!
//! A row is about a **run** of messages, numbered densely within their origin, epoch and lane; runs
//! do not overlap. What is in a row is the caller's: the index knows where a run begins, not where
//! it ends. Rows have an **ordinal**, the order in which their first messages were taken; the store
//! is that of [`super::index`].

mod entry;
mod open;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sled::Batch;
use yizhan_schemas::MessageId;

use self::entry::{ordinal_name, read_ordinal, row_name};
use super::error::SpoolError;
use super::index::{Store, Writer};

pub use self::entry::{LinkCursor, Reached};
pub use self::open::MessagesReport;

/// The index's directory in the data directory.
pub const DIR: &str = "messages";
/// Messages that the index remembers.
pub const MESSAGES_MAX: u64 = 100_000;

/// What there is to remember of a run of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The first of them.
    pub first: MessageId,
    /// The how-manieth that one is that was taken, from 1.
    pub ordinal: u64,
    /// The caller's.
    pub page: Vec<u8>,
    /// True unless a row surely begins there already: then only its page is written.
    pub is_new: bool,
}

/// The index, open for writing. One writer; [`Messages::looker`] is for everyone.
#[derive(Debug)]
pub struct Messages {
    writer: Writer,
    /// The last commit of which everything is surely on disk.
    synced: Arc<AtomicU64>,
    reached: Reached,
    /// Messages remembered: [`MESSAGES_MAX`], less in tests.
    most: u64,
}

/// Looks messages up, from any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MessageLook(Arc<Store>);

impl Messages {
    /// Takes rows in, new or changed, with how far in the log that is. Durable after the next
    /// [`Messages::sync`].
    ///
    /// # Errors
    /// [`SpoolError::Index`]. After any error this index is of no use: drop it and open it anew.
    pub fn apply(&mut self, rows: &[Row], mut reached: Reached) -> Result<(), SpoolError> {
        let mut batch = Batch::default();
        for row in rows.iter().filter(|row| row.ordinal >= self.reached.oldest) {
            put(&mut batch, row);
        }
        reached.oldest = self.reached.oldest;
        let beyond = reached.ordinal.saturating_sub(self.most);
        let oldest = reached.oldest;
        self.writer.write("apply a batch", |db| {
            let mut before: Option<(sled::IVec, sled::IVec)> = None;
            let end = beyond.saturating_add(1);
            for entry in db.range(ordinal_name(oldest)..=ordinal_name(end)) {
                // where the next one begins, this one has ended
                let (name, row) = entry?;
                reached.oldest = read_ordinal(&name).unwrap_or(oldest);
                if let Some((name, row)) = before.replace((name, row)) {
                    batch.remove(name);
                    batch.remove(row);
                }
            }
            batch.insert(Reached::NAME, reached.to_bytes());
            db.apply_batch(batch)
        })?;
        self.reached = reached;
        Ok(())
    }

    /// Puts new rows in the place of one that begins there. Durable after the next
    /// [`Messages::sync`].
    ///
    /// # Errors
    /// As [`Messages::apply`].
    pub fn replace(
        &mut self,
        (ordinal, first): (u64, &MessageId),
        rows: &[Row],
    ) -> Result<(), SpoolError> {
        let mut batch = Batch::default();
        batch.remove(ordinal_name(ordinal).as_slice());
        batch.remove(row_name(first));
        for row in rows {
            put(&mut batch, row);
        }
        self.writer.write("replace a row", |db| db.apply_batch(batch))
    }

    /// Makes all that was applied durable. Returns the last commit of which it was.
    ///
    /// # Errors
    /// As [`Messages::apply`].
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.writer.sync()?;
        self.synced.store(self.reached.commit, Ordering::Release);
        Ok(self.reached.commit)
    }

    /// How far in the log all that was applied is.
    pub fn reached(&self) -> &Reached {
        &self.reached
    }

    /// A handle for other threads.
    pub fn looker(&self) -> MessageLook {
        MessageLook(Arc::clone(self.writer.store()))
    }

    /// The last commit of which everything is surely on disk, for whoever lets go of the log.
    pub fn synced(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.synced)
    }
}

fn put(batch: &mut Batch, row: &Row) {
    let name = row_name(&row.first);
    if row.is_new {
        batch.insert(ordinal_name(row.ordinal).as_slice(), name.as_slice());
    }
    batch.insert(name, row.page.as_slice());
}

impl MessageLook {
    /// From when on the index was fed with all that was taken (Unix milliseconds, 0 if ever since),
    /// and its oldest row, if older ones had to go.
    ///
    /// # Errors
    /// [`SpoolError::Index`].
    pub fn oldest(&self) -> Result<(u64, Option<Vec<u8>>), SpoolError> {
        self.call(|db| {
            let reached = db.get(Reached::NAME)?.and_then(|row| Reached::read(&row).ok());
            let Reached { oldest, since_ms, .. } = reached.unwrap_or_default();
            let first = db.range(ordinal_name(0)..).next().transpose()?.filter(|_| oldest > 1);
            let row = first.map(|(_, name)| db.get(name)).transpose()?.flatten();
            Ok((since_ms.unwrap_or(0), row.map(|page| page.to_vec())))
        })
    }

    /// Gives the rows to `each`, in order, that may be about messages from this one to the one
    /// with the sequence `last`: of the first, only the caller can tell whether it reaches so far.
    ///
    /// # Errors
    /// [`SpoolError::Index`].
    pub fn within(
        &self,
        first: &MessageId,
        last: u64,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<(), SpoolError> {
        let name = |sequence| row_name(&MessageId { sequence, ..first.clone() });
        self.call(|db| {
            let head = db.range(name(0)..=name(first.sequence)).next_back().transpose()?;
            if let Some((_, page)) = head {
                each(&page);
            }
            for entry in db.range(name(first.sequence.saturating_add(1))..=name(last)) {
                each(&entry?.1);
            }
            Ok(())
        })
    }

    /// Gives the rows that begin before this ordinal to `each`, newest first, until it answers
    /// `false`; true if it did, and there may be more.
    ///
    /// # Errors
    /// [`SpoolError::Index`].
    pub fn before(
        &self,
        ordinal: u64,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, SpoolError> {
        self.call(|db| {
            for entry in db.range(ordinal_name(0)..ordinal_name(ordinal)).rev() {
                let page = db.get(entry?.1)?;
                if page.is_some_and(|page| !each(&page)) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    fn call<T>(
        &self,
        act: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, SpoolError> {
        self.0.call("look a message up", act)
    }
}

#[cfg(test)]
mod tests;
