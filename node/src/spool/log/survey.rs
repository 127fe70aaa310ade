//! [`Opening`]: what a log's directory holds, and what of it can be trusted.

use std::path::PathBuf;

use yizhan_core::record::Record;

use super::Options;
use super::damage::{Damage, Harm, Torn, keep_damaged, move_aside};
use super::examine::{Examined, begins_with_snapshot, examine, read_header};
use super::footer::{Footer, Tally};
use super::open::Report;
use super::segment::{list, path_of};
use super::shared::{Extent, State};
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// A log being opened.
pub(super) struct Opening {
    pub(super) dir: PathBuf,
    pub(super) options: Options,
    /// First commits of the segments, oldest first.
    pub(super) segments: Vec<u64>,
    pub(super) store: Option<u64>,
    pub(super) state: State,
    pub(super) report: Report,
    /// Of the segment read last.
    pub(super) tally: Tally,
    pub(super) since_snapshot_bytes: u64,
}

impl Opening {
    /// Finds the segments, and takes those away that a crash left unfinished.
    pub(super) fn survey(dir: PathBuf, options: Options) -> Result<Self, SpoolError> {
        let (segments, copies) = list(&dir)?;
        for copy in copies {
            disk::remove(&copy)?;
        }
        let mut opening = Self {
            dir,
            options,
            segments,
            store: None,
            state: State::default(),
            report: Report::default(),
            tally: Tally::default(),
            since_snapshot_bytes: 0,
        };
        opening.agree_on_store()?;
        opening.drop_unfinished()?;
        Ok(opening)
    }

    fn agree_on_store(&mut self) -> Result<(), SpoolError> {
        for first in &self.segments {
            let Some(header) = read_header(&self.dir, *first)? else { continue };
            let (found, expected) = (header.store, *self.store.get_or_insert(header.store));
            if found != expected {
                let file = path_of(&self.dir, *first);
                return Err(SpoolError::Foreign { file, found, expected });
            }
        }
        Ok(())
    }

    /// Newest segments without an intact commit: their making, or their first commit, was cut
    /// short, and nothing in them was acknowledged.
    fn drop_unfinished(&mut self) -> Result<(), SpoolError> {
        while let Some(first) = self.segments.last().copied() {
            let seen = examine(&self.dir, first, self.store, None)?;
            if !seen.scanned.commits.is_empty() {
                break;
            }
            let torn =
                seen.torn.map(|torn| Torn { kept_in: move_aside(&self.dir, &seen.path), ..torn });
            disk::remove(&seen.path)?;
            disk::sync_dir(&self.dir)?;
            self.report.torn = torn.or(self.report.torn.take());
            self.segments.pop();
        }
        Ok(())
    }

    /// Reads footers before the last good snapshot and every record from there on. Returns the
    /// last segment; `None` if there is none.
    pub(super) fn read(
        &mut self,
        visit: &mut dyn FnMut(Record),
    ) -> Result<Option<Examined>, SpoolError> {
        let segments = self.segments.clone();
        let start = self.start()?;
        if self.report.snapshot.is_none()
            && let Some(lost) = segments.first().filter(|first| **first > 1)
        {
            self.missing(*lost, 1, *lost - 1);
        }
        let mut last = None;
        for (at, first) in segments.iter().enumerate() {
            let follower = segments.get(at + 1).copied();
            if at < start && self.take_footer(*first, follower)? {
                continue;
            }
            let mut seen = examine(&self.dir, *first, self.store, follower)?;
            self.store = self.store.or(seen.scanned.store);
            self.take_segment(&mut seen, (at >= start).then_some(&mut *visit))?;
            last = Some(seen);
        }
        Ok(last)
    }

    /// The segment that the visit begins with.
    fn start(&mut self) -> Result<usize, SpoolError> {
        for (at, first) in self.segments.iter().enumerate().rev() {
            if begins_with_snapshot(&self.dir, *first, self.store)? {
                self.report.snapshot = Some(*first);
                self.state.snapshot = Some(*first);
                return Ok(at);
            }
        }
        Ok(0)
    }

    /// Takes in the footer of a closed segment. `false` if it has none to trust.
    fn take_footer(&mut self, first: u64, follower: Option<u64>) -> Result<bool, SpoolError> {
        let path = path_of(&self.dir, first);
        let Some(store) = self.store else { return Ok(false) };
        let Some(footer) = Footer::find(&path, store, first)? else { return Ok(false) };
        let file_bytes = std::fs::metadata(&path)
            .map_err(|fault| SpoolError::io("look at", &path, fault))?
            .len();
        self.tally = footer.tally;
        let extent = Extent::of(file_bytes, file_bytes, &self.tally);
        self.state.segments.insert(first, extent);
        for (link, lane, run) in footer.runs {
            self.state.lanes.add(&link, lane, run);
        }
        if let Some(lost) = follower.filter(|follower| *follower > footer.last + 1) {
            self.missing(first, footer.last + 1, lost - 1);
        }
        Ok(true)
    }

    /// Commits of which not even a file is there.
    fn missing(&mut self, near: u64, first: u64, last: u64) {
        self.report.damage.push(Damage {
            file: path_of(&self.dir, near),
            offset: 0,
            bytes: 0,
            harm: Harm::Commits { first, last },
            legs: Vec::new(),
            ids: Vec::new(),
            kept_in: None,
        });
    }

    /// Takes in a scanned segment, and shows its records if they are to be visited.
    fn take_segment(
        &mut self,
        seen: &mut Examined,
        mut visit: Option<&mut dyn FnMut(Record)>,
    ) -> Result<(), SpoolError> {
        let keys_so_far = self.tally.keys_before + self.tally.keys;
        let keys_before = seen.header.map_or(keys_so_far, |header| header.keys_before);
        let mut tally = Tally { keys_before, ..Tally::default() };
        let (lanes, records) = (&mut self.state.lanes, &mut self.report.records);
        let first = seen.first;
        seen.walk(&mut |commit, place, record| {
            if let Some(note) = place.note(&record) {
                lanes.take(first, 0, commit.offset as u64, &note);
                tally.take(&[note]);
            }
            if let Some(visit) = visit.as_mut() {
                *records += 1;
                visit(record);
            }
        })?;
        self.tally = tally;
        self.count_since_snapshot(seen);
        let synced = seen.scanned.end as u64;
        let file_bytes = seen.file_bytes;
        self.state.segments.insert(first, Extent::of(synced, file_bytes, &self.tally));
        for damage in &mut seen.damage {
            let offset = usize::try_from(damage.offset).unwrap_or(usize::MAX);
            let end = offset.saturating_add(usize::try_from(damage.bytes).unwrap_or(usize::MAX));
            let bytes = seen.bytes.get(offset..end).unwrap_or_default();
            damage.kept_in = keep_damaged(&self.dir, first, offset, bytes);
        }
        self.report.damage.append(&mut seen.damage);
        Ok(())
    }

    fn count_since_snapshot(&mut self, seen: &Examined) {
        let commits = seen.scanned.commits.iter();
        let records = commits.filter(|commit| commit.kind.has_records());
        let mut bytes: u64 = records.map(|commit| commit.unpacked_bytes as u64).sum();
        if self.report.snapshot == Some(seen.first) {
            let head = seen.scanned.commits.first();
            self.state.snapshot_bytes = head.map_or(0, |commit| commit.bytes as u64);
            bytes = bytes.saturating_sub(self.state.snapshot_bytes);
            self.since_snapshot_bytes = 0;
        }
        self.since_snapshot_bytes += bytes;
    }
}
