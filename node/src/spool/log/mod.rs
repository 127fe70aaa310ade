//! [`Log`]: the custody log, one for each station.
//!
//! Promise: when [`Log::sync`] returns `Ok`, all that was appended survives a power cut, in
//! order; a commit is there whole or not at all; what is damaged later is found, set aside and
//! said, and the station starts with the rest.
//!
//! # On disk
//!
//! The directory `<data>/spool` holds segments, named by the number of their first commit. Commits
//! are numbered from 1 since the log was made, over all restarts; the numbers have no hole. A
//! segment is made at its full size (`spool.segment_bytes`) in zeros, file and name synced, before
//! anything goes in, so that the sync of a commit is the sync of its bytes.
//!
//! ```text
//! 00000000000000000001.seg
//! +----------------+----------+----------+-- - - --+--------------+---------+
//! | segment header | commit 1 | commit 2 |         | commit n:    | trailer |
//! | 64 bytes       |          |          |         | the footer   | 16      |
//! +----------------+----------+----------+-- - - --+--------------+---------+
//! 0                64         \________                            end of file
//!                                      \
//! commit:   +--------+--------+--------+---------+------+--------+-----+------------+ record, ...
//!           | "YZc1" | kind   | store  | number  | body | records| crc | header crc |
//!           | 4      | 4      | 8      | 8       | len 4| 4      | 4   | 4          |
//!           +--------+--------+--------+---------+------+--------+-----+------------+
//! record:   +--------+-----+------+------+---+------------------------------------+
//!           | length | crc | kind | lane | 0 | the Record, compact MessagePack    |
//!           | 4      | 4   | 1    | 1    | 2 |                                    |
//!           +--------+-----+------+------+---+------------------------------------+
//! ```
//!
//! All numbers are little-endian; every crc is CRC32C. A commit's crc covers its header and body,
//! so a commit is true as a whole; a record's own crc lets a reader trust one record without
//! reading its neighbours; `kind` and `lane` let it pass over the others without decoding them.
//! `store` is drawn when the log is made and told to nobody: no payload can pass for a commit.
//!
//! A commit of some length is **packed** ([`packed`]); its places are told as if it was not.
//!
//! A full segment is **closed**: its footer (a commit of its own kind) holds, by link and lane,
//! the first and last leg and the place of every 64th, which legs were re-appended, the days
//! covered, the publishers' keys counted, the station's own messages; the trailer says where the
//! footer begins; the space behind is given back. The next segment is there before that, and used
//! only when the footer is synced. It begins with a **snapshot** of all that the core remembers,
//! if the driver had one ready: opening reads from the last good snapshot on, and of older
//! segments the footers only.
//!
//! An **old** segment goes when the core wants nothing in it any more ([`Reclaimer`]): what a few
//! legs in it still owe is re-appended first, its publishers' keys go to the key files, and a
//! later segment begins with a snapshot. So the log's oldest segments may be missing, never one
//! between two others.
//!
//! `next.spare` is a segment's worth of zeros, synced, that a full disk does not have to give: what
//! ends messages still finds room when new ones do not ([`Gauge`]). A segment closed on a full
//! disk may lack its footer, whose number then is the next segment's first: it is scanned.
//!
//! # What a crash leaves
//!
//! At most one commit is ever unsynced. So only the last commit of the last segment can be torn,
//! and it was never acknowledged: it is cut off. A bad place with an intact commit behind it is
//! damage: its bytes are copied to `<data>/spool/damaged/`, and [`Report::damage`] says what is
//! gone. Before [`Log::open`] returns, the last segment is copied to a fresh file and synced:
//! after kill -9 what was read of it may be in the page cache only.
//!
//! A failed write or sync is never tried again: the log is poisoned, and recovery from what is
//! surely on disk is the only way on. A full disk poisons nothing: what was written of the commit
//! is cut off again, and the error says so; but the core's memory has moved on by then, so the
//! gauge keeps it from coming to that.

mod commit;
mod cursor;
mod damage;
mod examine;
mod footer;
mod format;
mod gauge;
mod holes;
mod lanes;
mod merge;
mod open;
mod packed;
mod part;
mod ranges;
mod reader;
mod reclaim;
mod ring;
mod scan;
mod segment;
mod shared;
mod spare;
mod survey;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_full;
mod verify;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use yizhan_core::record::Record;
use yizhan_core::step::{Spool, Writes};

use self::commit::Commit;
use self::footer::{Footer, Tally};
use self::format::{SEGMENT_HEADER_BYTES, SegmentHeader};
use self::packed::Packer;
use self::segment::Segment;
use self::shared::{Extent, Shared};
use self::spare::Spare;
use super::error::SpoolError;
use super::lock::Lock;

pub use self::damage::{Damage, Harm, IdRange, LegRange, Torn};
pub use self::gauge::{Gauge, Room, step_bytes_max};
pub use self::open::{Opened, Report};
pub use self::reader::{HeldLeg, LegReader, Reading};
pub use self::reclaim::{Asked, CARRY_BYTES_MAX, Carried, Follower, Reclaimer};
pub use self::verify::{Found, SegmentReport, VerifyReport, scan, scan_from, verify};

/// The log's directory in the data directory.
pub const DIR: &str = "spool";
/// Smallest valid [`Options::segment_bytes`].
pub const SEGMENT_BYTES_MIN: u64 = 4 * 1024;
/// Largest valid [`Options::segment_bytes`].
pub const SEGMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most bytes of a file that are looked at: a segment of the largest size behind the largest
/// snapshot, and its footer.
const FILE_BYTES_MAX: u64 = 4 * SEGMENT_BYTES_MAX;

/// What can be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Size of a segment, bytes (`spool.segment_bytes`). A commit that is larger gets a segment
    /// of its own.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 8 * 1024 * 1024 }
    }
}

/// The custody log, open for writing. One writer; readers come from [`Log::reader`].
#[derive(Debug)]
pub struct Log {
    tail: Segment,
    tally: Tally,
    /// The number of the next commit.
    next: u64,
    /// Written and not yet synced: at most one commit is ever in doubt.
    unsynced: Option<Commit>,
    packer: Packer,
    /// Bytes of commits since the last snapshot, unpacked.
    since_snapshot_bytes: u64,
    /// What failed first, if something did.
    poisoned: Option<String>,
    shared: Arc<Shared>,
    _lock: Lock,
}

impl Log {
    /// Writes records as one commit. It is durable when [`Log::sync`] has returned; a commit
    /// before it that was not synced yet is synced first.
    ///
    /// # Errors
    /// [`SpoolError::Full`] and [`SpoolError::CommitTooLarge`] leave the log as it was; after any
    /// other error it refuses everything with [`SpoolError::Poisoned`].
    pub fn append(&mut self, records: &[Record]) -> Result<(), SpoolError> {
        self.guarded(|log| {
            if records.is_empty() {
                return Ok(());
            }
            log.sync_commit()?;
            let mut commit = Commit::of(records)?;
            commit.pack(&mut log.packer);
            if !log.tail.has_room_for(commit.len()) {
                log.roll(SEGMENT_HEADER_BYTES as u64 + commit.len())?;
            }
            log.write_commit(commit)
        })
    }

    /// Makes all that was appended durable, and shows it to readers.
    ///
    /// # Errors
    /// Any error poisons the log: a failed fdatasync is never tried again.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        self.guarded(Self::sync_commit)
    }

    /// True when the next snapshot is due and there is room for it. Due it is when so much was
    /// written since the last one: most of a segment, and no less than a snapshot itself takes, so
    /// that snapshots never outweigh what they are of; or when that is all that a segment waits
    /// for which is wanted no more.
    pub fn wants_snapshot(&self) -> bool {
        let bytes = self.shared.read().snapshot_bytes;
        let most_of_a_segment = self.shared.options.segment_bytes / 8 * 7;
        let much = self.since_snapshot_bytes >= most_of_a_segment.max(bytes);
        let awaited = self.shared.snapshot_wanted.load(Ordering::Relaxed);
        (much || awaited && self.since_snapshot_bytes > 0) && self.shared.snapshot_fits(bytes)
    }

    /// Closes the segment and opens the next one with a snapshot, which is durable on return.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_snapshot(&mut self, snapshot: Bytes) -> Result<(), SpoolError> {
        self.guarded(|log| {
            log.sync_commit()?;
            // as it is: whether a segment begins with one is told from its frame
            let commit = Commit::of(&[Record::Snapshot(snapshot)])?;
            let bytes = commit.len();
            log.roll(gauge::snapshot_segment_bytes(log.shared.options, bytes))?;
            log.write_commit(commit)?;
            log.since_snapshot_bytes = 0;
            log.sync_commit()?;
            let mut state = log.shared.write();
            state.snapshot = Some(log.tail.header.first);
            state.snapshot_bytes = bytes;
            log.shared.snapshot_wanted.store(false, Ordering::Relaxed);
            Ok(())
        })
    }

    /// What of the disk is used and may be used, for other threads. The spool may hold
    /// `max_bytes`.
    pub fn gauge(&self, max_bytes: u64) -> Gauge {
        Gauge::new(Arc::clone(&self.shared), max_bytes)
    }

    /// A reader of legs, for other threads.
    pub fn reader(&self) -> LegReader {
        LegReader::new(Arc::clone(&self.shared))
    }

    /// What gives the room of old segments back. `followers` say how far what is derived from
    /// the log is synced: a segment waits for all of them. Without key files
    /// ([`Reclaimer::keeping`]) its publishers' keys go with it.
    pub fn reclaimer(&self, followers: Vec<Follower>) -> Reclaimer {
        Reclaimer::new(Arc::clone(&self.shared), followers)
    }

    /// Bytes that the log's segments take on disk.
    pub fn held_bytes(&self) -> u64 {
        self.reader().held_bytes()
    }

    /// The number of the segment that is being written.
    pub fn newest_segment(&self) -> u64 {
        self.tail.header.first
    }

    /// The log's own number of the last commit, counted from 1 since the log was made; 0 if there
    /// is none.
    pub fn last_commit(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Does something to a log that is not poisoned, and poisons it if that fails for reasons that
    /// leave the file's state unknown.
    fn guarded(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        if let Some(first) = &self.poisoned {
            return Err(SpoolError::Poisoned { first: first.clone() });
        }
        let done = act(self);
        if let Err(fault) = &done
            && !fault.leaves_log_sound()
        {
            self.poisoned = Some(fault.to_string());
        }
        done
    }

    fn write_commit(&mut self, mut commit: Commit) -> Result<(), SpoolError> {
        commit.seal(self.shared.store, self.next);
        self.tail.write(&commit)?;
        self.next += 1;
        self.since_snapshot_bytes += commit.unpacked_bytes();
        self.unsynced = Some(commit);
        Ok(())
    }

    fn sync_commit(&mut self) -> Result<(), SpoolError> {
        if let Some(commit) = self.unsynced.take() {
            self.tail.sync()?;
            self.publish(commit);
        }
        Ok(())
    }

    /// Shows a synced commit to readers.
    fn publish(&mut self, commit: Commit) {
        let number = self.next.saturating_sub(1);
        let start = self.tail.end - commit.len();
        let (bytes, notes, seals) = commit::share(commit);
        self.tally.take(&notes);
        let mut state = self.shared.write();
        for note in &notes {
            state.lanes.take(self.tail.header.first, start, start, note);
        }
        state.ring.push(number, &bytes, &notes, seals.as_ref());
        let extent = Extent::of(self.tail.end, self.tail.file_bytes(), &self.tally);
        state.segments.insert(self.tail.header.first, extent);
    }

    /// Closes the segment and takes a fresh one into use, of at least `bytes_min`.
    ///
    /// Its room is there before the old one is closed: on a full disk nothing has changed then,
    /// and small commits still find room in the old one.
    fn roll(&mut self, bytes_min: u64) -> Result<(), SpoolError> {
        let shared = Arc::clone(&self.shared);
        let capacity = shared.options.segment_bytes.max(bytes_min);
        // held until it has its own name, or the next spare would take its place
        let mut spare = shared.spare();
        let fresh = match spare.take_if(|spare| spare.bytes >= capacity) {
            Some(spare) => spare,
            None => Spare::make_at_once(&shared.dir, capacity)?,
        };
        self.close_tail()?;
        let keys_before = self.tally.keys_before + self.tally.keys;
        let header = SegmentHeader { store: self.shared.store, first: self.next, keys_before };
        // what has its blocks and still finds the disk full leaves no tail to go on with
        let fresh = fresh.into_segment(&shared.dir, header).map_err(SpoolError::unexpected)?;
        drop(spare);
        let old = std::mem::replace(&mut self.tail, fresh);
        let tally = Tally { keys_before, ..Tally::default() };
        let tally = std::mem::replace(&mut self.tally, tally);
        let mut state = self.shared.write();
        state.segments.insert(old.header.first, Extent::of(old.end, old.end, &tally));
        let extent = Extent::of(self.tail.end, self.tail.file_bytes(), &self.tally);
        state.segments.insert(self.tail.header.first, extent);
        Ok(())
    }

    /// Closes the segment; on a full disk without a footer, which costs a scan when it is opened.
    fn close_tail(&mut self) -> Result<(), SpoolError> {
        match self.footer().and_then(|footer| self.tail.close(footer)) {
            Ok(()) => self.next += 1,
            Err(SpoolError::Full { .. }) => self.tail.cut()?,
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn footer(&self) -> Result<Commit, SpoolError> {
        let first = self.tail.header.first;
        let state = self.shared.read();
        let runs = state.lanes.of_segment(first);
        let runs = runs.map(|(link, lane, run)| (link.clone(), lane, run.clone())).collect();
        let footer = Footer { first, last: self.next, tally: self.tally.clone(), runs };
        let mut commit = Commit::footer(&footer.encode()?)?;
        commit.seal(self.shared.store, self.next);
        Ok(commit)
    }
}

impl Spool for Log {
    type Error = SpoolError;

    fn write(&mut self, writes: &Writes) -> Result<(), SpoolError> {
        self.append(writes.records())
    }

    fn sync(&mut self) -> Result<(), SpoolError> {
        Self::sync(self)
    }
}
