//! [`Footer`]: what a closed segment says of itself, so that nobody has to scan it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::commit::{Issuer, Note};
use super::format::{
    COMMIT_BYTES_MAX, COMMIT_HEADER_BYTES, CommitKind, TRAILER_BYTES, read_trailer,
};
use super::lanes::Run;
use super::scan::commit_at;
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// The body of a footer commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Footer {
    /// Number of the segment's first commit.
    pub(super) first: u64,
    /// The footer's own number: the segment's last.
    pub(super) last: u64,
    /// What the segment holds beside legs.
    pub(super) tally: Tally,
    /// Its legs, by link and numbered lane.
    pub(super) runs: Vec<(Link, Lane, Run)>,
}

/// What is counted of a segment while it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Puts with a publisher's key in all segments before: the first one here has the ordinal
    /// after this.
    pub(super) keys_before: u64,
    /// Such puts in this segment.
    pub(super) keys: u64,
    /// Wall-clock days, counted from 1970, on which its messages were taken.
    pub(super) days: BTreeSet<u32>,
    /// When the last of its messages was taken, Unix milliseconds; 0 if there is none.
    #[serde(default)]
    pub(super) newest_wall_ms: u64,
    /// First and last message that this station made, by lane.
    #[serde(default)]
    pub(super) issued: BTreeMap<Issuer, (u64, u64)>,
}

impl Tally {
    /// Counts the records of a commit.
    pub(super) fn take(&mut self, notes: &[Note]) {
        self.keys += notes.iter().filter(|note| note.keyed).count() as u64;
        self.days.extend(notes.iter().map(Note::day));
        let newest = notes.iter().map(|note| note.wall_ms).max();
        self.newest_wall_ms = self.newest_wall_ms.max(newest.unwrap_or(0));
        for (issuer, sequence) in notes.iter().filter_map(|note| note.issued.as_ref()) {
            match self.issued.get_mut(issuer) {
                Some((_, last)) => *last = *sequence,
                None => drop(self.issued.insert(issuer.clone(), (*sequence, *sequence))),
            }
        }
    }
}

impl Footer {
    pub(super) fn encode(&self) -> Result<Vec<u8>, SpoolError> {
        rmp_serde::to_vec(self)
            .map_err(|fault| SpoolError::Unencodable { fault: fault.to_string() })
    }

    /// Reads the body of a footer commit that begins at `offset` in `segment`.
    pub(super) fn decode(segment: &[u8], offset: usize, bytes: usize) -> Option<Self> {
        let body = segment.get(offset + COMMIT_HEADER_BYTES..offset + bytes)?;
        rmp_serde::from_slice(body).ok()
    }

    /// The footer of a closed segment, found by its trailer. `None` if there is none, or it is
    /// damaged: then the segment has to be scanned.
    pub(super) fn find(path: &Path, store: u64, first: u64) -> Result<Option<Self>, SpoolError> {
        let file = File::open(path).map_err(|fault| SpoolError::io("open", path, fault))?;
        let length = file.metadata().map_err(|fault| SpoolError::io("look at", path, fault))?.len();
        let trailer_at = length.saturating_sub(TRAILER_BYTES as u64);
        let trailer = disk::read_at(&file, path, trailer_at, TRAILER_BYTES)?;
        let start = read_trailer(&trailer).filter(|start| *start < trailer_at);
        let Some(start) = start.filter(|start| trailer_at - start <= COMMIT_BYTES_MAX) else {
            return Ok(None);
        };
        let bytes = usize::try_from(trailer_at - start).unwrap_or(usize::MAX);
        let commit = disk::read_at(&file, path, start, bytes)?;
        let placed = commit_at(&commit, 0, Some(store));
        Ok(placed
            .filter(|placed| placed.kind == CommitKind::Footer)
            .and_then(|placed| Self::decode(&commit, 0, placed.bytes))
            .filter(|footer| footer.first == first))
    }
}
