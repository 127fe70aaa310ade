//! Opening a store: whatever state it is in, the station gets one that works.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::calm::{Calm, await_release};
use super::making::Making;
use super::{Store, Writer};
use crate::spool::disk;
use crate::spool::error::SpoolError;
use crate::spool::lock::Lock;

/// Most stores ever set aside; after that an operator must have a look.
const SET_ASIDE_MAX: u32 = 1000;

/// Where a store is.
#[derive(Debug, Clone, Copy)]
pub(in crate::spool) struct Place<'a> {
    /// The data directory.
    pub(in crate::spool) data: &'a Path,
    /// The index's directory in it.
    pub(in crate::spool) home: &'static str,
    /// sled's directory in that.
    pub(in crate::spool) store: &'static str,
    /// What it is an index of.
    pub(in crate::spool) of: &'static str,
}

/// An open store, and how it was found.
#[derive(Debug)]
pub(in crate::spool) struct Opened<R> {
    /// The way to write it.
    pub(in crate::spool) writer: Writer,
    /// What was read out of it first.
    pub(in crate::spool) reached: R,
    /// True if there was none, or it had to be set aside.
    pub(in crate::spool) fresh: bool,
    /// Where the one that did not open was put, and why.
    pub(in crate::spool) set_aside: Option<(PathBuf, String)>,
}

impl Place<'_> {
    /// Opens the store, or makes one. One that does not open, of which `read` says what is wrong
    /// with it, or that does not fit, is set aside under a new name. sled's snapshots may be at
    /// fault for the first two, so it is then read without them; one that does not fit keeps them.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] if another process, or an older handle in this one, has it open;
    /// [`SpoolError::Index`] if not even a fresh one opens.
    pub(in crate::spool) fn open<R>(
        self,
        read: impl Fn(&sled::Db) -> Result<Result<R, String>, sled::Error>,
        fits: impl Fn(&R) -> Result<(), String>,
    ) -> Result<Opened<R>, SpoolError> {
        let lock = self.lock()?;
        let dir = self.dir();
        let making = Making::of(&dir);
        let (mut fresh, mut set_aside) = (making.is_due()?, None);
        if fresh {
            making.begin()?;
        }
        let fitting = || {
            let (db, reached) = attempt(&dir, &read)?;
            fits(&reached).map(|()| (db, reached))
        };
        let (db, reached) = fitting().or_else(|why| {
            let of = self.of;
            tracing::warn!(event = "index_set_aside", why, "the index of {of} is set aside");
            set_aside = Some((put_aside(&dir)?, why));
            fresh = true;
            making.begin()?;
            fitting().map_err(|fault| {
                let dir = dir.clone();
                SpoolError::Index { doing: "open, even afresh", dir, fault }
            })
        })?;
        let data = making.end(&db)?;
        let store = Arc::new(Store { db, dir, _lock: lock });
        let writer = Writer { store, data, failed: false };
        Ok(Opened { writer, reached, fresh, set_aside })
    }

    /// Sets the closed store aside, whatever it holds. Returns its new name; `None` if there is
    /// none.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub(in crate::spool) fn set_aside(self) -> Result<Option<PathBuf>, SpoolError> {
        if !self.dir().exists() {
            return Ok(None);
        }
        let _lock = self.lock()?;
        put_aside(&self.dir()).map(Some)
    }

    fn dir(self) -> PathBuf {
        self.data.join(self.home).join(self.store)
    }

    fn lock(self) -> Result<Lock, SpoolError> {
        let home = self.data.join(self.home);
        disk::make_dir(&home)?;
        Lock::take(&home.join("lock"), self.data)
    }
}

/// Opens sled, if need be without its snapshots: it then reads its whole log.
fn attempt<R>(
    dir: &Path,
    read: &impl Fn(&sled::Db) -> Result<Result<R, String>, sled::Error>,
) -> Result<(Calm, R), String> {
    let once = || {
        let db = Calm::open(dir)?;
        let reached = db.call(read)??;
        Ok((db, reached))
    };
    await_release(dir);
    remove_snapshots(dir, |name| name.ends_with(".generating"))?;
    once().or_else(|first: String| {
        remove_snapshots(dir, |_| true)?;
        once().map_err(|second| format!("{first}; without its snapshots: {second}"))
    })
}

fn remove_snapshots(dir: &Path, which: impl Fn(&str) -> bool) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|fault| fault.to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("snap.") && which(name) {
            disk::remove(&path).map_err(|fault| fault.to_string())?;
        }
    }
    Ok(())
}

fn put_aside(dir: &Path) -> Result<PathBuf, SpoolError> {
    let names = (1..=SET_ASIDE_MAX).map(|n| dir.with_extension(format!("broken-{n}")));
    let free = names.into_iter().find(|name| !name.exists());
    let to = free.ok_or_else(|| SpoolError::Index {
        doing: "be set aside",
        dir: dir.to_owned(),
        fault: format!("{SET_ASIDE_MAX} broken ones are there already; remove those not needed"),
    })?;
    disk::rename(dir, &to)?;
    Ok(to)
}
