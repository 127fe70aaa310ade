//! [`Keys`]: which message each publisher's key was used for, so that a retry is recognised.
//!
//! Promise: what [`Keys::sync`] returned stays true across a power cut: every key through that
//! ordinal is there. Nothing else is promised, for all of it is derived from the custody log: the
//! index is written behind the log, is never on the way to `accepted`, and is rebuilt from the log
//! ([`crate::spool::log::scan`]) when it is gone.
//!
//! The store is that of [`super::index`].
//!
//! The key **ordinal** is given by the caller: the n-th `Put` with a key since the log was made,
//! counted from 1.

mod entry;
mod open;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sled::Batch;
use yizhan_core::draft::Known;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::MessageId;

use self::entry::{Reached, Use, key_name, ordinal_name, ordinals};
use super::error::SpoolError;
use super::index::{Store, Writer};

pub use self::open::KeysReport;

/// The index's directory in the data directory.
pub const DIR: &str = "index";
/// Most keys that one [`Keys::expire`] takes out, so that it never holds its caller up for long.
pub const EXPIRE_AT_ONCE_MAX: usize = 4096;
/// Wall clocks before 2020 are boxes that do not know the time: their keys go by number only.
pub(super) const SANE_WALL_MS: u64 = 1_577_836_800_000;

/// How long keys are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `ingest.dedup_window`, milliseconds.
    pub window_ms: u64,
    /// `ingest.dedup_max_keys`: the oldest ordinals go first.
    pub keys_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { window_ms: 30 * 86_400_000, keys_max: 10_000_000 }
    }
}

/// One use of a publisher's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The how-manieth since the log was made, from 1.
    pub ordinal: u64,
    /// The key, with the digest of the body.
    pub key: PublisherKey,
    /// The message that it was used for.
    pub message: MessageId,
    /// When that was taken, Unix milliseconds.
    pub wall_ms: u64,
}

/// The index, open for writing. One writer; [`Keys::look`] is for everyone.
#[derive(Debug)]
pub struct Keys {
    writer: Writer,
    look: KeyLook,
    limits: Limits,
    applied: Reached,
}

/// Looks keys up, from any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KeyLook {
    store: Arc<Store>,
    /// Ordinal through which every key is surely on disk.
    synced: Arc<AtomicU64>,
}

impl Keys {
    /// Takes in uses of keys, in order of their ordinals; those that it has already are passed
    /// over. They are durable after the next [`Keys::sync`].
    ///
    /// # Errors
    /// [`SpoolError::Index`]. After any error this index is of no use: drop it and open it anew.
    pub fn apply(&mut self, uses: &[KeyUse]) -> Result<(), SpoolError> {
        let mut batch = Batch::default();
        let mut reached = self.applied;
        for one in uses.iter().filter(|one| one.ordinal > self.applied.ordinal) {
            reached.take(one.ordinal, one.wall_ms.max(SANE_WALL_MS));
            let name = key_name(&one.key.scope, &one.key.key);
            batch.insert(ordinal_name(one.ordinal).as_slice(), reached.stamp(&name));
            batch.insert(name.as_slice(), Use::of(one).to_bytes());
        }
        if reached == self.applied {
            return Ok(());
        }
        batch.insert(Reached::NAME, reached.to_bytes());
        self.writer.write("apply a batch", |db| db.apply_batch(batch))?;
        self.applied = reached;
        Ok(())
    }

    /// Makes all that was applied durable. Returns the ordinal through which every key now is.
    ///
    /// # Errors
    /// As [`Keys::apply`].
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.writer.sync()?;
        self.look.synced.store(self.applied.ordinal, Ordering::Release);
        Ok(self.applied.ordinal)
    }

    /// Forgets keys that are past the window or beyond the bound, oldest first, at most
    /// [`EXPIRE_AT_ONCE_MAX`] of them. Returns how many: call again if it is that many.
    ///
    /// # Errors
    /// As [`Keys::apply`].
    pub fn expire(&mut self, now_wall_ms: u64) -> Result<usize, SpoolError> {
        let (applied, limits) = (self.applied.ordinal, self.limits);
        self.writer.write("expire keys", |db| {
            let (mut batch, mut gone) = (Batch::default(), 0);
            for row in db.range(ordinals()).take(EXPIRE_AT_ONCE_MAX) {
                let (row, value) = row?;
                let Some((ordinal, name, wall_ms)) = entry::read_stamp(&row, &value) else {
                    batch.remove(row);
                    continue;
                };
                let beyond = applied.saturating_sub(ordinal) >= limits.keys_max;
                let past = wall_ms > SANE_WALL_MS
                    && wall_ms.saturating_add(limits.window_ms) < now_wall_ms;
                if !beyond && !past {
                    break;
                }
                let newest = db.get(name)?.and_then(|value| Use::read(&value));
                // the key may have been used again since
                if newest.is_none_or(|newest| newest.ordinal <= ordinal) {
                    batch.remove(name);
                }
                batch.remove(row);
                gone += 1;
            }
            db.apply_batch(batch)?;
            Ok(gone)
        })
    }

    /// What the index knows of a key.
    ///
    /// # Errors
    /// As [`Keys::apply`].
    pub fn look(&self, key: &PublisherKey) -> Result<Known, SpoolError> {
        self.look.look(key)
    }

    /// A handle for other threads.
    pub fn looker(&self) -> KeyLook {
        self.look.clone()
    }

    /// The last ordinal applied, synced or not.
    pub fn applied(&self) -> u64 {
        self.applied.ordinal
    }
}

impl KeyLook {
    /// What the index knows of a key. A hint: it is written behind the log.
    ///
    /// # Errors
    /// [`SpoolError::Index`].
    pub fn look(&self, key: &PublisherKey) -> Result<Known, SpoolError> {
        // before the look, so that the answer never claims more than was there
        let through = self.synced.load(Ordering::Acquire);
        let name = key_name(&key.scope, &key.key);
        let found = self.store.call("look a key up", |db| db.get(name))?;
        let used = found.and_then(|value| Use::read(&value));
        Ok(Known { through, message: used.map(|used| (used.message, used.body)) })
    }
}
