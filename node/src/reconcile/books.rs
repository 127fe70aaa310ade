//! [`Books`]: what crossed each link of this station on one day, out of the journal.
//!
//! What came over a link was taken; what goes over it has crossed when the other end acked it.

use std::collections::BTreeMap;

use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::query::{
    DayBook, LINES_MAX, Line, Mark, Part, PartTold, RUNS_MAX, Run, Sum, Sums,
};
use yizhan_schemas::status::MessageStatus;
use yizhan_schemas::{Code, Outcome};

use super::ids::{Ids, Summing};
use crate::journal::{Journal, Known};

/// One day of a station.
#[derive(Debug)]
pub(super) struct Books {
    /// The last commit that is in it.
    pub(super) commit: u64,
    /// True if this station remembers the whole day.
    pub(super) whole: bool,
    /// The link to the parent.
    pub(super) up: Ledger,
    /// The link to each child.
    pub(super) children: BTreeMap<Code, Ledger>,
}

/// What crossed one link, by origin.
pub(super) type Ledger = BTreeMap<Code, Account>;

/// Messages of one origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// They crossed.
    pub(super) moved: Ids,
    /// They are known, and did not.
    pub(super) kept: Ids,
    /// Where and how those ended that crossed: at stations of the receiver's side.
    pub(super) ended: BTreeMap<(Code, Outcome), Ids>,
}

impl Books {
    /// Reads a day. May take long.
    pub(super) fn read(
        journal: &Journal,
        here: &Code,
        parent: Option<&Code>,
        day: Day,
        commit: u64,
    ) -> Self {
        let whole = journal.remembers_from_ms() <= day.start_ms();
        let mut books = Self { commit, whole, up: Ledger::new(), children: BTreeMap::new() };
        journal.all(&mut |known| {
            if known.day() == Some(day) {
                books.note(known, here, parent);
            }
        });
        books
    }

    fn note(&mut self, known: Known<'_>, here: &Code, parent: Option<&Code>) {
        let (status, first) = (known.status(), known.first());
        let run = (first.epoch, first.lane, first.sequence, known.last());
        let below = status.origin.is_within(here);
        if let Some(parent) = parent {
            let moved = !below || handed_to(status, parent);
            let account = self.up.entry(status.origin.clone()).or_default();
            // who has it from above is within; who gets it from here is not
            account.note(run, moved, status, |station| station.is_within(here) != below);
        }
        let from = here.child_towards(&status.origin);
        let handed = status.trail.iter().filter(|it| it.event == "handed_over");
        let handed = handed.map(|it| &it.station).filter(|to| here.is_above(to));
        for child in from.iter().chain(handed) {
            let up = Some(child) == from.as_ref();
            let ledger = self.children.entry(child.clone()).or_default();
            let account = ledger.entry(status.origin.clone()).or_default();
            account.note(run, true, status, |station| station.is_within(child) != up);
        }
    }

    /// What the parent is told of the link to it.
    pub(super) fn tell_day(&self) -> DayBook {
        let crossed = self.up.iter().filter(|(_, account)| !account.moved.is_empty());
        let lines = crossed.map(|(origin, account)| account.line(origin));
        DayBook {
            whole: self.whole && self.up.len() <= LINES_MAX,
            lines: lines.take(LINES_MAX).collect(),
        }
    }

    /// What the parent is told of a part of it.
    pub(super) fn tell_part(&self, part: &Part) -> PartTold {
        let account = self.up.get(&part.origin);
        account.map_or_else(
            || PartTold::Ids { moved: vec![], kept: vec![], ended: vec![] },
            |account| account.within(part.from, part.through).tell(part.from, part.through),
        )
    }
}

fn handed_to(status: &MessageStatus, neighbour: &Code) -> bool {
    status.trail.iter().any(|it| it.event == "handed_over" && it.station == *neighbour)
}

impl Account {
    fn note(
        &mut self,
        run: Run,
        moved: bool,
        status: &MessageStatus,
        counts: impl Fn(&Code) -> bool,
    ) {
        if !moved {
            return self.kept.insert(run);
        }
        self.moved.insert(run);
        for target in status.targets.iter().filter(|target| counts(&target.station)) {
            let word = target.outcome.as_deref();
            let outcome = Outcome::ALL.into_iter().find(|outcome| word == Some(outcome.word()));
            if let Some(outcome) = outcome {
                self.ended.entry((target.station.clone(), outcome)).or_default().insert(run);
            }
        }
    }

    /// Counts and digests.
    pub(super) fn line(&self, origin: &Code) -> Line {
        let ended = Outcome::ALL.into_iter().filter_map(|outcome| {
            let sum = self.sum_ended(|it| it == outcome);
            (sum.count > 0).then_some((outcome, sum))
        });
        Line { origin: origin.clone(), moved: self.moved.sum(), ended: ended.collect() }
    }

    /// The same for all outcomes together.
    pub(super) fn sums(&self) -> Sums {
        Sums { moved: self.moved.sum(), ended: self.sum_ended(|_| true) }
    }

    fn sum_ended(&self, counts: impl Fn(Outcome) -> bool) -> Sum {
        let mut sum = Summing::default();
        for ((station, outcome), ids) in self.ended.iter().filter(|(key, _)| counts(key.1)) {
            sum.name(station.as_str());
            sum.name(outcome.word());
            sum.add(ids);
        }
        sum.end()
    }

    /// Those between two places, both included.
    pub(super) fn within(&self, from: Mark, through: Mark) -> Self {
        let cut = |ids: &Ids| ids.within(from, through);
        let ended = self.ended.iter().map(|(key, ids)| (key.clone(), cut(ids)));
        let ended = ended.filter(|(_, ids)| !ids.is_empty()).collect();
        Self { moved: cut(&self.moved), kept: cut(&self.kept), ended }
    }

    /// All ids, or two halves if these are too many runs.
    fn tell(&self, from: Mark, through: Mark) -> PartTold {
        let sets = [&self.moved, &self.kept].into_iter().chain(self.ended.values());
        let runs = sets.flat_map(Ids::runs);
        let mut starts: Vec<Mark> =
            runs.map(|(epoch, lane, first, _)| (epoch, lane, first)).collect();
        starts.sort_unstable();
        let middle = starts.len() / 2;
        let split = starts.iter().skip(middle).chain(starts.iter().rev().take(middle));
        let split = split.copied().find(|at| *at > from && at.2 > 0);
        match split.filter(|_| starts.len() > RUNS_MAX) {
            None => self.ids(),
            Some(at) => PartTold::Split {
                at,
                lower: self.within(from, below(at)).sums(),
                upper: self.within(at, through).sums(),
            },
        }
    }

    fn ids(&self) -> PartTold {
        let mut room = RUNS_MAX;
        let mut cut = |ids: &Ids| {
            let runs: Vec<Run> = ids.runs().take(room).collect();
            room -= runs.len();
            runs
        };
        let (moved, kept) = (cut(&self.moved), cut(&self.kept));
        let ended = self
            .ended
            .iter()
            .map(|((station, outcome), ids)| (station.clone(), *outcome, cut(ids)));
        let ended = ended.filter(|(_, _, runs)| !runs.is_empty()).collect();
        PartTold::Ids { moved, kept, ended }
    }
}

/// The last place before another.
pub(super) fn below((epoch, lane, sequence): Mark) -> Mark {
    (epoch, lane, sequence.saturating_sub(1))
}
