//! [`Ids`]: a set of messages of one origin, as runs that neither overlap nor touch: so there is
//! one form of it, and equal sets have equal digests wherever they come from.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use yizhan_core::ranges::Ranges;
use yizhan_schemas::query::{Mark, Run, Sum};
use yizhan_schemas::{Code, Epoch, Lane, MessageId};

/// Before every message, and behind every one.
pub(super) const FIRST: Mark = (Epoch::from_random(0), Lane::Flash, 0);
pub(super) const LAST: Mark = (Epoch::from_random(u32::MAX), Lane::Routine, u64::MAX);

/// Messages of one origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ids(BTreeMap<(Epoch, Lane), Ranges>);

impl Ids {
    pub(super) fn insert(&mut self, (epoch, lane, first, last): Run) {
        self.0.entry((epoch, lane)).or_default().insert(first, last);
    }

    /// Those between two places, both included.
    pub(super) fn within(&self, from: Mark, through: Mark) -> Self {
        if from > through {
            return Self::default();
        }
        let (low, high) = ((from.0, from.1), (through.0, through.1));
        let cut = self.0.range(low..=high).map(|(key, ranges)| {
            let first = if *key == low { from.2 } else { 0 };
            let last = if *key == high { through.2 } else { u64::MAX };
            (*key, ranges.runs_in(first, last).collect::<Ranges>())
        });
        Self(cut.filter(|(_, ranges)| !ranges.is_empty()).collect())
    }

    /// Those that are not in another set.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = self.clone();
        for (key, ranges) in &mut left.0 {
            other.0.get(key).into_iter().flat_map(Ranges::runs).for_each(|(from, through)| {
                ranges.remove(from, through);
            });
        }
        left.0.retain(|_, ranges| !ranges.is_empty());
        left
    }

    /// Those that are in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        let runs = |((epoch, lane), ranges): (&(Epoch, Lane), &_)| {
            let (epoch, lane) = (*epoch, *lane);
            let runs: &Ranges = ranges;
            runs.runs().map(|(first, last)| (epoch, lane, first, last)).collect::<Vec<Run>>()
        };
        self.0.iter().flat_map(runs)
    }

    pub(super) fn count(&self) -> u64 {
        self.runs().map(|(_, _, first, last)| last - first + 1).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(Ranges::is_empty)
    }

    /// How many, and their digest.
    pub(super) fn sum(&self) -> Sum {
        let mut sum = Summing::default();
        sum.add(self);
        sum.end()
    }
}

impl FromIterator<Run> for Ids {
    fn from_iter<I: IntoIterator<Item = Run>>(runs: I) -> Self {
        let mut ids = Self::default();
        runs.into_iter().filter(|run| run.2 <= run.3).for_each(|run| ids.insert(run));
        ids
    }
}

/// A sum over several sets, each with its name.
#[derive(Debug, Default)]
pub(super) struct Summing {
    hash: Sha256,
    count: u64,
}

impl Summing {
    pub(super) fn name(&mut self, name: &str) {
        self.hash.update(name.as_bytes());
        self.hash.update([0]);
    }

    pub(super) fn add(&mut self, ids: &Ids) {
        for (epoch, lane, first, last) in ids.runs() {
            self.hash.update(epoch.to_string().as_bytes());
            self.hash.update([u8::try_from(lane.letter()).unwrap_or_default()]);
            self.hash.update(first.to_be_bytes());
            self.hash.update(last.to_be_bytes());
        }
        self.count = self.count.saturating_add(ids.count());
    }

    pub(super) fn end(self) -> Sum {
        if self.count == 0 {
            return Sum::default();
        }
        let digest = self.hash.finalize().first_chunk().copied().unwrap_or_default();
        Sum { count: self.count, digest }
    }
}

/// The first message of a run.
pub(super) fn first_of(origin: &Code, (epoch, lane, sequence, _): Run) -> MessageId {
    MessageId { origin: origin.clone(), epoch, lane, sequence }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn run(epoch: u32, first: u64, length: u64) -> Run {
        (Epoch::from_random(epoch), Lane::Routine, first, first + length)
    }

    fn model(ids: &Ids) -> BTreeSet<(Epoch, u64)> {
        ids.runs().flat_map(|(epoch, _, from, to)| (from..=to).map(move |s| (epoch, s))).collect()
    }

    proptest! {
        #[test]
        fn sets_are_told_apart_by_their_messages_and_by_nothing_else(
            a in proptest::collection::vec((0_u32..3, 1_u64..40, 0_u64..6), 0..20),
            b in proptest::collection::vec((0_u32..3, 1_u64..40, 0_u64..6), 0..20),
            at in (0_u32..3, 1_u64..40),
        ) {
            let of = |runs: &[(u32, u64, u64)]| runs.iter().map(|r| run(r.0, r.1, r.2)).collect::<Ids>();
            let (a, b) = (of(&a), of(&b));
            prop_assert_eq!(a.sum() == b.sum(), model(&a) == model(&b));
            prop_assert_eq!(a.count(), model(&a).len() as u64);
            let gone: BTreeSet<_> = model(&a).difference(&model(&b)).copied().collect();
            prop_assert_eq!(model(&a.without(&b)), gone);
            let both: BTreeSet<_> = model(&a).intersection(&model(&b)).copied().collect();
            prop_assert_eq!(model(&a.and(&b)), both);
            let at = (Epoch::from_random(at.0), Lane::Routine, at.1);
            let (lower, upper) = (a.within(FIRST, (at.0, at.1, at.2 - 1)), a.within(at, LAST));
            prop_assert_eq!(lower.count() + upper.count(), a.count());
            prop_assert!(lower.and(&upper).is_empty());
        }
    }
}
