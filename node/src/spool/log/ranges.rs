//! [`Ranges`]: which leg sequences, as runs of neighbours, so that memory follows the number of
//! holes and not of legs.

use serde::{Deserialize, Serialize};

/// Ascending ranges, both ends included, none touching the next.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// One range; none if it ends before it begins.
    pub(super) fn one(from: u64, through: u64) -> Self {
        Self(if from <= through { vec![(from, through)] } else { Vec::new() })
    }

    /// Takes in a sequence behind all that are here.
    pub(super) fn push(&mut self, sequence: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last >= sequence => {}
            Some((_, last)) if last.saturating_add(1) == sequence => *last = sequence,
            _ => self.0.push((sequence, sequence)),
        }
    }

    /// Takes in all of another's.
    pub(super) fn join(&mut self, other: &Self) {
        let mut all = std::mem::take(&mut self.0);
        all.extend_from_slice(&other.0);
        all.sort_unstable();
        for (from, through) in all {
            match self.0.last_mut() {
                Some((_, last)) if last.saturating_add(1) >= from => *last = through.max(*last),
                _ => self.0.push((from, through)),
            }
        }
    }

    /// Takes all of another's away.
    pub(super) fn subtract(&mut self, other: &Self) {
        let mut left = Vec::with_capacity(self.0.len());
        let mut gone = other.0.iter().copied().peekable();
        for (mut from, through) in self.0.drain(..) {
            let mut some = true;
            while let Some((first, last)) = gone.peek().copied() {
                if last < from {
                    gone.next();
                    continue;
                }
                if first > through {
                    break;
                }
                if first > from {
                    left.push((from, first - 1));
                }
                if last >= through {
                    some = false;
                    break;
                }
                from = last.saturating_add(1);
                gone.next();
            }
            if some {
                left.push((from, through));
            }
        }
        self.0 = left;
    }

    /// Only what another has too.
    pub(super) fn keep(&mut self, other: &Self) {
        let mut outside = self.clone();
        outside.subtract(other);
        self.subtract(&outside);
    }

    pub(super) fn has(&self, sequence: u64) -> bool {
        let behind = self.0.partition_point(|(from, _)| *from <= sequence);
        let before = behind.checked_sub(1).and_then(|at| self.0.get(at));
        before.is_some_and(|(_, through)| *through >= sequence)
    }

    /// The last one before a sequence.
    pub(super) fn last_before(&self, sequence: u64) -> Option<u64> {
        let behind = self.0.partition_point(|(from, _)| *from < sequence);
        let before = behind.checked_sub(1).and_then(|at| self.0.get(at));
        before.map(|(_, through)| (*through).min(sequence.saturating_sub(1)))
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, through)| *through)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Ranges;

    fn of(set: &BTreeSet<u64>) -> Ranges {
        let mut ranges = Ranges::default();
        set.iter().for_each(|sequence| ranges.push(*sequence));
        ranges
    }

    proptest! {
        #[test]
        fn ranges_say_the_same_as_a_set(
            a in prop::collection::btree_set(0..60_u64, 0..40),
            b in prop::collection::btree_set(0..60_u64, 0..40),
        ) {
            let (mut joined, mut left, mut both) = (of(&a), of(&a), of(&a));
            joined.join(&of(&b));
            left.subtract(&of(&b));
            both.keep(&of(&b));
            prop_assert_eq!(joined, of(&a.union(&b).copied().collect()));
            prop_assert_eq!(&left, &of(&a.difference(&b).copied().collect()));
            prop_assert_eq!(both, of(&a.intersection(&b).copied().collect()));
            prop_assert!((0..61).all(|n| left.last_before(n) == a.difference(&b)
                .copied().filter(|m| *m < n).last()));
            prop_assert!((0..60).all(|n| left.has(n) == (a.contains(&n) && !b.contains(&n))));
        }
    }
}
