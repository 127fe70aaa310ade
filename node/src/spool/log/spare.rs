//! [`Spare`]: a segment's worth of disk, set aside and synced before it is needed.
//!
//! Promise: what a spare becomes holds nothing but what is then written into it, and taking one
//! into use asks a full disk for nothing.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::format::{SEGMENT_HEADER_BYTES, SegmentHeader};
use super::segment::{Segment, path_of};
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// The one that is kept for a full disk.
const NEXT: &str = "next.spare";
/// One that is made because it is needed at once.
const AT_ONCE: &str = "at-once.spare";
/// Unit of [`MetadataExt::blocks`], bytes.
const BLOCK_BYTES: u64 = 512;

/// Zeros on disk under a name that is no segment's.
#[derive(Debug)]
pub(super) struct Spare {
    file: File,
    path: PathBuf,
    pub(super) bytes: u64,
}

impl Spare {
    /// Makes the one that is kept.
    pub(super) fn make(dir: &Path, bytes: u64) -> Result<Self, SpoolError> {
        Self::make_as(dir, NEXT, bytes)
    }

    /// Makes one for use at once.
    pub(super) fn make_at_once(dir: &Path, bytes: u64) -> Result<Self, SpoolError> {
        Self::make_as(dir, AT_ONCE, bytes)
    }

    fn make_as(dir: &Path, name: &str, bytes: u64) -> Result<Self, SpoolError> {
        let path = dir.join(name);
        disk::remove(&path)?;
        let made = Self::fill(&path, bytes);
        if made.is_err() {
            // half a spare would take the room that others need
            let _ = disk::remove(&path);
        }
        let file = made?;
        disk::sync_dir(dir)?;
        Ok(Self { file, path, bytes })
    }

    fn fill(path: &Path, bytes: u64) -> Result<File, SpoolError> {
        let file = disk::create(path)?;
        disk::reserve(&file, path, bytes)?;
        disk::sync_all(&file, path)?;
        Ok(file)
    }

    /// The one that an earlier process kept, if it is whole. A full disk might not give it again,
    /// so it is not made anew without need.
    pub(super) fn find(dir: &Path, bytes: u64) -> Result<Option<Self>, SpoolError> {
        disk::remove(&dir.join(AT_ONCE))?;
        let path = dir.join(NEXT);
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else {
            return Ok(None);
        };
        if Self::is_whole(&file, &path, bytes)? {
            disk::sync_all(&file, &path)?;
            return Ok(Some(Self { file, path, bytes }));
        }
        disk::remove(&path)?;
        Ok(None)
    }

    /// Of the right size, with its blocks, and empty: a crash may have left a header in it, and a
    /// commit in it would come to life under another header.
    fn is_whole(file: &File, path: &Path, bytes: u64) -> Result<bool, SpoolError> {
        let about = file.metadata().map_err(|fault| SpoolError::io("look at", path, fault))?;
        if about.len() != bytes || about.blocks().saturating_mul(BLOCK_BYTES) < bytes {
            return Ok(false);
        }
        let body = SEGMENT_HEADER_BYTES as u64;
        let length = usize::try_from(bytes.saturating_sub(body)).unwrap_or(usize::MAX);
        Ok(disk::read_at(file, path, body, length)?.iter().all(|byte| *byte == 0))
    }

    /// Gives it a header and a segment's name, durably.
    pub(super) fn into_segment(
        self,
        dir: &Path,
        header: SegmentHeader,
    ) -> Result<Segment, SpoolError> {
        disk::write_at(&self.file, &self.path, 0, &header.to_bytes())?;
        disk::sync_data(&self.file, &self.path)?;
        let path = path_of(dir, header.first);
        disk::rename(&self.path, &path)?;
        Ok(Segment::empty(self.file, path, header, self.bytes))
    }

    /// Gives it another name, durably, before anything is written into it.
    pub(super) fn rename(self, to: &Path) -> Result<File, SpoolError> {
        disk::rename(&self.path, to)?;
        Ok(self.file)
    }

    /// Gives its room back.
    pub(super) fn remove(self) -> Result<(), SpoolError> {
        disk::remove(&self.path)?;
        disk::sync_dir(disk::above(&self.path))
    }
}
