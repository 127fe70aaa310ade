//! [`Gone`]: legs of one lane of a link that the log no longer has.
//!
//! Segments go oldest first, but what was written anew stays where it is now, so there may be
//! holes in what is gone. A receiver that asks for such legs is told that they are, run by run,
//! and goes on with the chain through the end of the run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::frame::Chain;

/// Runs remembered; of more, the oldest are made one: with the legs between them, which nobody is
/// owed.
const RUNS_MAX: usize = 256;

/// Runs that neither overlap nor touch: last leg and the chain through it, by first leg.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gone(BTreeMap<u64, (u64, Chain)>);

impl Gone {
    /// Adds a run, with the chain through its last leg. Nobody is owed the legs up to `acked`.
    pub fn insert(&mut self, from: u64, through: u64, chain: Chain, acked: u64) {
        let (mut from, mut end) = (from, (through, chain));
        while let Some((first, run)) = self.0.range(..=end.0.saturating_add(1)).next_back() {
            let (first, run) = (*first, *run);
            if run.0.saturating_add(1) < from {
                break;
            }
            self.0.remove(&first);
            from = from.min(first);
            if run.0 > end.0 {
                end = run;
            }
        }
        self.0.insert(from, end);
        while self.0.len() > RUNS_MAX && self.join_oldest(acked) {}
    }

    /// True if the two oldest runs are one now.
    fn join_oldest(&mut self, acked: u64) -> bool {
        let mut oldest = self.0.iter();
        let Some(((first, _), (second, end))) = oldest.next().zip(oldest.next()) else {
            return false;
        };
        let (first, second, end) = (*first, *second, *end);
        let idle = second <= acked.saturating_add(1);
        if idle {
            self.0.remove(&second);
            self.0.insert(first, end);
        }
        idle
    }

    /// The first leg that the log may still have.
    pub fn held_from(&self) -> u64 {
        self.0.get(&1).map_or(1, |(through, _)| through.saturating_add(1))
    }

    /// The last leg of the run that a leg is in.
    pub fn end_of(&self, leg: u64) -> Option<u64> {
        self.0.range(..=leg).next_back().map(|(_, (through, _))| *through).filter(|end| *end >= leg)
    }

    /// The chain just before a leg, if a run ends there.
    pub fn chain_before(&self, leg: u64) -> Option<Chain> {
        if leg == 1 {
            return Some(Chain::default());
        }
        let (_, (through, chain)) = self.0.range(..leg).next_back()?;
        (through.saturating_add(1) == leg).then_some(*chain)
    }

    /// The runs between two legs, both included, cut to them.
    pub fn runs_in(&self, from: u64, through: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let before = self.0.range(..from).next_back();
        let rest = (from <= through).then(|| self.0.range(from..=through)).into_iter().flatten();
        let cut =
            move |(first, (last, _)): (&u64, &(u64, Chain))| (from.max(*first), through.min(*last));
        before.into_iter().chain(rest).map(cut).filter(|(from, through)| from <= through)
    }

    /// How many legs of a run are gone.
    pub fn count_in(&self, from: u64, through: u64) -> u64 {
        self.runs_in(from, through).map(|(from, through)| through - from + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(leg: u64) -> Chain {
        Chain(leg.to_be_bytes())
    }

    fn gone(runs: &[(u64, u64)]) -> Gone {
        let mut gone = Gone::default();
        runs.iter().for_each(|(from, through)| gone.insert(*from, *through, chain(*through), 0));
        gone
    }

    fn runs(gone: &Gone) -> Vec<(u64, u64)> {
        gone.runs_in(0, u64::MAX).collect()
    }

    #[test]
    fn runs_that_touch_are_one_with_the_chain_of_the_later_end() {
        let gone = gone(&[(8, 9), (1, 3), (4, 5), (2, 8)]);
        assert_eq!(runs(&gone), [(1, 9)]);
        assert_eq!((gone.held_from(), gone.chain_before(10)), (10, Some(chain(9))));
    }

    #[test]
    fn what_is_held_begins_behind_all_runs_that_touch() {
        let gone = gone(&[(1, 3), (4, 5)]);
        assert_eq!((gone.held_from(), gone.end_of(1)), (6, Some(5)));
    }

    #[test]
    fn legs_between_two_runs_are_held() {
        let gone = gone(&[(1, 3), (6, 9)]);
        assert_eq!(gone.held_from(), 4);
        assert_eq!((gone.end_of(5), gone.end_of(6), gone.end_of(9)), (None, Some(9), Some(9)));
        assert_eq!((gone.count_in(2, 8), gone.count_in(4, 5), gone.count_in(9, 8)), (5, 0, 0));
        assert_eq!(
            (gone.chain_before(4), gone.chain_before(6), gone.chain_before(10)),
            (Some(chain(3)), None, Some(chain(9)))
        );
    }

    #[test]
    fn nothing_is_gone_at_first() {
        let gone = Gone::default();
        assert_eq!((gone.held_from(), gone.end_of(1), gone.count_in(1, 9)), (1, None, 0));
        assert_eq!((gone.chain_before(1), gone.chain_before(2)), (Some(Chain::default()), None));
    }

    #[test]
    fn as_many_runs_as_may_be_are_kept_apart() {
        let mut gone = Gone::default();
        let last = 3 * RUNS_MAX as u64;
        (1..=last).step_by(3).for_each(|leg| gone.insert(leg, leg, chain(leg), last));
        assert_eq!((runs(&gone).len(), gone.held_from()), (RUNS_MAX, 2));
        gone.insert(last + 1, last + 1, chain(last + 1), last);
        assert_eq!((runs(&gone).len(), gone.held_from()), (RUNS_MAX, 5), "one too many");
    }

    #[test]
    fn of_too_many_runs_the_oldest_become_one_as_far_as_nobody_is_owed() {
        let mut gone = Gone::default();
        let last = 3 * (RUNS_MAX as u64 + 2);
        for leg in (1..=last).step_by(3) {
            gone.insert(leg, leg, chain(leg), 7);
        }
        // 1, 4 and 7 are one, and with 8 nothing more
        assert_eq!(runs(&gone)[..2], [(1, 7), (10, 10)]);
        assert_eq!(runs(&gone).len(), RUNS_MAX);
    }
}
