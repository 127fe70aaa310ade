//! [`Cursor`]: walks one segment from a mark on and picks out one lane's legs of one link.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use yizhan_core::link::Link;
use yizhan_core::seal::HeldSeal;
use yizhan_schemas::Lane;

use super::format::{COMMIT_HEADER_BYTES, CommitHeader, CommitKind, FRAME_BYTES, Frame};
use super::packed::Unpacker;
use super::part::{self, SEAL, held_leg};
use super::reader::HeldLeg;
use super::scan::next_intact;
use super::segment::path_of;
use super::shared::{Shared, Start};
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// Bytes read ahead at a time: about what one send carries.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// A place in a segment.
pub(super) struct Cursor {
    file: File,
    path: PathBuf,
    store: u64,
    lane: Lane,
    /// True if it looks for what was re-appended.
    again: bool,
    /// Where in the file it stands, bytes; within a packed commit as if that was not packed.
    at: u64,
    /// Where the file ends for it.
    end: u64,
    /// The commit that it stands in; none at a commit's head.
    commit: Option<Inside>,
    /// The seals at the head of that commit.
    seals: Vec<Option<Arc<HeldSeal>>>,
    /// Bytes of the file.
    window: Window,
    unpacker: Unpacker,
}

/// A commit that a cursor stands in.
struct Inside {
    number: u64,
    /// Where it begins, bytes.
    start: u64,
    /// Where its records end.
    end: u64,
    /// Where the next commit begins in the file.
    behind: u64,
    /// Its records, if it is packed.
    unpacked: Option<Window>,
}

/// Bytes, and where they begin.
#[derive(Default)]
struct Window {
    at: u64,
    bytes: Bytes,
}

impl Window {
    /// So many bytes from there on, if it has them all.
    fn have(&self, at: u64, count: usize) -> Option<Bytes> {
        Some(self.first(at, count)).filter(|found| found.len() == count)
    }

    /// Where it ends.
    fn end(&self) -> u64 {
        self.at.saturating_add(self.bytes.len() as u64)
    }

    /// What of so many bytes it has.
    fn first(&self, at: u64, count: usize) -> Bytes {
        let start = at.checked_sub(self.at).and_then(|start| usize::try_from(start).ok());
        let start = start.unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.slice(start..start.saturating_add(count).min(self.bytes.len()))
    }
}

impl Cursor {
    pub(super) fn open(shared: &Shared, lane: Lane, start: Start) -> Result<Self, SpoolError> {
        let path = path_of(&shared.dir, start.segment);
        let file = File::open(&path).map_err(|fault| SpoolError::io("open", &path, fault))?;
        let mut cursor = Self {
            file,
            path,
            store: shared.store,
            lane,
            again: start.again,
            at: u64::from(start.mark.commit),
            end: start.synced,
            commit: None,
            seals: Vec::new(),
            window: Window::default(),
            unpacker: Unpacker::default(),
        };
        let marked = u64::from(start.mark.commit);
        // another one, behind damage, is not what the mark speaks of
        if cursor.enter_commit()?
            && cursor.commit.as_ref().is_some_and(|in_it| in_it.start == marked)
        {
            cursor.at = cursor.at.max(u64::from(start.mark.record));
        }
        Ok(cursor)
    }

    /// The next leg of the link with at least this sequence; `None` at the segment's end.
    pub(super) fn next(
        &mut self,
        link: &Link,
        at_least: u64,
    ) -> Result<Option<HeldLeg>, SpoolError> {
        loop {
            let inside = self.commit.as_ref().filter(|inside| self.at < inside.end);
            let Some((number, commit_end)) = inside.map(|inside| (inside.number, inside.end))
            else {
                self.leave_commit();
                if !self.enter_commit()? {
                    return Ok(None);
                }
                continue;
            };
            let head = self.bytes(FRAME_BYTES)?;
            let record_end = |frame: &Frame| self.at.saturating_add(frame.record_bytes() as u64);
            let frame = Frame::read(&head).filter(|frame| record_end(frame) <= commit_end);
            let Some(frame) = frame else {
                // damaged since it was written: nothing in this commit can be found any more
                self.at = commit_end;
                continue;
            };
            if self.concerns(&frame, link) {
                let record = self.bytes(frame.record_bytes())?;
                let body = record.slice(FRAME_BYTES.min(record.len())..);
                self.at += frame.record_bytes() as u64;
                let intact = frame.covers(&body);
                let leg =
                    intact.then(|| held_leg(&body, &self.seals, link, at_least, number)).flatten();
                if leg.is_some() {
                    return Ok(leg);
                }
            } else {
                self.at += frame.record_bytes() as u64;
            }
        }
    }

    fn concerns(&self, frame: &Frame, link: &Link) -> bool {
        let numbered = part::lane(frame.lane).map(|lane| link.numbered_lane(lane));
        part::has_legs(frame.kind, self.again) && numbered == Some(self.lane)
    }

    fn leave_commit(&mut self) {
        if let Some(inside) = self.commit.take() {
            self.at = inside.behind;
        }
    }

    /// Steps behind a commit's header. `false` at the end.
    fn enter_commit(&mut self) -> Result<bool, SpoolError> {
        while self.at < self.end {
            let head = self.bytes(COMMIT_HEADER_BYTES)?;
            let header = CommitHeader::read(&head).filter(|header| header.store == self.store);
            let Some(header) = header else {
                if !self.pass_damage()? {
                    return Ok(false);
                }
                continue;
            };
            if header.kind == CommitKind::Footer {
                return Ok(false);
            }
            let behind = self.at.saturating_add(header.commit_bytes() as u64).min(self.end);
            let packed = header.kind == CommitKind::Packed;
            let unpacked = if packed { self.unpack(&header)? } else { None };
            if packed && unpacked.is_none() {
                // damaged since it was written: nothing in it can be found any more
                self.at = behind;
                continue;
            }
            let end = unpacked.as_ref().map_or(behind, |unpacked| unpacked.end());
            let (number, start) = (header.number, self.at);
            self.commit = Some(Inside { number, start, end, behind, unpacked });
            self.at += COMMIT_HEADER_BYTES as u64;
            self.read_seals(end)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The records of the packed commit whose head it stands at; `None` if that is damaged.
    fn unpack(&mut self, header: &CommitHeader) -> Result<Option<Window>, SpoolError> {
        let commit = self.bytes(header.commit_bytes())?;
        let body = commit.get(COMMIT_HEADER_BYTES..).filter(|_| header.covers(&commit));
        let records = body.and_then(|body| self.unpacker.unpack(body).ok());
        let at = self.at.saturating_add(COMMIT_HEADER_BYTES as u64);
        Ok(records.map(|records| Window { at, bytes: records.into() }))
    }

    /// Reads the seals at the head of a commit: what is behind them names them by place.
    fn read_seals(&mut self, commit_end: u64) -> Result<(), SpoolError> {
        self.seals.clear();
        while self.at < commit_end {
            let head = self.bytes(FRAME_BYTES)?;
            let Some(frame) = Frame::read(&head).filter(|frame| frame.kind == SEAL) else { break };
            let end = self.at.saturating_add(frame.record_bytes() as u64);
            if end > commit_end {
                break;
            }
            let record = self.bytes(frame.record_bytes())?;
            let body = record.get(FRAME_BYTES..).filter(|body| frame.covers(body));
            self.seals.push(body.and_then(part::seal));
            self.at = end;
        }
        Ok(())
    }

    /// Goes to the next intact commit behind a header that is not one. Rare, so it may cost
    /// reading the rest of the segment.
    fn pass_damage(&mut self) -> Result<bool, SpoolError> {
        let rest = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let rest = disk::read_at(&self.file, &self.path, self.at, rest)?;
        let found = next_intact(&rest, 0, Some(self.store), 0..u64::MAX);
        self.at = found.map_or(self.end, |commit| self.at + commit.offset as u64);
        Ok(self.at < self.end)
    }

    /// Bytes from where it stands; fewer only where the segment is cut short.
    fn bytes(&mut self, count: usize) -> Result<Bytes, SpoolError> {
        if let Some(unpacked) = self.commit.as_ref().and_then(|inside| inside.unpacked.as_ref()) {
            return Ok(unpacked.first(self.at, count));
        }
        if let Some(bytes) = self.window.have(self.at, count) {
            return Ok(bytes);
        }
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = count.max(READ_AHEAD_BYTES).min(left);
        let bytes = disk::read_at(&self.file, &self.path, self.at, wanted)?.into();
        self.window = Window { at: self.at, bytes };
        Ok(self.window.first(self.at, count))
    }
}
