//! [`Segment`]: the one file that is being written.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::commit::Commit;
use super::format::{SEGMENT_HEADER_BYTES, SegmentHeader, trailer};
use super::spare::Spare;
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// What a segment's name ends with.
const SUFFIX: &str = ".seg";
/// What the name of a copy ends with until it takes its original's place.
const COPY_SUFFIX: &str = ".seg.copy";

/// The name of the segment whose first commit has this number.
pub(super) fn path_of(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}{SUFFIX}"))
}

/// Segments in a directory by first commit, oldest first, and copies that were never finished.
pub(super) fn list(dir: &Path) -> Result<(Vec<u64>, Vec<PathBuf>), SpoolError> {
    let failed = |fault| SpoolError::io("list", dir, fault);
    let (mut segments, mut copies) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(COPY_SUFFIX) {
            copies.push(path);
        } else if let Some(first) = name.strip_suffix(SUFFIX).and_then(|text| text.parse().ok())
            // another way to write that number is no name of ours, and nothing is behind ours then
            && path_of(dir, first) == path
        {
            segments.push(first);
        }
    }
    segments.sort_unstable();
    Ok((segments, copies))
}

/// The segment that takes commits.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    path: PathBuf,
    pub(super) header: SegmentHeader,
    /// Where the next commit goes, bytes.
    pub(super) end: u64,
    /// What was set aside on disk, bytes.
    pub(super) capacity: u64,
}

impl Segment {
    /// One that holds nothing but its header.
    pub(super) fn empty(file: File, path: PathBuf, header: SegmentHeader, capacity: u64) -> Self {
        Self { file, path, header, end: SEGMENT_HEADER_BYTES as u64, capacity }
    }

    /// Writes a segment's commits into a fresh file that takes the old one's place: what was read
    /// of the old one may never have reached the disk. A full disk has the spare for it.
    pub(super) fn renew(
        dir: &Path,
        header: SegmentHeader,
        commits: &[u8],
        capacity: u64,
        spare: &mut Option<Spare>,
    ) -> Result<Self, SpoolError> {
        let path = path_of(dir, header.first);
        let copy = dir.join(format!("{:020}{COPY_SUFFIX}", header.first));
        disk::remove(&copy)?;
        let made = Self::fill(&copy, header, commits, capacity);
        if made.is_err() {
            let _ = disk::remove(&copy);
        }
        let mut made = match made {
            Err(SpoolError::Full { .. }) => {
                let Some(spare) = spare.take_if(|spare| spare.bytes >= capacity) else {
                    return Self::rewrite(&path, header, commits, capacity);
                };
                let bytes = spare.bytes;
                Self::write_whole(spare.rename(&copy)?, &copy, header, commits, bytes)?
            }
            made => made?,
        };
        disk::rename(&copy, &path)?;
        made.path = path;
        Ok(made)
    }

    fn fill(
        path: &Path,
        header: SegmentHeader,
        commits: &[u8],
        capacity: u64,
    ) -> Result<Self, SpoolError> {
        let file = disk::create(path)?;
        disk::reserve(&file, path, capacity)?;
        Self::write_whole(file, path, header, commits, capacity)
    }

    /// The same bytes into the same blocks, for a full disk: a station must start there, and what
    /// is written and synced now is no longer in the page cache only.
    fn rewrite(
        path: &Path,
        header: SegmentHeader,
        commits: &[u8],
        capacity: u64,
    ) -> Result<Self, SpoolError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|fault| SpoolError::io("open", path, fault))?;
        disk::set_len(&file, path, (SEGMENT_HEADER_BYTES + commits.len()) as u64)?;
        // the blocks just given back, if nobody else took them
        let _ = disk::reserve(&file, path, capacity);
        Self::write_whole(file, path, header, commits, capacity)
    }

    fn write_whole(
        file: File,
        path: &Path,
        header: SegmentHeader,
        commits: &[u8],
        capacity: u64,
    ) -> Result<Self, SpoolError> {
        let mut bytes = header.to_bytes();
        bytes.extend_from_slice(commits);
        disk::write_at(&file, path, 0, &bytes)?;
        disk::sync_all(&file, path)?;
        let end = bytes.len() as u64;
        Ok(Self { file, path: path.to_owned(), header, end, capacity })
    }

    /// True if this many bytes fit into what was set aside.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        self.end.saturating_add(bytes) <= self.capacity
    }

    /// Writes a commit behind the last one; it is not durable yet. On a full disk the file is cut
    /// back, and the error says so.
    pub(super) fn write(&mut self, commit: &Commit) -> Result<(), SpoolError> {
        let written = disk::write_at(&self.file, &self.path, self.end, commit.written());
        if let Err(SpoolError::Full { .. }) = written {
            disk::set_len(&self.file, &self.path, self.end)?;
            // what was set aside goes with the cut; a full disk may not give it again
            let _ = disk::reserve(&self.file, &self.path, self.capacity);
        }
        written?;
        self.end += commit.len();
        Ok(())
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self) -> Result<(), SpoolError> {
        disk::sync_data(&self.file, &self.path)
    }

    /// Writes the footer and its trailer, gives back the space behind them, and syncs.
    pub(super) fn close(&mut self, mut footer: Commit) -> Result<(), SpoolError> {
        footer.bytes.extend_from_slice(&trailer(self.end));
        self.write(&footer)?;
        self.cut()
    }

    /// Gives back the space behind the last commit, and syncs.
    pub(super) fn cut(&self) -> Result<(), SpoolError> {
        disk::set_len(&self.file, &self.path, self.end)?;
        disk::sync_all(&self.file, &self.path)
    }

    /// Bytes that the file takes on disk.
    pub(super) fn file_bytes(&self) -> u64 {
        self.end.max(self.capacity)
    }
}
