//! [`Lanes`]: where in the log the legs of each link and lane are.
//!
//! Memory does not grow with the number of legs: one [`Mark`] stands for [`MARK_EVERY`] of them,
//! and from a mark the reader walks the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_core::link::Link;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Lane, PerLane};

use super::commit::{Note, NotedLeg};
use super::ranges::Ranges;

/// Legs from one mark to the next.
pub(super) const MARK_EVERY: u64 = 64;

/// The place of one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) sequence: u64,
    /// Where its commit begins in the segment, bytes.
    pub(super) commit: u32,
    /// Where its record begins in the segment, bytes.
    pub(super) record: u32,
}

/// Legs of one link and lane in one segment whose sequences ascend through the file. Puts make one
/// run in a segment; what is re-appended makes its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// First commit of the segment.
    pub(super) segment: u64,
    /// True if it consists of [`yizhan_core::record::Record::Reappended`].
    pub(super) again: bool,
    /// First leg.
    pub(super) first: u64,
    /// Last leg.
    pub(super) last: u64,
    /// How many there are.
    pub(super) legs: u64,
    /// The first leg's place and every [`MARK_EVERY`]th after it.
    pub(super) marks: Vec<Mark>,
    /// The chain through the last leg.
    #[serde(default)]
    pub(super) chain: Chain,
    /// Which legs, if it consists of re-appended ones: those have holes, others are dense.
    #[serde(default)]
    pub(super) some: Ranges,
}

impl Run {
    /// The last mark at or before a leg; the first mark if the leg is before the run.
    pub(super) fn mark_for(&self, sequence: u64) -> Option<Mark> {
        let behind = self.marks.partition_point(|mark| mark.sequence <= sequence);
        self.marks.get(behind.saturating_sub(1)).copied()
    }

    /// Its legs.
    fn legs(&self) -> Ranges {
        if self.again { self.some.clone() } else { Ranges::one(self.first, self.last) }
    }
}

/// The legs of one link and lane in one segment that no newer segment has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Only {
    pub(super) link: Link,
    pub(super) lane: Lane,
    /// Never empty.
    pub(super) legs: Ranges,
    /// What newer segments have of the legs before the last of them.
    newer: Ranges,
    /// The chain through the last of them, unless a file has to be read for it.
    pub(super) chain: Option<Chain>,
}

/// Runs of a lane that are told apart; what is behind them is told as one.
const SPANS_MAX: usize = 256;

/// Legs from the first to the last; from `only_from` on, those and no others are anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OnlySpan {
    pub(super) only_from: u64,
    pub(super) from: u64,
    pub(super) through: u64,
}

impl Only {
    /// Its legs, run by run.
    pub(super) fn spans(&self) -> Vec<OnlySpan> {
        let mut spans: Vec<OnlySpan> = Vec::new();
        for (from, through) in self.legs.iter() {
            if spans.len() == SPANS_MAX {
                if let Some(last) = spans.last_mut() {
                    last.through = through;
                }
                continue;
            }
            let before = self.newer.last_before(from).unwrap_or(0);
            spans.push(OnlySpan { only_from: before.saturating_add(1), from, through });
        }
        spans
    }
}

/// All runs, oldest segment first.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<Link, PerLane<Vec<Run>>>);

impl Lanes {
    /// Takes in the legs of a record of the newest segment. The commit begins at `commit`; the
    /// note counts its offset from `base`. Both are bytes from the segment's start.
    pub(super) fn take(&mut self, segment: u64, base: u64, commit: u64, note: &Note) {
        // no segment is that long
        let place = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (commit, record) = (place(commit), place(base + note.offset as u64));
        for leg in &note.legs {
            let place = Mark { sequence: leg.sequence, commit, record };
            self.leg(segment, leg, note.again, place);
        }
    }

    fn leg(&mut self, segment: u64, leg: &NotedLeg, again: bool, place: Mark) {
        let runs = self.runs_mut(&leg.link, leg.lane);
        let here = runs.iter_mut().rev().take_while(|run| run.segment == segment);
        let open = here.into_iter().find(|run| run.again == again && run.last < place.sequence);
        if let Some(run) = open {
            if run.legs.is_multiple_of(MARK_EVERY) {
                run.marks.push(place);
            }
            run.last = place.sequence;
            run.legs += 1;
            run.chain = leg.chain;
            if again {
                run.some.push(place.sequence);
            }
            return;
        }
        let (first, last) = (place.sequence, place.sequence);
        let (marks, chain) = (vec![place], leg.chain);
        let some = if again { Ranges::one(first, last) } else { Ranges::default() };
        runs.push(Run { segment, again, first, last, legs: 1, marks, chain, some });
    }

    /// Takes in a run of a footer.
    pub(super) fn add(&mut self, link: &Link, lane: Lane, run: Run) {
        self.runs_mut(link, lane).push(run);
    }

    fn runs_mut(&mut self, link: &Link, lane: Lane) -> &mut Vec<Run> {
        self.0.entry(link.clone()).or_default().get_mut(lane)
    }

    /// The runs of one link and lane, oldest segment first.
    pub(super) fn runs(&self, link: &Link, lane: Lane) -> &[Run] {
        self.0.get(link).map_or(&[], |lanes| lanes.get(lane))
    }

    /// The runs of one segment.
    pub(super) fn of_segment(&self, segment: u64) -> impl Iterator<Item = (&Link, Lane, &Run)> {
        let lanes = self
            .0
            .iter()
            .flat_map(|(link, lanes)| lanes.iter().map(move |(lane, runs)| (link, lane, runs)));
        lanes.flat_map(move |(link, lane, runs)| {
            let here = runs.iter().rev().take_while(move |run| run.segment == segment);
            here.map(move |run| (link, lane, run))
        })
    }

    /// Legs of a segment that are nowhere newer: what was re-appended counts where it is now.
    pub(super) fn only_in(&self, segment: u64) -> Vec<Only> {
        let mut found = Vec::new();
        for (link, lanes) in &self.0 {
            for (lane, runs) in lanes.iter() {
                let here = runs.iter().filter(|run| run.segment == segment);
                let mut legs = Ranges::default();
                here.clone().for_each(|run| legs.join(&run.legs()));
                let Some(end) = legs.last() else { continue };
                // most of what is newer lies behind all that is here
                let mut newer = Ranges::default();
                runs.iter()
                    .filter(|run| run.segment > segment && run.first <= end)
                    .for_each(|run| newer.join(&run.legs()));
                legs.subtract(&newer);
                let Some(last) = legs.last() else { continue };
                let chain = here.clone().find(|run| run.last == last).map(|run| run.chain);
                found.push(Only { link: link.clone(), lane, legs, newer, chain });
            }
        }
        found
    }

    /// Forgets a segment.
    pub(super) fn forget(&mut self, segment: u64) {
        for lanes in self.0.values_mut() {
            for lane in Lane::ALL {
                lanes.get_mut(lane).retain(|run| run.segment != segment);
            }
        }
        self.0.retain(|_, lanes| lanes.iter().any(|(_, runs)| !runs.is_empty()));
    }
}
