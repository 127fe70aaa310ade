//! Reading a log without opening it: for the index's rebuild, for tools and for tests.
//!
//! Promise: nothing is written and nothing is locked, so it may be done beside a running station;
//! the end of the last segment is then in motion, and a torn tail means nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;
use yizhan_core::record::Record;

use super::DIR;
use super::damage::{Damage, Torn};
use super::examine::{begins_with_snapshot, examine, read_header};
use super::format::CommitKind;
use super::segment::{list, path_of};
use crate::spool::error::SpoolError;

/// A record and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The log's own number of its commit.
    pub commit: u64,
    /// The segment.
    pub file: PathBuf,
    /// Where in it the record begins, bytes.
    pub offset: u64,
    /// For a `Put` with a publisher's key: which one that is since the log was made, from 1.
    pub key_ordinal: Option<u64>,
    /// The record.
    pub record: Record,
}

/// What a log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Its segments, oldest first.
    pub segments: Vec<SegmentReport>,
    /// What cannot be read back.
    pub damage: Vec<Damage>,
    /// An unfinished last commit.
    pub torn: Option<Torn>,
}

/// What one segment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentReport {
    /// The file.
    pub file: PathBuf,
    /// Its first commit.
    pub first: u64,
    /// Its last intact commit; less than `first` if there is none.
    pub last: u64,
    /// Intact records.
    pub records: u64,
    /// Bytes from its start to the end of its last intact commit.
    pub used_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// True if it begins with a snapshot.
    pub snapshot: bool,
    /// True if it has its footer.
    pub closed: bool,
}

/// Gives every intact record of the log in the data directory `data` to `each`, oldest first.
///
/// # Errors
/// If a segment cannot be read, or is of another version. Damage is no error.
pub fn scan(data: &Path, each: &mut dyn FnMut(Found)) -> Result<VerifyReport, SpoolError> {
    scan_from(data, 0, each)
}

/// The same, from the segment on that holds the commit `from`, or the first that is left.
///
/// # Errors
/// As [`scan`].
pub fn scan_from(
    data: &Path,
    from: u64,
    each: &mut dyn FnMut(Found),
) -> Result<VerifyReport, SpoolError> {
    let dir = data.join(DIR);
    let mut report = VerifyReport::default();
    let (mut segments, _) = list(&dir)?;
    let holds = segments.iter().rposition(|first| *first <= from).unwrap_or(0);
    segments.drain(..holds);
    let mut store = None;
    for first in &segments {
        store = store.or(read_header(&dir, *first)?.map(|header| header.store));
    }
    let mut keys = 0;
    for (at, first) in segments.iter().enumerate() {
        let follower = segments.get(at + 1).copied();
        let mut seen = examine(&dir, *first, store, follower)?;
        // what is lost before does not shift the ordinals behind
        keys = seen.header.map_or(keys, |header| header.keys_before);
        let (path, mut records) = (path_of(&dir, *first), 0);
        seen.walk(&mut |commit, place, record| {
            let keyed = place.note(&record).is_some_and(|note| note.keyed);
            keys += u64::from(keyed);
            records += 1;
            each(Found {
                commit: commit.number,
                file: path.clone(),
                offset: place.offset as u64,
                key_ordinal: keyed.then_some(keys),
                record,
            });
        })?;
        let last = seen.scanned.commits.last();
        report.segments.push(SegmentReport {
            file: path,
            first: *first,
            last: seen.scanned.next.saturating_sub(1),
            records,
            used_bytes: seen.scanned.end as u64,
            file_bytes: seen.file_bytes,
            snapshot: begins_with_snapshot(&dir, *first, store)?,
            closed: last.is_some_and(|last| last.kind == CommitKind::Footer),
        });
        report.damage.append(&mut seen.damage);
        report.torn = seen.torn.or(report.torn);
    }
    Ok(report)
}

/// Checks every checksum of the log in the data directory `data`.
///
/// # Errors
/// As [`scan`].
pub fn verify(data: &Path) -> Result<VerifyReport, SpoolError> {
    scan(data, &mut |_| {})
}
