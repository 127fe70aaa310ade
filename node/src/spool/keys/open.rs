//! Opening the index: whatever state it is in, the station gets one that works.

use std::fs::{self, File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use super::entry::Reached;
use super::making::Making;
use super::{CACHE_BYTES, DIR, Keys, Limits, Shared};
use crate::spool::disk;
use crate::spool::error::SpoolError;
use crate::spool::lock::Lock;

/// sled's directory in the index's.
const STORE: &str = "keys";
/// sled's data file.
pub(in crate::spool) const DB: &str = "db";
/// Most indexes ever set aside; after that an operator must have a look.
const SET_ASIDE_MAX: u32 = 1000;
/// Longest wait for sled's own threads to let go of its file.
const RELEASE_WAIT_MAX: Duration = Duration::from_secs(2);
/// Time between two looks.
const RELEASE_POLL: Duration = Duration::from_millis(5);

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

/// sled, whose panics are errors here.
#[derive(Debug)]
pub(in crate::spool) struct Calm(sled::Db);

impl Calm {
    pub(in crate::spool) fn open(dir: &Path) -> Result<Self, String> {
        calmly(|| {
            sled::Config::new()
                .path(dir)
                .cache_capacity(CACHE_BYTES)
                // its own flusher would only compete with ours, and promises nothing
                .flush_every_ms(None)
                .open()
        })
        .map(Self)
    }

    pub(in crate::spool) fn call<T>(
        &self,
        act: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, String> {
        calmly(|| act(&self.0))
    }
}

fn calmly<T>(act: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, String> {
    // what a panic leaves behind is not used again: the caller drops its handle
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done.map_err(|fault| fault.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("sled panicked: {}", text.unwrap_or("no text")))
        }
    }
}

impl Keys {
    /// Opens the index in the data directory `data`, or makes one. One that does not open is set
    /// aside under a new name, and the report says so: the caller then scans the log.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] if another process, or an older handle in this one, has it open;
    /// [`SpoolError::Index`] if not even a fresh one opens.
    pub fn open(data: &Path, limits: Limits) -> Result<(Self, KeysReport), SpoolError> {
        let home = data.join(DIR);
        disk::make_dir(&home)?;
        let lock = Lock::take(&home.join("lock"), data)?;
        let dir = home.join(STORE);
        let making = Making::of(&dir);
        let mut report = KeysReport { fresh: making.is_due()?, ..KeysReport::default() };
        if report.fresh {
            making.begin()?;
        }
        let opened = attempt(&dir).or_else(|why| {
            tracing::warn!(
                event = "index_set_aside",
                why,
                "the index of publishers' keys is set aside"
            );
            let to = put_aside(&dir)?;
            report.fresh = true;
            report.set_aside = Some((to, why));
            making.begin()?;
            attempt(&dir).map_err(|fault| {
                let dir = dir.clone();
                SpoolError::Index { doing: "open, even afresh", dir, fault }
            })
        });
        let (db, applied) = opened?;
        let data = making.end(&db)?;
        report.through = applied.ordinal;
        let synced = AtomicU64::new(applied.ordinal);
        let shared = Arc::new(Shared { db, dir, synced, _lock: lock });
        Ok((Self { shared, data, limits, applied, failed: false }, report))
    }

    /// Sets the closed index in `data` aside, whatever it holds: for an index that knows of more
    /// keys than the log has ever had, which is of another log. Returns its new name; `None` if
    /// there is none.
    ///
    /// # Errors
    /// As [`Keys::open`].
    pub fn set_aside(data: &Path) -> Result<Option<PathBuf>, SpoolError> {
        let home = data.join(DIR);
        let dir = home.join(STORE);
        if !dir.exists() {
            return Ok(None);
        }
        let _lock = Lock::take(&home.join("lock"), data)?;
        put_aside(&dir).map(Some)
    }
}

/// Waits until sled's file is let go of: its own threads hold it for a moment after its handle was
/// dropped in this process. Nobody else has it, for we hold the index's lock; so if it takes too
/// long, sled is left to say so itself.
pub(in crate::spool) fn await_release(dir: &Path) {
    let Ok(db) = File::open(dir.join(DB)) else { return };
    let until = Instant::now() + RELEASE_WAIT_MAX;
    // sled's threads tell nobody when they are done, so there is no event to wait for
    while let Err(TryLockError::WouldBlock) = db.try_lock() {
        if Instant::now() >= until {
            return;
        }
        thread::sleep(RELEASE_POLL);
    }
}

/// Opens sled, if need be without its snapshots: it then reads its whole log.
fn attempt(dir: &Path) -> Result<(Calm, Reached), String> {
    await_release(dir);
    remove_snapshots(dir, |name| name.ends_with(".generating"))?;
    open_and_read(dir).or_else(|first| {
        remove_snapshots(dir, |_| true)?;
        open_and_read(dir).map_err(|second| format!("{first}; without its snapshots: {second}"))
    })
}

fn open_and_read(dir: &Path) -> Result<(Calm, Reached), String> {
    let db = Calm::open(dir)?;
    match db.call(|db| db.get(Reached::NAME))? {
        None => Ok((db, Reached::default())),
        Some(value) => match Reached::read(&value) {
            Some(reached) => Ok((db, reached)),
            None => Err("the row that says how far it is cannot be read".to_owned()),
        },
    }
}

pub(in crate::spool) fn remove_snapshots(
    dir: &Path,
    which: impl Fn(&str) -> bool,
) -> Result<(), String> {
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

pub(in crate::spool) fn put_aside(dir: &Path) -> Result<PathBuf, SpoolError> {
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
