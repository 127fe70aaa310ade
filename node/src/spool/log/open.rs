//! Opening the log: what is there, what of it can be trusted, and where to go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use yizhan_core::record::Record;

use super::damage::{Damage, Harm, Torn, keep_cut, keep_damaged, move_aside};
use super::examine::{Examined, begins_with_snapshot, examine, read_header};
use super::footer::{Footer, Tally};
use super::format::{CommitKind, SEGMENT_HEADER_BYTES, SegmentHeader, trailer};
use super::segment::{Segment, list, path_of};
use super::shared::{Extent, Shared, State};
use super::{DIR, Log, Options, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use crate::spool::disk;
use crate::spool::error::SpoolError;
use crate::spool::lock::Lock;

/// Name of the lock file in the log's directory.
const LOCK: &str = "lock";

/// A log that is open, and how it was found.
#[derive(Debug)]
pub struct Opened {
    /// The log.
    pub log: Log,
    /// What an operator should hear.
    pub report: Report,
}

/// How a log was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// True if there was none, and it was made.
    pub fresh: bool,
    /// The commit with the snapshot that the visit began with; `None` if it began with the first
    /// commit there is.
    pub snapshot: Option<u64>,
    /// Records visited.
    pub records: u64,
    /// The log's own number of the last commit.
    pub last_commit: u64,
    /// Puts with a publisher's key since the log was made.
    pub keys: u64,
    /// An unfinished last commit that was cut off. Nothing in it was ever acknowledged.
    pub torn: Option<Torn>,
    /// What cannot be read back although it was durable once.
    pub damage: Vec<Damage>,
}

impl Log {
    /// Opens the log in the data directory `data`, or makes one, and gives `visit` every record
    /// from the last good snapshot on, in order. All that was visited is surely on disk when this
    /// returns.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] if another process has it open. Damage is no error: it is in the
    /// report.
    pub fn open(
        data: &Path,
        options: Options,
        visit: &mut dyn FnMut(Record),
    ) -> Result<Opened, SpoolError> {
        let given = options.segment_bytes;
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&given) {
            let (min, max) = (SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
            return Err(SpoolError::SegmentBytes { given, min, max });
        }
        let dir = data.join(DIR);
        disk::make_dir(&dir)?;
        let lock = Lock::take(&dir.join(LOCK), data)?;
        let mut opening = Opening::survey(dir, options)?;
        let last = opening.read(visit)?;
        opening.finish(last, lock)
    }
}

/// A log being opened.
struct Opening {
    dir: PathBuf,
    options: Options,
    /// First commits of the segments, oldest first.
    segments: Vec<u64>,
    store: Option<u64>,
    state: State,
    report: Report,
    /// Of the segment read last.
    tally: Tally,
    since_snapshot_bytes: u64,
    snapshot_bytes: u64,
}

impl Opening {
    /// Finds the segments, and takes those away that a crash left unfinished.
    fn survey(dir: PathBuf, options: Options) -> Result<Self, SpoolError> {
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
            snapshot_bytes: 0,
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
    fn read(&mut self, visit: &mut dyn FnMut(Record)) -> Result<Option<Examined>, SpoolError> {
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
        self.state.segments.insert(first, Extent { synced: file_bytes, file_bytes });
        self.tally = footer.tally;
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
        let file_bytes = seen.bytes.len() as u64;
        self.state.segments.insert(first, Extent { synced, file_bytes });
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
        let records = commits.filter(|commit| commit.kind == CommitKind::Records);
        let mut bytes: u64 = records.map(|commit| commit.bytes as u64).sum();
        if self.report.snapshot == Some(seen.first) {
            let head = seen.scanned.commits.first();
            self.snapshot_bytes = head.map_or(0, |commit| commit.bytes as u64);
            bytes = bytes.saturating_sub(self.snapshot_bytes);
            self.since_snapshot_bytes = 0;
        }
        self.since_snapshot_bytes += bytes;
    }

    /// Makes durable what was read, and opens the end for writing.
    fn finish(mut self, last: Option<Examined>, lock: Lock) -> Result<Opened, SpoolError> {
        let store = match self.store {
            Some(store) => store,
            None => draw(&self.dir)?,
        };
        for first in self.segments.iter().rev().skip(1) {
            disk::sync_file(&path_of(&self.dir, *first))?;
        }
        disk::sync_dir(&self.dir)?;
        let (tail, next) = match last {
            Some(seen) => self.renew(seen, store)?,
            None => {
                self.report.fresh = true;
                (self.begin(store, 1, 0)?, 1)
            }
        };
        let extent = Extent { synced: tail.end, file_bytes: tail.file_bytes() };
        self.state.segments.insert(tail.header.first, extent);
        self.report.last_commit = next - 1;
        self.report.keys = self.tally.keys_before + self.tally.keys;
        let log = Log {
            dir: self.dir.clone(),
            options: self.options,
            tail,
            tally: self.tally,
            next,
            unsynced: None,
            since_snapshot_bytes: self.since_snapshot_bytes,
            snapshot_bytes: self.snapshot_bytes,
            poisoned: None,
            shared: Arc::new(Shared::new(self.dir, store, self.state)),
            _lock: lock,
        };
        Ok(Opened { log, report: self.report })
    }

    fn begin(&self, store: u64, first: u64, keys_before: u64) -> Result<Segment, SpoolError> {
        let header = SegmentHeader { store, first, keys_before };
        Segment::create(&self.dir, header, self.options.segment_bytes)
    }

    /// Copies the last segment as far as it is good, and returns the segment to go on with and the
    /// number of its next commit.
    fn renew(&mut self, seen: Examined, store: u64) -> Result<(Segment, u64), SpoolError> {
        let Examined { first, bytes, scanned, torn, .. } = seen;
        if let Some(mut torn) = torn {
            let tail = bytes.get(scanned.end..scanned.end + scanned.tail_bytes);
            torn.kept_in = keep_cut(&self.dir, tail.unwrap_or_default());
            self.report.torn = Some(torn);
        }
        let header = SegmentHeader { store, first, keys_before: self.tally.keys_before };
        let good = bytes.get(SEGMENT_HEADER_BYTES..scanned.end).unwrap_or_default();
        let Some(footer) = scanned.footer() else {
            let capacity = self.options.segment_bytes.max(scanned.end as u64);
            return Ok((Segment::renew(&self.dir, header, good, capacity)?, scanned.next));
        };
        let closed = [good, &trailer(footer.offset as u64)].concat();
        let length = (SEGMENT_HEADER_BYTES + closed.len()) as u64;
        let old = Segment::renew(&self.dir, header, &closed, length)?;
        let extent = Extent { synced: old.end, file_bytes: old.end };
        self.state.segments.insert(first, extent);
        let keys_before = self.tally.keys_before + self.tally.keys;
        self.tally = Tally { keys_before, ..Tally::default() };
        Ok((self.begin(store, scanned.next, keys_before)?, scanned.next))
    }
}

fn draw(dir: &Path) -> Result<u64, SpoolError> {
    getrandom::u64().map_err(|fault| {
        SpoolError::io("draw a random number for", dir, std::io::Error::other(fault.to_string()))
    })
}
