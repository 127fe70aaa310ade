//! [`Cursor`]: walks one segment from a mark on and picks out one lane's legs of one link.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use yizhan_core::link::Link;
use yizhan_core::seal::HeldSeal;
use yizhan_schemas::Lane;

use super::format::{COMMIT_HEADER_BYTES, CommitHeader, CommitKind, FRAME_BYTES, Frame};
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
    /// Where in the file it stands, bytes.
    at: u64,
    /// Where the file ends for it.
    end: u64,
    /// The commit that it stands in, and where that ends; none at a commit's head.
    commit: Option<(u64, u64)>,
    /// The seals at the head of that commit.
    seals: Vec<Option<Arc<HeldSeal>>>,
    window: Bytes,
    /// Where in the file the window begins.
    window_at: u64,
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
            window: Bytes::new(),
            window_at: 0,
        };
        if cursor.enter_commit()? && cursor.commit.is_some() {
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
            let Some((number, commit_end)) = self.commit.filter(|(_, end)| self.at < *end) else {
                self.commit = None;
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
            let commit_end = self.at.saturating_add(header.commit_bytes() as u64);
            self.commit = Some((header.number, commit_end.min(self.end)));
            self.at += COMMIT_HEADER_BYTES as u64;
            self.read_seals(commit_end.min(self.end))?;
            return Ok(true);
        }
        Ok(false)
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
        let have = |window: &Bytes, window_at: u64, at: u64| {
            let start = usize::try_from(at.checked_sub(window_at)?).ok()?;
            let end = start.checked_add(count)?;
            (end <= window.len()).then(|| window.slice(start..end))
        };
        if let Some(bytes) = have(&self.window, self.window_at, self.at) {
            return Ok(bytes);
        }
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = count.max(READ_AHEAD_BYTES).min(left);
        self.window = disk::read_at(&self.file, &self.path, self.at, wanted)?.into();
        self.window_at = self.at;
        Ok(self.window.slice(..count.min(self.window.len())))
    }
}
