//! [`Shared`]: what the writer has told its readers: synced commits and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{
    Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};

use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::Options;
use super::footer::Tally;
use super::lanes::{Lanes, Mark, Run};
use super::ring::{Ring, RingLeg};
use super::spare::Spare;
use crate::spool::error::SpoolError;

/// Legs taken out of the ring under one lock.
const RING_LEGS_AT_ONCE: usize = 256;

/// Between one writer and any number of readers.
#[derive(Debug)]
pub(super) struct Shared {
    /// The spool directory.
    pub(super) dir: PathBuf,
    /// The log's store number.
    pub(super) store: u64,
    pub(super) options: Options,
    state: RwLock<State>,
    spare: Mutex<Option<Spare>>,
    /// A segment waits only for a snapshot behind it, and gives back more than one takes.
    pub(super) snapshot_wanted: AtomicBool,
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) lanes: Lanes,
    pub(super) ring: Ring,
    /// By first commit; the last is the one that is written.
    pub(super) segments: BTreeMap<u64, Extent>,
    /// The newest segment that begins with a synced snapshot.
    pub(super) snapshot: Option<u64>,
    /// The size of that snapshot, bytes.
    pub(super) snapshot_bytes: u64,
}

/// How much of a segment there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Bytes from its start that are synced.
    pub(super) synced: u64,
    /// Bytes that it takes on disk.
    pub(super) file_bytes: u64,
    /// When the last message in it was taken, Unix milliseconds; 0 if there is none.
    pub(super) newest_wall_ms: u64,
    /// Publishers' keys in it.
    pub(super) keys: u64,
    /// Those in all segments before.
    pub(super) keys_before: u64,
}

impl Extent {
    pub(super) fn of(synced: u64, file_bytes: u64, tally: &Tally) -> Self {
        let Tally { keys, keys_before, newest_wall_ms, .. } = *tally;
        Self { synced, file_bytes, newest_wall_ms, keys, keys_before }
    }
}

/// Where the next legs are to be had.
#[derive(Debug)]
pub(super) enum Outlook {
    /// Here they are.
    Ring(Vec<RingLeg>),
    /// In these runs, up to this leg.
    Files(Vec<Start>, u64),
    /// There are no more.
    Nothing,
}

/// A run to be read, from one of its marks on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) segment: u64,
    /// Bytes of the segment that may be read.
    pub(super) synced: u64,
    pub(super) again: bool,
    /// First leg of the run.
    pub(super) first: u64,
    pub(super) mark: Mark,
}

impl Shared {
    pub(super) fn new(dir: PathBuf, store: u64, options: Options, state: State) -> Self {
        Self {
            dir,
            store,
            options,
            state: RwLock::new(state),
            spare: Mutex::new(None),
            snapshot_wanted: AtomicBool::new(false),
        }
    }

    /// Sets a spare segment aside, if there is none. `false` if the disk has no room for one.
    pub(super) fn make_spare(&self) -> Result<bool, SpoolError> {
        // a roll that finds none waits for this one rather than making its own
        let mut spare = self.spare();
        if spare.is_none() {
            match Spare::make(&self.dir, self.options.segment_bytes) {
                Ok(made) => *spare = Some(made),
                Err(SpoolError::Full { .. }) => return Ok(false),
                Err(fault) => return Err(fault),
            }
        }
        Ok(true)
    }

    /// The spare's size, bytes; 0 if there is none, or it is just being made.
    pub(super) fn spare_bytes(&self) -> u64 {
        match self.spare.try_lock() {
            Ok(spare) => spare.as_ref().map_or(0, |spare| spare.bytes),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => 0,
        }
    }

    /// The spare segment, if there is one at present. May wait until one is made.
    pub(super) fn spare(&self) -> MutexGuard<'_, Option<Spare>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // a panic elsewhere leaves the index as it was between two whole changes: see `Log::publish`
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Bytes that the segments take on disk.
    pub(super) fn held_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.file_bytes).sum()
    }

    /// The oldest segment, if it is closed.
    pub(super) fn oldest_closed(&self) -> Option<(u64, Extent)> {
        let (number, extent) = self.segments.first_key_value()?;
        (self.segments.len() > 1).then_some((*number, *extent))
    }

    /// The last commit of a closed segment.
    pub(super) fn last_commit_of(&self, segment: u64) -> Option<u64> {
        let behind = segment.checked_add(1)?;
        self.segments.range(behind..).next().map(|(next, _)| next.saturating_sub(1))
    }

    /// Where legs `next..=through` are to be had, as far as one answer goes.
    pub(super) fn outlook(&self, link: &Link, lane: Lane, next: u64, through: u64) -> Outlook {
        let runs = self.lanes.runs(link, lane);
        let last_in_files = runs.iter().map(|run| run.last).max();
        let Some(last) = last_in_files.max(self.ring.last(link, lane)) else {
            return Outlook::Nothing;
        };
        let through = through.min(last);
        if next > through {
            return Outlook::Nothing;
        }
        let ring = self.ring.dense_from(link, lane, next, through, RING_LEGS_AT_ONCE);
        if !ring.is_empty() {
            return Outlook::Ring(ring);
        }
        let newer = self.ring.first_from(link, lane, next).map(|leg| leg.sequence);
        let through = newer.map_or(through, |newer| through.min(newer.saturating_sub(1)));
        let wanted = runs.iter().filter(|run| run.first <= through && run.last >= next);
        let mut starts: Vec<Start> = wanted.filter_map(|run| self.start(run, next)).collect();
        starts.sort_by_key(|start| start.first);
        Outlook::Files(starts, through)
    }

    fn start(&self, run: &Run, next: u64) -> Option<Start> {
        let synced = self.segments.get(&run.segment)?.synced;
        let mark = run.mark_for(next)?;
        let (segment, again, first) = (run.segment, run.again, run.first);
        Some(Start { segment, synced, again, first, mark })
    }
}
