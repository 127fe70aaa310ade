//! [`Shared`]: what the writer has told its readers: synced commits and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::lanes::{Lanes, Mark, Run};
use super::ring::{Ring, RingLeg};

/// Legs taken out of the ring under one lock.
const RING_LEGS_AT_ONCE: usize = 256;

/// Between one writer and any number of readers.
#[derive(Debug)]
pub(super) struct Shared {
    /// The spool directory.
    pub(super) dir: PathBuf,
    /// The log's store number.
    pub(super) store: u64,
    state: RwLock<State>,
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) lanes: Lanes,
    pub(super) ring: Ring,
    pub(super) segments: BTreeMap<u64, Extent>,
}

/// How much of a segment there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Bytes from its start that are synced.
    pub(super) synced: u64,
    /// Bytes that it takes on disk.
    pub(super) file_bytes: u64,
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
    pub(super) fn new(dir: PathBuf, store: u64, state: State) -> Self {
        Self { dir, store, state: RwLock::new(state) }
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
