//! [`Owed`]: legs that are not handed over yet, as far as spans will be made of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::glimpse::Taken;
use super::shelf::dropped;

/// Legs of sampled messages that are remembered, in each lane of each link.
const LEGS_MAX: usize = 4_096;
/// Runs of other legs that are, likewise.
const RUNS_MAX: usize = 4_096;

/// All lanes of all links.
#[derive(Debug, Default)]
pub(super) struct Owed(BTreeMap<(Link, Lane), LaneOwed>);

#[derive(Debug, Default)]
struct LaneOwed {
    /// The last leg handed over.
    acked: u64,
    sampled: VecDeque<(u64, Arc<Taken>)>,
    /// First and last leg of runs, and when they were taken.
    plain: VecDeque<(u64, u64, u64)>,
}

/// What was handed over.
#[derive(Debug, Default)]
pub(super) struct HandedOver {
    pub(super) sampled: Vec<Arc<Taken>>,
    /// Runs of others that had been here for long, or of which nobody here knows.
    pub(super) others: Vec<(u64, u64)>,
}

impl Owed {
    /// As a store has them at its opening.
    pub(super) fn of(acked: impl IntoIterator<Item = ((Link, Lane), u64)>) -> Self {
        let lane = |(at, acked)| (at, LaneOwed { acked, ..LaneOwed::default() });
        Self(acked.into_iter().map(lane).collect())
    }

    pub(super) fn taken(&mut self, link: &Link, lane: Lane, leg: u64, taken: &Arc<Taken>) {
        let owed = &mut self.lane(link, lane).sampled;
        owed.push_back((leg, Arc::clone(taken)));
        if owed.len() > LEGS_MAX {
            owed.pop_front();
            dropped(1, "owed");
        }
    }

    pub(super) fn plain(&mut self, link: &Link, lane: Lane, run: (u64, u64), taken_ms: u64) {
        let runs = &mut self.lane(link, lane).plain;
        match runs.back_mut() {
            // a second more or less does not matter for what waits for minutes
            Some((_, last, at_ms)) if *last + 1 == run.0 && taken_ms < *at_ms + 1_000 => {
                *last = run.1;
            }
            _ => runs.push_back((run.0, run.1, taken_ms)),
        }
        if runs.len() > RUNS_MAX {
            runs.pop_front();
        }
    }

    /// Legs that ended otherwise.
    pub(super) fn ended(&mut self, link: &Link, lane: Lane, from: u64, through: u64) {
        self.lane(link, lane).sampled.retain(|(leg, _)| !(from..=through).contains(leg));
    }

    /// Legs through this one are handed over. Of those that are not sampled, those are told that
    /// were taken before `late_ms`.
    pub(super) fn handed_over(
        &mut self,
        link: &Link,
        lane: Lane,
        through: u64,
        late_ms: u64,
    ) -> HandedOver {
        let owed = self.lane(link, lane);
        let mut over = HandedOver::default();
        let mut next = owed.acked.saturating_add(1);
        let first_known = |owed: &LaneOwed| {
            let plain = owed.plain.front().map_or(u64::MAX, |(first, ..)| *first);
            owed.sampled.front().map_or(plain, |(leg, _)| plain.min(*leg))
        };
        let unknown = first_known(owed).min(through.saturating_add(1));
        if next < unknown {
            over.others.push((next, unknown - 1));
        }
        while owed.sampled.front().is_some_and(|(leg, _)| *leg <= through) {
            over.sampled.extend(owed.sampled.pop_front().map(|(_, taken)| taken));
        }
        while let Some((first, last, taken_ms)) = owed.plain.front_mut() {
            if *first > through {
                break;
            }
            let end = (*last).min(through);
            if *taken_ms < late_ms {
                over.others.push((*first, end));
            }
            if end < *last {
                *first = end + 1;
                break;
            }
            owed.plain.pop_front();
        }
        next = through.max(owed.acked);
        owed.acked = next;
        over
    }

    fn lane(&mut self, link: &Link, lane: Lane) -> &mut LaneOwed {
        self.0.entry((link.clone(), lane)).or_default()
    }
}
