//! Opening the index of keys: [`Keys::open`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::entry::Reached;
use super::{DIR, KeyLook, Keys, Limits};
use crate::spool::error::SpoolError;
use crate::spool::index::Place;

/// How the index was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysReport {
    /// Every key through this ordinal is there, surely on disk. Keys behind it are to be applied
    /// again from the log; so are all, if this is more than the log has ([`Keys::set_aside`]).
    pub through: u64,
    /// True if there was none, or it had to be set aside: history before the log's oldest segment
    /// is gone.
    pub fresh: bool,
    /// Where the one that did not open was put, and why.
    pub set_aside: Option<(PathBuf, String)>,
}

/// The index in a data directory.
fn place(data: &Path) -> Place<'_> {
    Place { data, home: DIR, store: "keys", of: "publishers' keys" }
}

impl Keys {
    /// Opens the index in the data directory `data`, or makes one. One that does not open is set
    /// aside under a new name, and the report says so: the caller then scans the log.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] if another process, or an older handle in this one, has it open;
    /// [`SpoolError::Index`] if not even a fresh one opens.
    pub fn open(data: &Path, limits: Limits) -> Result<(Self, KeysReport), SpoolError> {
        let read = |db: &sled::Db| {
            let row = db.get(Reached::NAME)?;
            let reached = row.map_or(Some(Reached::default()), |row| Reached::read(&row));
            let unread = || "the row that says how far it is cannot be read".to_owned();
            Ok(reached.ok_or_else(unread))
        };
        // whether it is of this log, only who knows the log's keys can tell
        let opened = place(data).open(read, |_| Ok(()))?;
        let (applied, fresh, set_aside) = (opened.reached, opened.fresh, opened.set_aside);
        let report = KeysReport { through: applied.ordinal, fresh, set_aside };
        let store = Arc::clone(opened.writer.store());
        let look = KeyLook { store, synced: Arc::new(AtomicU64::new(applied.ordinal)) };
        Ok((Self { writer: opened.writer, look, limits, applied }, report))
    }

    /// Sets the closed index in `data` aside, whatever it holds: for an index that knows of more
    /// keys than the log has ever had, which is of another log. Returns its new name; `None` if
    /// there is none.
    ///
    /// # Errors
    /// As [`Keys::open`].
    pub fn set_aside(data: &Path) -> Result<Option<PathBuf>, SpoolError> {
        place(data).set_aside()
    }
}
