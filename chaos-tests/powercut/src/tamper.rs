//! A log's directory, tampered with in any way: it opens or says why not, makes nothing up, and
//! goes on.
//!
//! Promise checked: opening never panics; what is visited is what was written, with some left out,
//! in its order, and every leg that is read back is the one that was written; damage alone is no
//! error, only names that no log ever made may be one; what is appended afterwards is there at the
//! next opening, behind all that was there at this one. Where the tampering went so far as to
//! seal what it changed with fresh checksums, only the first and the last are asked for: such a
//! disk lies, and nobody can tell.

// A finding is a panic: that is the only language that a fuzzer understands.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a finding is a panic")]

mod base;
mod edit;
mod reseal;

use std::fs;
use std::path::{Path, PathBuf};

use arbitrary::Unstructured;
use tempfile::TempDir;
use yizhan::spool::log::{DIR, scan, verify};
use yizhan::spool::{Log, Opened, Options, Reading, SpoolError};
use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Record};
use yizhan_schemas::Lane;

use self::base::{BASES, Base};
use self::edit::Edit;

/// Changes made to one log, at most.
const EDITS_MAX: usize = 12;
/// A segment of the smallest size, so that few records fill it.
const SMALL: Options = Options { segment_bytes: yizhan::spool::log::SEGMENT_BYTES_MIN };
/// A filesystem in memory: a sync costs nothing there.
const MEMORY: &str = "/dev/shm";

/// Does to a log what the bytes say, and opens it.
///
/// # Panics
/// A promise that does not hold.
pub fn spool_open(data: &[u8]) {
    let (which, edits) = read(data);
    let Some(base) = BASES.get(which) else { return };
    let place = place();
    let dir = place.path().join(DIR);
    base.write_to(&dir);
    let mut changed = Changed::default();
    for edit in &edits {
        changed.note(edit);
        edit.apply(&dir, base);
    }
    judge(place.path(), base, changed);
}

/// What the bytes say, for people.
pub fn told(data: &[u8]) -> String {
    let (which, edits) = read(data);
    format!("log {which}: {edits:?}")
}

fn read(data: &[u8]) -> (usize, Vec<Edit>) {
    let mut bytes = Unstructured::new(data);
    let which = bytes.int_in_range(0..=BASES.len() - 1).unwrap_or(0);
    let mut edits = Vec::new();
    while !bytes.is_empty() && edits.len() < EDITS_MAX {
        edits.extend(Edit::draw(&mut bytes));
    }
    (which, edits)
}

/// How far the tampering went.
#[derive(Debug, Clone, Copy, Default)]
struct Changed {
    /// Files or directories that no log makes.
    names: bool,
    /// Checksums that make lies look true.
    sealed: bool,
}

impl Changed {
    fn note(&mut self, edit: &Edit) {
        self.names |= edit.makes_names();
        self.sealed |= matches!(edit, Edit::Reseal { .. });
    }
}

fn place() -> TempDir {
    let memory = Path::new(MEMORY);
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory to work in")
}

fn judge(data: &Path, base: &Base, changed: Changed) {
    // tools read beside a station that does not run: they see what is there, or say why not
    let _ = verify(data);
    let mut found = Vec::new();
    let scanned = scan(data, &mut |one| found.push(one.record));
    if scanned.is_ok() && !changed.sealed {
        assert!(is_left_of(&found, &base.records), "a scan made something up");
    }

    let (mut log, visited) = match open(data) {
        Ok(opened) => opened,
        Err(fault) => {
            let allowed = changed.names || changed.sealed;
            assert!(allowed, "damage alone must not keep a station from starting: {fault}");
            return;
        }
    };
    if !changed.sealed {
        assert!(is_left_of(&visited, &base.records), "made up: {visited:?}");
        legs_are_those_written(&log, base);
    }
    for through in [77, 78] {
        let last = Record::HandedOver(Cursor { link: Link::Up, lane: Lane::Routine, through });
        log.append(std::slice::from_ref(&last)).expect("an open log takes records");
        log.sync().expect("an open log syncs");
    }
    drop(log);
    let (_, again) = open(data).expect("a log that opened opens again");
    let (old, new) = again.split_at_checked(again.len().wrapping_sub(2)).expect("two more");
    assert_eq!(old, visited, "what was there at one opening is there at the next");
    assert!(matches!(new, [Record::HandedOver(a), Record::HandedOver(b)]
        if (a.through, b.through) == (77, 78)));
}

fn open(data: &Path) -> Result<(Log, Vec<Record>), SpoolError> {
    let mut visited = Vec::new();
    let Opened { log, .. } = Log::open(data, SMALL, &mut |record| visited.push(record))?;
    Ok((log, visited))
}

fn legs_are_those_written(log: &Log, base: &Base) {
    let reader = log.reader();
    for lane in Lane::ALL {
        let mut last = 0;
        let read = reader.legs(&Link::Up, lane, 1, u64::MAX, &mut |reading| {
            let (from, through) = match &reading {
                Reading::Leg(leg) => {
                    let written = base.envelope(lane, leg.sequence);
                    assert_eq!(Some(&leg.envelope_bytes), written, "leg {}", leg.sequence);
                    (leg.sequence, leg.sequence)
                }
                Reading::Gap { from, through } => (*from, *through),
            };
            assert!(from > last && through >= from, "legs in order, each once: {reading:?}");
            last = through;
            true
        });
        read.expect("what was opened can be read");
    }
}

/// True if `part` is `whole` with some elements left out.
fn is_left_of(part: &[Record], whole: &[Record]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|one| rest.any(|other| other == one))
}

/// Every stored input: in `chaos-tests/fuzz/corpus/spool_open/`, one file each.
///
/// # Errors
/// The folder cannot be read.
pub fn stored() -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        inputs.push((path, bytes));
    }
    inputs.sort();
    Ok(inputs)
}

/// Where the inputs are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/spool_open")
}
