//! [`Keys`]: which message each publisher's key was used for, so that a retry is recognised.
//!
//! Promise: what [`Keys::sync`] returned stays true across a power cut: every key through that
//! ordinal is there. Nothing else is promised, for all of it is derived from the custody log: the
//! index is written behind the log, is never on the way to `accepted`, and is rebuilt from the log
//! ([`crate::spool::log::scan`]) when it is gone.
//!
//! The store is sled 0.34, inside a wrapper that makes up for what it lacks: its `flush` never
//! fsyncs, so we fdatasync its file `db` ourselves; it syncs neither its `conf` nor its directory,
//! so we do, once; a half-written `snap.*.generating` keeps it from opening, so those go first; it
//! may refuse or panic at open, so its directory is then set aside, never deleted, and a fresh one
//! started.
//!
//! The key **ordinal** is given by the caller: the n-th `Put` with a key since the log was made,
//! counted from 1.

mod entry;
pub(in crate::spool) mod making;
pub(in crate::spool) mod open;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sled::Batch;
use yizhan_core::draft::Known;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::MessageId;

use self::entry::{Reached, Use, key_name, ordinal_name, ordinals};
use self::open::Calm;
use super::disk;
use super::error::SpoolError;
use super::lock::Lock;

pub use self::open::KeysReport;

/// The index's directory in the data directory.
pub const DIR: &str = "index";
/// sled's own cache. The operating system caches the file as well.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;
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
    shared: Arc<Shared>,
    /// sled's file `db`, for the fdatasync that sled does not do.
    data: std::fs::File,
    limits: Limits,
    applied: Reached,
    failed: bool,
}

#[derive(Debug)]
struct Shared {
    db: Calm,
    dir: PathBuf,
    /// Ordinal through which every key is surely on disk.
    synced: AtomicU64,
    _lock: Lock,
}

/// Looks keys up, from any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KeyLook {
    shared: Arc<Shared>,
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
        self.guarded("apply a batch", |keys| {
            keys.shared.db.call(|db| db.apply_batch(batch.clone()))
        })?;
        self.applied = reached;
        Ok(())
    }

    /// Makes all that was applied durable. Returns the ordinal through which every key now is.
    ///
    /// # Errors
    /// As [`Keys::apply`].
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.guarded("flush", |keys| keys.shared.db.call(|db| db.flush()))?;
        let file = self.shared.dir.join(open::DB);
        disk::sync_data(&self.data, &file).inspect_err(|_| self.failed = true)?;
        self.shared.synced.store(self.applied.ordinal, Ordering::Release);
        Ok(self.applied.ordinal)
    }

    /// Forgets keys that are past the window or beyond the bound, oldest first, at most
    /// [`EXPIRE_AT_ONCE_MAX`] of them. Returns how many: call again if it is that many.
    ///
    /// # Errors
    /// As [`Keys::apply`].
    pub fn expire(&mut self, now_wall_ms: u64) -> Result<usize, SpoolError> {
        let (applied, limits) = (self.applied.ordinal, self.limits);
        let mut gone = 0;
        self.guarded("expire keys", |keys| {
            keys.shared.db.call(|db| {
                let (mut batch, mut count) = (Batch::default(), 0);
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
                    count += 1;
                }
                gone = count;
                db.apply_batch(batch)
            })
        })?;
        Ok(gone)
    }

    /// What the index knows of a key.
    ///
    /// # Errors
    /// As [`Keys::apply`].
    pub fn look(&self, key: &PublisherKey) -> Result<Known, SpoolError> {
        self.looker().look(key)
    }

    /// A handle for other threads.
    pub fn looker(&self) -> KeyLook {
        KeyLook { shared: Arc::clone(&self.shared) }
    }

    /// The last ordinal applied, synced or not.
    pub fn applied(&self) -> u64 {
        self.applied.ordinal
    }

    /// After any error sled's memory and its file may differ: refuses everything from then on.
    fn guarded<T>(
        &mut self,
        doing: &'static str,
        mut act: impl FnMut(&Self) -> Result<T, String>,
    ) -> Result<T, SpoolError> {
        let done = if self.failed { Err("it failed before".to_owned()) } else { act(self) };
        self.failed |= done.is_err();
        done.map_err(|fault| SpoolError::Index { doing, dir: self.shared.dir.clone(), fault })
    }
}

impl KeyLook {
    /// What the index knows of a key. A hint: it is written behind the log.
    ///
    /// # Errors
    /// [`SpoolError::Index`].
    pub fn look(&self, key: &PublisherKey) -> Result<Known, SpoolError> {
        // before the look, so that the answer never claims more than was there
        let through = self.shared.synced.load(Ordering::Acquire);
        let name = key_name(&key.scope, &key.key);
        let found = self.shared.db.call(|db| db.get(name)).map_err(|fault| {
            let dir = self.shared.dir.clone();
            SpoolError::Index { doing: "look a key up", dir, fault }
        })?;
        let used = found.and_then(|value| Use::read(&value));
        Ok(Known { through, message: used.map(|used| (used.message, used.body)) })
    }
}
