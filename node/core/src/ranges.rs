//! [`Ranges`]: a set of sequences as runs, both ends included.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Runs that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a run.
    pub fn insert(&mut self, from: u64, through: u64) {
        if from > through {
            return;
        }
        let (mut from, mut through) = (from, through);
        // the runs that it touches are swallowed, from the right one to the left one
        while let Some((first, last)) = self.0.range(..=through.saturating_add(1)).next_back() {
            let (first, last) = (*first, *last);
            if last.saturating_add(1) < from {
                break;
            }
            self.0.remove(&first);
            from = from.min(first);
            through = through.max(last);
        }
        self.0.insert(from, through);
    }

    /// Takes a run out.
    pub fn remove(&mut self, from: u64, through: u64) {
        while let Some((first, last)) = self.0.range(..=through).next_back() {
            let (first, last) = (*first, *last);
            if last < from {
                return;
            }
            self.0.remove(&first);
            if last > through {
                self.0.insert(through.saturating_add(1), last);
            }
            if first < from {
                self.0.insert(first, from.saturating_sub(1));
            }
        }
    }

    /// True if the sequence is in it.
    pub fn contains(&self, sequence: u64) -> bool {
        self.0.range(..=sequence).next_back().is_some_and(|(_, last)| *last >= sequence)
    }

    /// How many sequences of a run are in it.
    pub fn count_in(&self, from: u64, through: u64) -> u64 {
        self.runs_in(from, through).map(|(from, through)| through - from + 1).sum()
    }

    /// The runs in it between two sequences, both included, cut to them.
    pub fn runs_in(&self, from: u64, through: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let before = self.0.range(..from).next_back().filter(|(_, last)| **last >= from);
        let rest = (from <= through).then(|| self.0.range(from..=through)).into_iter().flatten();
        let cut = move |(first, last): (&u64, &u64)| (from.max(*first), through.min(*last));
        before.into_iter().chain(rest).map(cut).filter(|(from, through)| from <= through)
    }

    /// All runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(from, through)| (*from, *through))
    }

    /// Keeps so many runs, the lowest.
    pub fn keep_lowest(&mut self, runs_max: usize) {
        while self.0.len() > runs_max {
            self.0.pop_last();
        }
    }

    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(u64, u64)> for Ranges {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(runs: I) -> Self {
        let mut ranges = Self::default();
        runs.into_iter().for_each(|(from, through)| ranges.insert(from, through));
        ranges
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_set_of_its_sequences(
            acts in proptest::collection::vec((any::<bool>(), 0_u64..60, 0_u64..12), 0..40)
        ) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for (add, from, length) in acts {
                let through = from + length;
                if add {
                    ranges.insert(from, through);
                    model.extend(from..=through);
                } else {
                    ranges.remove(from, through);
                    model.retain(|n| *n < from || *n > through);
                }
                let listed: BTreeSet<u64> = ranges.runs().flat_map(|(a, b)| a..=b).collect();
                prop_assert_eq!(&listed, &model);
                let apart = ranges.runs().zip(ranges.runs().skip(1)).all(|(a, b)| a.1 + 1 < b.0);
                prop_assert!(apart, "runs that touch are one run");
                prop_assert_eq!(ranges.count_in(10, 30), model.range(10..=30).count() as u64);
                prop_assert_eq!(ranges.contains(20), model.contains(&20));
            }
        }
    }
}
