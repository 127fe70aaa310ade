//! Opening the index: whatever state it is in, the station gets one that works.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::entry::Reached;
use super::{DIR, MESSAGES_MAX, Messages, Shared};
use crate::spool::disk;
use crate::spool::error::SpoolError;
use crate::spool::keys::making::Making;
use crate::spool::keys::open::{Calm, await_release, put_aside, remove_snapshots};
use crate::spool::lock::Lock;

/// sled's directory in the index's.
const STORE: &str = "runs";

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
        let home = data.join(DIR);
        disk::make_dir(&home)?;
        let lock = Lock::take(&home.join("lock"), data)?;
        let dir = home.join(STORE);
        let making = Making::of(&dir);
        let mut report = MessagesReport { fresh: making.is_due()?, ..MessagesReport::default() };
        if report.fresh {
            making.begin()?;
        }
        let opened = attempt(&dir, last_commit).or_else(|why| {
            tracing::warn!(event = "index_set_aside", why, "the index of messages is set aside");
            let to = put_aside(&dir)?;
            report.fresh = true;
            report.set_aside = Some((to, why));
            making.begin()?;
            attempt(&dir, last_commit).map_err(|fault| {
                let dir = dir.clone();
                SpoolError::Index { doing: "open, even afresh", dir, fault }
            })
        });
        let (db, reached) = opened?;
        let data = making.end(&db)?;
        let synced = Arc::new(AtomicU64::new(reached.commit));
        let shared = Arc::new(Shared { db, dir, synced, _lock: lock });
        Ok((Self { shared, data, reached, failed: false, most: MESSAGES_MAX }, report))
    }
}

/// Opens sled, if need be without its snapshots: it then reads its whole log.
fn attempt(dir: &Path, last_commit: u64) -> Result<(Calm, Reached), String> {
    await_release(dir);
    remove_snapshots(dir, |name| name.ends_with(".generating"))?;
    let (db, reached) = read(dir).or_else(|first| {
        remove_snapshots(dir, |_| true)?;
        read(dir).map_err(|second| format!("{first}; without its snapshots: {second}"))
    })?;
    if reached.commit > last_commit {
        return Err(format!(
            "it knows of commit {}, the log of {last_commit}: it is of another log",
            reached.commit
        ));
    }
    Ok((db, reached))
}

fn read(dir: &Path) -> Result<(Calm, Reached), String> {
    let db = Calm::open(dir)?;
    match db.call(|db| db.get(Reached::NAME))? {
        None => Ok((db, Reached::default())),
        Some(row) => Reached::read(&row).map(|reached| (db, reached)),
    }
}
