//! What is said of bytes that cannot be read back: [`Damage`] and [`Torn`].

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use yizhan_core::link::Link;
use yizhan_schemas::{Code, Epoch, Lane};

use crate::spool::disk;

/// Where the bytes of damaged places are kept, in the log's directory. Nothing is deleted there.
const DAMAGED_DIR: &str = "damaged";
/// The newest tail that was cut off.
const CUT_TAIL: &str = "cut-tail.bin";

/// Synced bytes that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Where in it, bytes.
    pub offset: u64,
    /// How much of it, bytes; 0 if what is missing left no trace.
    pub bytes: u64,
    /// What is lost.
    pub harm: Harm,
    /// Legs that were in what is lost, as far as their neighbours or a footer tell.
    pub legs: Vec<LegRange>,
    /// Messages of this station itself that were in it, as far as those tell.
    pub ids: Vec<IdRange>,
    /// Where a copy of the bytes is; `None` if there are none, or it could not be made.
    pub kept_in: Option<PathBuf>,
}

impl Damage {
    pub(super) fn took_commit_before(&self, number: u64) -> bool {
        matches!(self.harm, Harm::Commits { first, .. } if first < number)
    }
}

/// What damage took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Harm {
    /// These commits with all their records.
    Commits {
        /// First one, by the log's own count.
        first: u64,
        /// Last one.
        last: u64,
    },
    /// Only the segment's footer: no record is lost, the segment is scanned instead.
    Footer,
    /// Only the segment's header: no record is lost.
    Header,
}

/// Legs of one link and numbered lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegRange {
    /// The link.
    #[serde(serialize_with = "as_word")]
    pub link: Link,
    /// The lane that they are numbered in.
    pub lane: Lane,
    /// First leg.
    pub from: u64,
    /// Last leg.
    pub through: u64,
}

fn as_word<S: Serializer>(link: &Link, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(link.word())
}

/// Messages that one origin took in one opening, in one lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdRange {
    /// The origin.
    pub origin: Code,
    /// Its opening.
    pub epoch: Epoch,
    /// The lane.
    pub lane: Lane,
    /// First sequence.
    pub from: u64,
    /// Last sequence.
    pub through: u64,
}

impl fmt::Display for IdRange {
    /// As the first message's id, and how far it goes: `510722.101.002-b7k2qf-r1042..1047`.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, epoch, lane, from, through } = self;
        write!(to, "{origin}-{epoch}-{}{from}", lane.letter())?;
        if from == through { Ok(()) } else { write!(to, "..{through}") }
    }
}

/// A last commit that was never finished, and never acknowledged: it was cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// Where it began, bytes.
    pub offset: u64,
    /// How much of it was there, bytes.
    pub bytes: u64,
    /// The number that it would have had.
    pub commit: u64,
    /// Where a copy of the bytes is; the next cut takes its place.
    pub kept_in: Option<PathBuf>,
}

/// Copies damaged bytes aside. A full disk must not keep a station from starting, so failure is
/// only the absence of a path.
pub(super) fn keep_damaged(dir: &Path, first: u64, offset: usize, bytes: &[u8]) -> Option<PathBuf> {
    let path = dir.join(DAMAGED_DIR).join(format!("{first:020}-{offset}.bin"));
    if bytes.is_empty() || path.exists() {
        return path.exists().then_some(path);
    }
    keep(&path, bytes)
}

/// Copies a cut tail aside, over the one before.
pub(super) fn keep_cut(dir: &Path, bytes: &[u8]) -> Option<PathBuf> {
    keep(&dir.join(DAMAGED_DIR).join(CUT_TAIL), bytes)
}

fn keep(path: &Path, bytes: &[u8]) -> Option<PathBuf> {
    let above = disk::above(path);
    disk::make_dir(above).ok()?;
    let kept = fs::write(path, bytes).is_ok()
        && disk::sync_file(path).is_ok()
        && disk::sync_dir(above).is_ok();
    kept.then(|| path.to_owned())
}

/// Moves a segment without one intact commit out of the way.
pub(super) fn move_aside(dir: &Path, segment: &Path) -> Option<PathBuf> {
    let to = dir.join(DAMAGED_DIR).join(segment.file_name()?);
    disk::make_dir(disk::above(&to)).ok()?;
    disk::rename(segment, &to).ok()?;
    Some(to)
}
