//! [`Ring`]: the newest legs in memory, so that the usual send reads no file.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use yizhan_core::link::Link;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Lane, PerLane};

use super::commit::Note;
use super::format::FRAME_BYTES;
use super::part::Seals;

/// Most bytes that the ring keeps alive.
pub(super) const RING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What one leg costs beside its record's bytes, roughly.
const LEG_BYTES: usize = 2 * size_of::<RingLeg>();

/// A leg, not yet decoded.
#[derive(Debug, Clone)]
pub(super) struct RingLeg {
    pub(super) sequence: u64,
    pub(super) chain: Chain,
    /// The commit that holds it.
    pub(super) put_at: u64,
    /// The body of its record.
    pub(super) record: Bytes,
    /// The seals of that commit, if it has any.
    pub(super) seals: Option<Arc<Seals>>,
}

#[derive(Debug)]
struct RingCommit {
    bytes: usize,
    /// Last leg that it brought, by link and lane.
    through: Vec<(Link, Lane, u64)>,
}

/// Legs of the newest commits; the oldest commit leaves first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    lanes: BTreeMap<Link, PerLane<VecDeque<RingLeg>>>,
    commits: VecDeque<RingCommit>,
    bytes: usize,
}

impl Ring {
    /// Takes in the legs of a synced commit.
    pub(super) fn push(
        &mut self,
        number: u64,
        commit: &Bytes,
        notes: &[Note],
        seals: Option<&Arc<Seals>>,
    ) {
        let mut through = Vec::new();
        // what was re-appended is older than what is here, and would break the order
        for note in notes.iter().filter(|note| !note.again) {
            let record = commit.slice(note.offset + FRAME_BYTES..note.end);
            for leg in &note.legs {
                let lanes = self.lanes.entry(leg.link.clone()).or_default();
                let legs = lanes.get_mut(leg.lane);
                if legs.back().is_none_or(|newest| newest.sequence < leg.sequence) {
                    let (sequence, chain) = (leg.sequence, leg.chain);
                    let (record, seals) = (record.clone(), seals.cloned());
                    legs.push_back(RingLeg { sequence, chain, put_at: number, record, seals });
                    through.push((leg.link.clone(), leg.lane, leg.sequence));
                }
            }
        }
        if through.is_empty() {
            return;
        }
        let bytes = commit.len() + through.len() * LEG_BYTES;
        self.bytes += bytes;
        self.commits.push_back(RingCommit { bytes, through });
        while self.bytes > RING_BYTES_MAX {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(commit) = self.commits.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(commit.bytes);
        for (link, lane, sequence) in commit.through {
            let Some(lanes) = self.lanes.get_mut(&link) else { continue };
            let legs = lanes.get_mut(lane);
            while legs.front().is_some_and(|oldest| oldest.sequence <= sequence) {
                legs.pop_front();
            }
        }
    }

    /// The first leg at or behind a sequence.
    pub(super) fn first_from(&self, link: &Link, lane: Lane, from: u64) -> Option<&RingLeg> {
        self.from(link, lane, from).next()
    }

    /// Legs from this very sequence on, without a hole: at most `most` of them.
    pub(super) fn dense_from(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        most: usize,
    ) -> Vec<RingLeg> {
        let dense = (from..=through).zip(self.from(link, lane, from)).take(most);
        dense.take_while(|(next, leg)| leg.sequence == *next).map(|(_, leg)| leg.clone()).collect()
    }

    /// The newest leg's sequence.
    pub(super) fn last(&self, link: &Link, lane: Lane) -> Option<u64> {
        self.lanes.get(link)?.get(lane).back().map(|leg| leg.sequence)
    }

    fn from(&self, link: &Link, lane: Lane, from: u64) -> impl Iterator<Item = &RingLeg> {
        let legs = self.lanes.get(link).map(|lanes| lanes.get(lane));
        legs.into_iter()
            .flat_map(move |legs| legs.range(legs.partition_point(|leg| leg.sequence < from)..))
    }
}
