//! [`Contents`]: whose messages the legs of one lane of a link are, and how many bytes, in runs.
//!
//! The ledger counts legs by origin, admission counts bytes by direction; neither may cost memory
//! for each leg, so neighbouring legs of one origin are one run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::{Code, Lane};

/// Longest run, legs: bytes inside a run are shared out evenly.
const RUN_LEGS_MAX: u64 = 256;

/// Whose a message is, and its precedence; no origin where damage took the message.
pub type Whose = (Option<Code>, Lane);

/// How many legs of each.
pub type Counted = Vec<(Whose, u64)>;

/// Runs of legs, by their first leg.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    runs: BTreeMap<u64, Run>,
    /// Bytes of all legs so far.
    bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    whose: Whose,
    /// Bytes of all legs before the run.
    before_bytes: u64,
}

impl Contents {
    /// The next leg.
    pub fn push(&mut self, leg: u64, whose: Whose, bytes: u64) {
        let fits = |(first, run): (&u64, &Run)| {
            run.whose == whose && leg.saturating_sub(*first) < RUN_LEGS_MAX
        };
        if !self.runs.last_key_value().is_some_and(fits) {
            self.runs.insert(leg, Run { whose, before_bytes: self.bytes });
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Bytes of the legs from this one to the last, `next - 1`; about, within a run.
    pub fn bytes_from(&self, leg: u64, next: u64) -> u64 {
        if leg >= next {
            return 0;
        }
        let Some((first, run)) = self.runs.range(..=leg).next_back() else {
            return self.bytes;
        };
        let follower = self.runs.range(leg.saturating_add(1)..).next();
        let (end, end_bytes) =
            follower.map_or((next, self.bytes), |(first, run)| (*first, run.before_bytes));
        let run_bytes = end_bytes.saturating_sub(run.before_bytes);
        let legs = end.saturating_sub(*first).max(1);
        let passed = run_bytes / legs * leg.saturating_sub(*first);
        self.bytes.saturating_sub(run.before_bytes.saturating_add(passed))
    }

    /// The runs between two legs, both included, cut to them.
    pub fn runs_in(
        &self,
        from: u64,
        through: u64,
    ) -> impl Iterator<Item = (&Whose, u64, u64)> + '_ {
        // the run that holds `from`, or the first one behind it where earlier ones are forgotten
        let holding = self.runs.range(..=from).next_back();
        let start = holding.or_else(|| self.runs.range(from..).next());
        let start = start.map_or(from, |(first, _)| *first);
        let within = (from.max(start) <= through).then(|| self.runs.range(start..=through));
        let within = within.into_iter().flatten();
        let ends = self.runs.range(start.saturating_add(1)..).map(|(first, _)| first - 1);
        let ends = ends.map(Some).chain(std::iter::once(None));
        let runs = within.zip(ends).map(move |((first, run), end): ((&u64, &Run), Option<u64>)| {
            (&run.whose, from.max(*first), through.min(end.unwrap_or(u64::MAX)))
        });
        // what was forgotten leaves a hole in front
        runs.filter(|(_, from, through)| from <= through)
    }

    /// Legs before this one are not asked for any more.
    pub fn forget_before(&mut self, leg: u64) {
        let Some(first) = self.runs.range(..=leg).next_back().map(|(first, _)| *first) else {
            return;
        };
        self.runs = self.runs.split_off(&first);
    }

    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(n: u32) -> Whose {
        (Some(Code::parse(&format!("510722.{n}")).unwrap()), Lane::Routine)
    }

    #[test]
    fn runs_tell_whose_each_leg_is() {
        let mut contents = Contents::default();
        assert!(contents.is_empty());
        for leg in 1..=10 {
            contents.push(leg, whose(if leg <= 4 { 1 } else { 2 }), 100);
        }
        assert_eq!((contents.len(), contents.is_empty()), (2, false), "two origins, two runs");
        let runs = |from, through| {
            let runs = contents.runs_in(from, through);
            runs.map(|(whose, from, through)| (whose.clone(), from, through)).collect::<Vec<_>>()
        };
        assert_eq!(runs(3, 7), [(whose(1), 3, 4), (whose(2), 5, 7)]);
        assert_eq!(runs(6, 6), [(whose(2), 6, 6)]);
        assert_eq!(runs(7, 6), []);
        contents.forget_before(6);
        assert_eq!(contents.len(), 1);
        assert_eq!(contents.bytes_from(6, 11), 500);
    }

    #[test]
    fn legs_forgotten_in_front_take_nothing_from_the_runs_behind_them() {
        let mut contents = Contents::default();
        for leg in 1..=9 {
            contents.push(leg, whose(if leg <= 4 { 1 } else { 2 }), 100);
        }
        contents.forget_before(5);
        let runs: Vec<_> =
            contents.runs_in(1, 9).map(|(_, from, through)| (from, through)).collect();
        assert_eq!(runs, [(5, 9)]);
        assert_eq!(contents.runs_in(1, 3).count(), 0);
    }

    #[test]
    fn bytes_are_exact_at_the_ends_of_runs() {
        let mut contents = Contents::default();
        for leg in 1..=1000 {
            contents.push(leg, whose(1), leg);
        }
        assert_eq!(contents.bytes_from(1, 1001), 500_500);
        assert_eq!(contents.bytes_from(257, 1001), (257..=1000).sum::<u64>());
        assert_eq!(contents.bytes_from(1001, 1001), 0);
    }
}
