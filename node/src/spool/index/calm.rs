//! [`Calm`]: sled, whose panics are errors here.

use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// sled's data file.
pub(super) const DB: &str = "db";
/// sled's own cache. The operating system caches the file as well.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;
/// Longest wait for sled's own threads to let go of its file.
const RELEASE_WAIT_MAX: Duration = Duration::from_secs(2);
/// Time between two looks.
const RELEASE_POLL: Duration = Duration::from_millis(5);

/// An open database.
#[derive(Debug)]
pub(super) struct Calm(sled::Db);

impl Calm {
    /// Opens the one in a directory, or makes one.
    pub(super) fn open(dir: &Path) -> Result<Self, String> {
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

    /// Does something with it.
    pub(super) fn call<T>(
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

/// Waits until sled's file is let go of: its own threads hold it for a moment after its handle was
/// dropped in this process. Nobody else has it, for we hold the index's lock; so if it takes too
/// long, sled is left to say so itself.
pub(super) fn await_release(dir: &Path) {
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
