//! What both indexes stand on: [`Store`], sled 0.34 inside a wrapper that makes up for what it
//! lacks.
//!
//! Promise: what [`Writer::sync`] returned for stays true across a power cut, and whatever state a
//! store is in, the station gets one that works. sled's `flush` never fsyncs, so we fdatasync its
//! file `db` ourselves; it syncs neither its `conf` nor its directory, so we do, once; a half-written
//! `snap.*.generating` keeps it from opening, so those go first; it may refuse or panic at open, so
//! its directory is then set aside, never deleted, and a fresh one started.

mod calm;
mod making;
mod open;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk;
use super::error::SpoolError;
use super::lock::Lock;

use self::calm::Calm;

pub(in crate::spool) use self::open::Place;

/// An open store, for whoever reads it, from any thread.
#[derive(Debug)]
pub(in crate::spool) struct Store {
    db: Calm,
    dir: PathBuf,
    _lock: Lock,
}

/// The one who writes it.
#[derive(Debug)]
pub(in crate::spool) struct Writer {
    store: Arc<Store>,
    /// sled's file `db`, for the fdatasync that sled does not do.
    data: File,
    failed: bool,
}

impl Store {
    /// Does something with it; `doing` says what in an error.
    pub(in crate::spool) fn call<T>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, SpoolError> {
        self.db.call(act).map_err(|fault| self.fault(doing, fault))
    }

    fn fault(&self, doing: &'static str, fault: String) -> SpoolError {
        SpoolError::Index { doing, dir: self.dir.clone(), fault }
    }
}

impl Writer {
    /// The store, for readers.
    pub(in crate::spool) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Writes. After any error sled's memory and its file may differ: everything is refused from
    /// then on.
    pub(in crate::spool) fn write<T>(
        &mut self,
        doing: &'static str,
        act: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, SpoolError> {
        if self.failed {
            return Err(self.store.fault(doing, "it failed before".to_owned()));
        }
        self.store.call(doing, act).inspect_err(|_| self.failed = true)
    }

    /// Makes all that was written durable.
    pub(in crate::spool) fn sync(&mut self) -> Result<(), SpoolError> {
        self.write("flush", |db| db.flush())?;
        let file = self.store.dir.join(calm::DB);
        disk::sync_data(&self.data, &file).inspect_err(|_| self.failed = true)
    }
}
