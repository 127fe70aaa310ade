//! [`Lock`]: one process on one spool.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::error::SpoolError;

/// Longest text read out of a lock file: a process number and nothing else.
const PID_CHARS_MAX: u64 = 20;

/// Held as long as this value lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock file at `path`, for the data directory `data`.
    pub(super) fn take(path: &Path, data: &Path) -> Result<Self, SpoolError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|fault| SpoolError::io("open the lock", path, fault))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(SpoolError::InUse { dir: data.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(fault)) => return Err(SpoolError::io("lock", path, fault)),
        }
        // for the other process's error message only, so a failure to write it harms nothing
        let _ = file.set_len(0);
        let _ = file.rewind();
        let _ = write!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(PID_CHARS_MAX).read_to_string(&mut text);
    let pid = text.trim();
    if read.is_ok() && !pid.is_empty() { pid.to_owned() } else { "unknown".to_owned() }
}
