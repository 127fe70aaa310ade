//! [`Making`]: a store of sled's that is not whole yet.
//!
//! Promise: a store that a power cut left half-made is never opened. sled syncs nothing of what it
//! makes, so a mark stands beside the store, durably, from before its first byte until all of it
//! is on disk; what has one is made anew, for nothing was ever told from it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::calm::{Calm, DB};
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// The extension of the mark.
const MARK: &str = "making";

/// The mark beside a store, or its place.
#[derive(Debug)]
pub(super) struct Making {
    dir: PathBuf,
    mark: PathBuf,
}

impl Making {
    /// That of the store in `dir`.
    pub(super) fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), mark: dir.with_extension(MARK) }
    }

    /// True if there is no store, or half of one.
    pub(super) fn is_due(&self) -> Result<bool, SpoolError> {
        // of a link that leads nowhere, too, sled shall say so itself
        Ok(is_there(&self.mark)? || !is_there(&self.dir)?)
    }

    /// Marks the place: whatever opens a store there now makes one. What is there goes only if it
    /// bore the mark already.
    pub(super) fn begin(&self) -> Result<(), SpoolError> {
        let half = is_there(&self.mark)?;
        if !half {
            disk::create(&self.mark)?;
        }
        disk::sync_dir(disk::above(&self.mark))?;
        if half && is_there(&self.dir)? {
            fs::remove_dir_all(&self.dir)
                .map_err(|fault| SpoolError::io("remove", &self.dir, fault))?;
        }
        Ok(())
    }

    /// Makes all of the open store durable, and takes the mark away. Returns sled's data file.
    pub(super) fn end(&self, db: &Calm) -> Result<File, SpoolError> {
        let (dir, home) = (&self.dir, disk::above(&self.dir));
        let marked = is_there(&self.mark)?;
        if marked {
            let made = db.call(|db| db.flush());
            made.map_err(|fault| SpoolError::Index { doing: "be made", dir: dir.clone(), fault })?;
        }
        let data = make_durable(dir)?;
        disk::sync_dir(home)?;
        if marked {
            disk::remove(&self.mark)?;
            disk::sync_dir(home)?;
        }
        Ok(data)
    }
}

/// True if there is anything under a name; a disk that does not say is no answer.
fn is_there(path: &Path) -> Result<bool, SpoolError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(false),
        Err(fault) => Err(SpoolError::io("look at", path, fault)),
    }
}

/// Syncs what sled makes and never syncs. Returns its data file.
fn make_durable(dir: &Path) -> Result<File, SpoolError> {
    let db = dir.join(DB);
    disk::sync_file(&dir.join("conf"))?;
    let data = File::open(&db).map_err(|fault| SpoolError::io("open", &db, fault))?;
    disk::sync_all(&data, &db)?;
    for one in [&dir.join("blobs"), dir] {
        disk::sync_dir(one)?;
    }
    Ok(data)
}
