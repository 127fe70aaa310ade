//! Failures on demand, for this thread only.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::spool) enum Call {
    Reserve,
    Write,
    Sync,
}

thread_local! {
    static NEXT: RefCell<Option<(Call, Errno)>> = const { RefCell::new(None) };
    static VOLUME: RefCell<Option<(PathBuf, u64)>> = const { RefCell::new(None) };
}

/// Lets the next such call on this thread fail.
pub(in crate::spool) fn arrange(call: Call, errno: Errno) {
    NEXT.with(|next| *next.borrow_mut() = Some((call, errno)));
}

pub(super) fn before(call: Call) -> io::Result<()> {
    NEXT.with(|next| {
        let due = next.borrow().filter(|(which, _)| *which == call);
        if let Some((_, errno)) = due {
            *next.borrow_mut() = None;
            return Err(errno.into());
        }
        Ok(())
    })
}

/// A volume of limited size below a directory, for this thread, as long as this lives.
#[derive(Debug)]
pub(in crate::spool) struct Volume;

impl Volume {
    /// One that takes this much more than is there.
    pub(in crate::spool) fn of(dir: &Path, more_bytes: u64) -> Self {
        let size = used_bytes(dir) + more_bytes;
        VOLUME.with(|volume| *volume.borrow_mut() = Some((dir.to_owned(), size)));
        Self
    }

    /// One without a byte left.
    pub(in crate::spool) fn full(dir: &Path) -> Self {
        Self::of(dir, 0)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        VOLUME.with(|volume| *volume.borrow_mut() = None);
    }
}

fn used_bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let bytes = |entry: fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => used_bytes(&entry.path()),
        false => entry.metadata().unwrap().len(),
    };
    entries.map(bytes).sum()
}

pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    VOLUME.with(|volume| {
        let volume = volume.borrow();
        let (dir, size) = volume.as_ref().filter(|(dir, _)| path.starts_with(dir))?;
        Some(size.saturating_sub(used_bytes(dir)))
    })
}

/// Whether a file can have this length.
pub(super) fn fits(file: &File, path: &Path, length: u64) -> io::Result<()> {
    let more = length.saturating_sub(file.metadata()?.len());
    match free_bytes(path) {
        Some(free) if more > free => Err(Errno::NOSPC.into()),
        _ => Ok(()),
    }
}
