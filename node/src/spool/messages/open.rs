//! Opening the index of messages: [`Messages::open`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::entry::Reached;
use super::{DIR, MESSAGES_MAX, Messages};
use crate::spool::error::SpoolError;
use crate::spool::index::Place;

/// How the index was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessagesReport {
    /// True if there was none, or it had to be set aside.
    pub fresh: bool,
    /// Where the one that could not be used was put, and why.
    pub set_aside: Option<(PathBuf, String)>,
}

impl Messages {
    /// Opens the index in the data directory `data`, or makes one. One that does not open, or that
    /// knows of more than the log has (`last_commit`), and so is of another log, is set aside under
    /// a new name; the report says so, and history before the log's oldest segment is gone.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] if another process, or an older handle in this one, has it open;
    /// [`SpoolError::Index`] if not even a fresh one opens.
    pub fn open(data: &Path, last_commit: u64) -> Result<(Self, MessagesReport), SpoolError> {
        let place = Place { data, home: DIR, store: "runs", of: "messages" };
        let read = |db: &sled::Db| {
            let row = db.get(Reached::NAME)?;
            Ok(row.map_or_else(|| Ok(Reached::default()), |row| Reached::read(&row)))
        };
        let opened = place.open(read, |reached| of_this_log(reached, last_commit))?;
        let report = MessagesReport { fresh: opened.fresh, set_aside: opened.set_aside };
        let synced = Arc::new(AtomicU64::new(opened.reached.commit));
        let (writer, reached) = (opened.writer, opened.reached);
        Ok((Self { writer, synced, reached, most: MESSAGES_MAX }, report))
    }
}

fn of_this_log(reached: &Reached, last_commit: u64) -> Result<(), String> {
    let commit = reached.commit;
    if commit > last_commit {
        return Err(format!(
            "it knows of commit {commit}, the log of {last_commit}: it is of another log"
        ));
    }
    Ok(())
}
