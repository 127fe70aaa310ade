//! Opening the log: reading what is there, making sure of it, and going on behind it.

use std::path::Path;
use std::sync::Arc;

use yizhan_core::record::Record;

use super::damage::{Damage, Torn, keep_cut};
use super::examine::Examined;
use super::footer::Tally;
use super::format::{SEGMENT_HEADER_BYTES, SegmentHeader, trailer};
use super::packed::Packer;
use super::segment::{Segment, path_of};
use super::shared::{Extent, Shared};
use super::spare::Spare;
use super::survey::Opening;
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

impl Opening {
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
        let mut spare = Spare::find(&self.dir, self.options.segment_bytes)?;
        let (tail, next) = match last {
            Some(seen) => self.renew(seen, store, &mut spare)?,
            None => {
                self.report.fresh = true;
                (self.begin(store, 1, 0, &mut spare)?, 1)
            }
        };
        let extent = Extent::of(tail.end, tail.file_bytes(), &self.tally);
        self.state.segments.insert(tail.header.first, extent);
        self.report.last_commit = next - 1;
        self.report.keys = self.tally.keys_before + self.tally.keys;
        let shared = Shared::new(self.dir, store, self.options, self.state);
        *shared.spare() = spare;
        shared.make_spare()?;
        let log = Log {
            tail,
            tally: self.tally,
            next,
            unsynced: None,
            packer: Packer::default(),
            since_snapshot_bytes: self.since_snapshot_bytes,
            poisoned: None,
            shared: Arc::new(shared),
            _lock: lock,
        };
        Ok(Opened { log, report: self.report })
    }

    fn begin(
        &self,
        store: u64,
        first: u64,
        keys_before: u64,
        spare: &mut Option<Spare>,
    ) -> Result<Segment, SpoolError> {
        let fresh = match spare.take() {
            Some(spare) => spare,
            None => Spare::make_at_once(&self.dir, self.options.segment_bytes)?,
        };
        fresh.into_segment(&self.dir, SegmentHeader { store, first, keys_before })
    }

    /// Copies the last segment as far as it is good, and returns the segment to go on with and the
    /// number of its next commit.
    fn renew(
        &mut self,
        seen: Examined,
        store: u64,
        spare: &mut Option<Spare>,
    ) -> Result<(Segment, u64), SpoolError> {
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
            let tail = Segment::renew(&self.dir, header, good, capacity, spare)?;
            return Ok((tail, scanned.next));
        };
        let closed = [good, &trailer(footer.offset as u64)].concat();
        let length = (SEGMENT_HEADER_BYTES + closed.len()) as u64;
        let old = Segment::renew(&self.dir, header, &closed, length, spare)?;
        // a spare is longer than what it was taken for
        old.cut()?;
        self.state.segments.insert(first, Extent::of(old.end, old.end, &self.tally));
        let keys_before = self.tally.keys_before + self.tally.keys;
        self.tally = Tally { keys_before, ..Tally::default() };
        Ok((self.begin(store, scanned.next, keys_before, spare)?, scanned.next))
    }
}

fn draw(dir: &Path) -> Result<u64, SpoolError> {
    getrandom::u64().map_err(|fault| {
        SpoolError::io("draw a random number for", dir, std::io::Error::other(fault.to_string()))
    })
}
