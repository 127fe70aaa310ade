//! [`Examined`]: one segment read as a whole, with what is wrong with it.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

use yizhan_core::record::Record;

use super::FILE_BYTES_MAX;
use super::commit::{RecordAt, records};
use super::damage::{Damage, Harm, Torn};
use super::footer::Footer;
use super::format::{
    COMMIT_HEADER_BYTES, CommitHeader, CommitKind, FRAME_BYTES, Frame, HeaderFault,
    SEGMENT_HEADER_BYTES, SegmentHeader,
};
use super::holes::Holes;
use super::packed::Unpacker;
use super::part::SNAPSHOT;
use super::scan::{Bad, Placed, Scanned, commit_at, scan};
use super::segment::path_of;
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// A segment, read and checked.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) path: PathBuf,
    pub(super) first: u64,
    /// Without the zeros at its end.
    pub(super) bytes: Vec<u8>,
    /// With them.
    pub(super) file_bytes: u64,
    /// Its header, unless that is damaged.
    pub(super) header: Option<SegmentHeader>,
    pub(super) scanned: Scanned,
    pub(super) footer: Option<Footer>,
    /// What of it is damaged; the legs are not yet filled in.
    pub(super) damage: Vec<Damage>,
    pub(super) torn: Option<Torn>,
}

/// Reads a segment. `follower` is the first commit of the next segment: without one, this is the
/// last, and only the last can be torn.
pub(super) fn examine(
    dir: &Path,
    first: u64,
    store: Option<u64>,
    follower: Option<u64>,
) -> Result<Examined, SpoolError> {
    let path = path_of(dir, first);
    let (bytes, file_bytes) = disk::read_written(&path, FILE_BYTES_MAX)?;
    let header = header(&path, bytes.get(..SEGMENT_HEADER_BYTES).unwrap_or_default())?;
    let scanned = scan(&bytes, store, first, follower);
    let footer =
        scanned.footer().and_then(|footer| Footer::decode(&bytes, footer.offset, footer.bytes));
    let (damage, torn) = (Vec::new(), None);
    let mut seen =
        Examined { path, first, bytes, file_bytes, header, scanned, footer, damage, torn };
    seen.judge(follower);
    Ok(seen)
}

/// The header, or `None` if it is damaged.
fn header(path: &Path, bytes: &[u8]) -> Result<Option<SegmentHeader>, SpoolError> {
    match SegmentHeader::read(bytes) {
        Ok(header) => Ok(Some(header)),
        Err(HeaderFault::Broken) => Ok(None),
        Err(HeaderFault::Version(found)) => Err(SpoolError::Version {
            file: path.to_owned(),
            found,
            known: super::format::FORMAT_VERSION,
        }),
    }
}

/// The header of a segment file, without reading the rest.
pub(super) fn read_header(dir: &Path, first: u64) -> Result<Option<SegmentHeader>, SpoolError> {
    let path = path_of(dir, first);
    let file = File::open(&path).map_err(|fault| SpoolError::io("open", &path, fault))?;
    header(&path, &disk::read_at(&file, &path, 0, SEGMENT_HEADER_BYTES)?)
}

/// True if the segment begins with an intact snapshot.
pub(super) fn begins_with_snapshot(
    dir: &Path,
    first: u64,
    store: Option<u64>,
) -> Result<bool, SpoolError> {
    let path = path_of(dir, first);
    let file = File::open(&path).map_err(|fault| SpoolError::io("open", &path, fault))?;
    let read = |bytes| disk::read_at(&file, &path, SEGMENT_HEADER_BYTES as u64, bytes);
    let head = read(COMMIT_HEADER_BYTES + FRAME_BYTES)?;
    let frame = head.get(COMMIT_HEADER_BYTES..).and_then(Frame::read);
    let header = CommitHeader::read(&head)
        .filter(|header| header.kind == CommitKind::Records && header.records == 1)
        .filter(|_| frame.is_some_and(|frame| frame.kind == SNAPSHOT));
    let Some(header) = header else { return Ok(false) };
    let commit = read(header.commit_bytes())?;
    Ok(commit_at(&commit, 0, store).is_some_and(|commit| commit.number == first))
}

impl Examined {
    fn judge(&mut self, follower: Option<u64>) {
        if self.header.is_none() && !self.scanned.commits.is_empty() {
            self.hurt(0, SEGMENT_HEADER_BYTES, Harm::Header);
        }
        for Bad { offset, bytes, first, last } in self.scanned.bad.clone() {
            self.hurt(offset, bytes, Harm::Commits { first, last });
        }
        let (end, tail_bytes, next) =
            (self.scanned.end, self.scanned.tail_bytes, self.scanned.next);
        match follower {
            // the last number of a closed segment is its footer's
            Some(follower) if next.saturating_add(1) < follower => {
                let last = follower.saturating_sub(2);
                self.hurt(end, tail_bytes, Harm::Commits { first: next, last });
            }
            Some(follower) if next < follower => self.hurt(end, tail_bytes, Harm::Footer),
            None if tail_bytes > 0 => {
                self.torn = Some(Torn {
                    file: self.path.clone(),
                    offset: end as u64,
                    bytes: tail_bytes as u64,
                    commit: next,
                    kept_in: None,
                });
            }
            _ => {}
        }
    }

    fn hurt(&mut self, offset: usize, bytes: usize, harm: Harm) {
        self.damage.push(Damage {
            file: self.path.clone(),
            offset: offset as u64,
            bytes: bytes as u64,
            harm,
            legs: Vec::new(),
            ids: Vec::new(),
            kept_in: None,
        });
    }

    /// The records of an intact commit with their frames.
    pub(super) fn unpack(
        &self,
        commit: &Placed,
        unpacker: &mut Unpacker,
    ) -> Result<Cow<'_, [u8]>, SpoolError> {
        unpacker.records(&self.bytes, commit).map_err(|fault| SpoolError::Unreadable {
            file: self.path.clone(),
            offset: commit.offset as u64,
            fault,
        })
    }

    /// Gives every record of every intact commit to `each`, in order, and finds out which legs the
    /// damage took.
    pub(super) fn walk(
        &mut self,
        each: &mut dyn FnMut(&Placed, &RecordAt<'_>, Record),
    ) -> Result<(), SpoolError> {
        let (mut holes, mut unpacker) = (Holes::default(), Unpacker::default());
        for commit in &self.scanned.commits {
            if !commit.kind.has_records() {
                continue;
            }
            let unpacked = self.unpack(commit, &mut unpacker)?;
            for record in records(&unpacked, commit) {
                let decoded = record.decode().map_err(|fault| SpoolError::Unreadable {
                    file: self.path.clone(),
                    offset: record.offset as u64,
                    fault,
                })?;
                if !self.damage.is_empty()
                    && let Some(note) = record.note(&decoded)
                {
                    holes.take(commit.number, &note);
                }
                each(commit, &record, decoded);
            }
        }
        if let Some(footer) = self.footer.as_ref().filter(|_| !self.damage.is_empty()) {
            holes.compare(footer);
        }
        holes.attribute(&mut self.damage);
        Ok(())
    }
}
