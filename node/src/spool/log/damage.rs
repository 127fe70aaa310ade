//! What is said of bytes that cannot be read back: [`Damage`] and [`Torn`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::commit::Note;
use super::footer::Footer;
use crate::spool::disk;

/// Where the bytes of damaged places are kept, in the log's directory. Nothing is deleted there.
const DAMAGED_DIR: &str = "damaged";
/// The newest tail that was cut off.
const CUT_TAIL: &str = "cut-tail.bin";

/// Synced bytes that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Where a copy of the bytes is; `None` if there are none, or it could not be made.
    pub kept_in: Option<PathBuf>,
}

impl Damage {
    fn took_commit_before(&self, number: u64) -> bool {
        matches!(self.harm, Harm::Commits { first, .. } if first < number)
    }
}

/// What damage took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegRange {
    /// The link.
    pub link: Link,
    /// The lane that they are numbered in.
    pub lane: Lane,
    /// First leg.
    pub from: u64,
    /// Last leg.
    pub through: u64,
}

/// A last commit that was never finished, and never acknowledged: it was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Finds out which legs of a segment are missing. Puts number legs densely, so a jump is a loss;
/// what is missing at the ends only the footer knows.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// First and last leg seen, by link and lane.
    seen: BTreeMap<(Link, Lane), (u64, u64)>,
    /// What is missing, and the commit that showed it.
    found: Vec<(u64, LegRange)>,
}

impl Holes {
    /// Takes in a record of commit `number`.
    pub(super) fn take(&mut self, number: u64, note: &Note) {
        for leg in note.legs.iter().filter(|_| !note.again) {
            let key = (leg.link.clone(), leg.lane);
            let (_, last) =
                self.seen.entry(key).or_insert((leg.sequence, leg.sequence.saturating_sub(1)));
            let from = last.saturating_add(1);
            *last = leg.sequence.max(*last);
            if from < leg.sequence {
                let (link, lane, through) = (leg.link.clone(), leg.lane, leg.sequence - 1);
                self.found.push((number, LegRange { link, lane, from, through }));
            }
        }
    }

    /// What is missing by the footer's word.
    pub(super) fn compare(&mut self, footer: &Footer) {
        for (link, lane, run) in footer.runs.iter().filter(|(_, _, run)| !run.again) {
            let range = |from, through| LegRange { link: link.clone(), lane: *lane, from, through };
            match self.seen.get(&(link.clone(), *lane)) {
                None => self.found.push((footer.last, range(run.first, run.last))),
                Some((first, last)) => {
                    if *first > run.first {
                        self.found.push((footer.first, range(run.first, *first - 1)));
                    }
                    if *last < run.last {
                        self.found.push((footer.last, range(*last + 1, run.last)));
                    }
                }
            }
        }
    }

    /// Gives each missing range to the damage that it was noticed behind.
    pub(super) fn attribute(self, damage: &mut [Damage]) {
        for (noticed, range) in self.found {
            let before = damage.iter().rposition(|one| one.took_commit_before(noticed));
            let any = damage.iter().position(|one| one.took_commit_before(u64::MAX));
            if let Some(one) = before.or(any).and_then(|at| damage.get_mut(at)) {
                one.legs.push(range);
            }
        }
    }
}
