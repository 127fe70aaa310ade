//! Reading a segment from its first byte to its last: which commits are whole, where it is
//! damaged, and where it ends.
//!
//! Promise: what is called intact has the right store number, both checksums and its place in
//! the numbering. A place without an intact commit is *damage* if an intact commit lies behind
//! it, else it is the *tail*: at most one commit is ever unsynced, so only the last can be torn.

use std::ops::Range;

use super::format::{COMMIT_MAGIC, CommitHeader, CommitKind, SEGMENT_HEADER_BYTES};
use super::packed;

/// An intact commit and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) number: u64,
    pub(super) kind: CommitKind,
    /// Where its header begins in the segment, bytes.
    pub(super) offset: usize,
    /// Header and body.
    pub(super) bytes: usize,
    /// The same unpacked.
    pub(super) unpacked_bytes: usize,
    store: u64,
}

/// A place that holds no intact commit, with an intact commit behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) offset: usize,
    pub(super) bytes: usize,
    /// First commit that must have stood there.
    pub(super) first: u64,
    /// Last such commit.
    pub(super) last: u64,
}

/// What a segment holds.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The store number of its commits.
    pub(super) store: Option<u64>,
    pub(super) commits: Vec<Placed>,
    pub(super) bad: Vec<Bad>,
    /// Where the last intact commit ends.
    pub(super) end: usize,
    /// Bytes behind `end` through the last one that is not zero.
    pub(super) tail_bytes: usize,
    /// The number that follows the last intact commit's.
    pub(super) next: u64,
}

impl Scanned {
    /// The footer, if the segment was closed.
    pub(super) fn footer(&self) -> Option<&Placed> {
        self.commits.last().filter(|commit| commit.kind == CommitKind::Footer)
    }
}

/// Scans the bytes of a segment whose first commit has the number `first`, and the next segment's
/// `follower`: a commit with that number or a higher one is out of place here, as in a file that
/// somebody copied, and would be taken twice. Without a store number (all headers are damaged) the
/// first whole commit's is taken.
pub(super) fn scan(
    segment: &[u8],
    store: Option<u64>,
    first: u64,
    follower: Option<u64>,
) -> Scanned {
    let end = SEGMENT_HEADER_BYTES.min(segment.len());
    let mut found = Scanned { store, end, next: first, ..Scanned::default() };
    let below = follower.unwrap_or(u64::MAX);
    while let Some(commit) = next_intact(segment, found.end, found.store, found.next..below) {
        if commit.offset > found.end || commit.number > found.next {
            found.bad.push(Bad {
                offset: found.end,
                bytes: commit.offset - found.end,
                first: found.next,
                last: commit.number.saturating_sub(1),
            });
        }
        found.store = Some(commit.store);
        found.end = commit.offset + commit.bytes;
        found.next = commit.number.saturating_add(1);
        found.commits.push(commit);
        if commit.kind == CommitKind::Footer {
            // behind it is only its trailer
            return found;
        }
    }
    let rest = segment.get(found.end..).unwrap_or_default();
    found.tail_bytes = rest.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    found
}

/// The intact commit at this very offset.
pub(super) fn commit_at(segment: &[u8], offset: usize, store: Option<u64>) -> Option<Placed> {
    let rest = segment.get(offset..)?;
    let header = CommitHeader::read(rest)?;
    let bytes = rest.get(..header.commit_bytes())?;
    let ours = store.is_none_or(|store| store == header.store);
    (ours && header.covers(bytes)).then(|| Placed {
        number: header.number,
        kind: header.kind,
        offset,
        bytes: bytes.len(),
        unpacked_bytes: packed::commit_bytes(header.kind, bytes),
        store: header.store,
    })
}

/// The first intact commit at or behind `from` with one of these numbers.
pub(super) fn next_intact(
    segment: &[u8],
    from: usize,
    store: Option<u64>,
    numbers: Range<u64>,
) -> Option<Placed> {
    let mut offset = from;
    loop {
        let found =
            commit_at(segment, offset, store).filter(|commit| numbers.contains(&commit.number));
        if found.is_some() {
            return found;
        }
        let behind = segment.get(offset.checked_add(1)?..)?;
        let step = behind.windows(COMMIT_MAGIC.len()).position(|at| at == COMMIT_MAGIC)?;
        offset += 1 + step;
    }
}
