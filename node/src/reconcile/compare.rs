//! [`Comparison`]: the two ends of one link, compared down to single ids.
//!
//! What crossed is compared first, how it ended second, and what is still under way is left out. A
//! difference is narrowed by halves of (epoch, lane, sequence): see [`Part`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use yizhan_core::link::Link;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::query::{
    Ask, DayBook, Finding, GAPS_MAX, Gap, GapKind, Mark, Part, PartTold, Run, State, Sums, Told,
};
use yizhan_schemas::{Code, MessageId, Outcome};

use super::books::{Account, Ledger, below};
use super::ids::{FIRST, Ids, LAST, first_of};
use crate::journal::Journal;
use crate::query::{Asker, Silence};

/// Most questions for one comparison: a difference that takes more is not narrowed any further.
const ASKS_MAX: usize = 128;
/// Most ids that are looked up once more before they are said to be missing.
const CONFIRMED_MAX: u64 = 4_096;

/// One link that is being compared.
pub(super) struct Comparison<'a> {
    pub(super) asker: &'a Asker,
    pub(super) journal: &'a Journal,
    pub(super) day: Day,
    pub(super) deadline: Instant,
    pub(super) finding: Finding,
    pub(super) asks: usize,
}

/// The parts of one origin's day that are still to be asked for: those in which the ends differ.
pub(super) struct Windows(Vec<(Mark, Mark)>);

impl Windows {
    /// All of it.
    pub(super) fn all() -> Self {
        Self(vec![(FIRST, LAST)])
    }

    pub(super) fn next(&mut self) -> Option<(Mark, Mark)> {
        self.0.pop()
    }

    /// Goes on with the halves of a part that are not the same here.
    pub(super) fn split(
        &mut self,
        mine: &Account,
        (from, through): (Mark, Mark),
        at: Mark,
        (lower, upper): (Sums, Sums),
    ) {
        for ((from, through), told) in [((from, below(at)), lower), ((at, through), upper)] {
            if mine.within(from, through).sums() != told {
                self.0.push((from, through));
            }
        }
    }
}

impl Comparison<'_> {
    /// Compares what this station knows with what the child does.
    pub(super) async fn run(mut self, mine: &Ledger, whole: bool) -> Finding {
        let child = self.finding.child.clone();
        for (origin, account) in mine {
            let count = account.moved.count();
            match origin.is_within(&child) {
                true => self.finding.up += count,
                false => self.finding.down += count,
            }
        }
        let book = match self.book().await {
            Ok(book) => book,
            Err(silence) => return silent(self.finding, &silence),
        };
        if !(whole && book.whole) {
            self.finding.state = State::NotComparable;
            let who = if whole { &child } else { &self.finding.parent };
            let why = format!("{who} does not remember that whole day");
            return self.finding.because(why);
        }
        if let Err(silence) = self.compare(mine, &book).await {
            return silent(self.finding, &silence);
        }
        if !self.finding.gaps.is_empty() || self.finding.unnamed > 0 {
            self.finding.state = State::Gap;
        }
        self.finding
    }

    async fn compare(&mut self, mine: &Ledger, book: &DayBook) -> Result<(), Silence> {
        let theirs: BTreeMap<_, _> = book.lines.iter().map(|line| (&line.origin, line)).collect();
        let origins: BTreeSet<&Code> = mine.keys().chain(theirs.keys().copied()).collect();
        let none = Account::default();
        for origin in origins {
            let account = mine.get(origin).unwrap_or(&none);
            let line = account.line(origin);
            let same = match theirs.get(origin) {
                Some(told) => **told == line,
                None => line.moved.count == 0,
            };
            if !same {
                self.narrow(origin, account).await?;
            }
        }
        Ok(())
    }

    async fn ask(&self, ask: Ask) -> Result<Told, Silence> {
        let within = self.deadline.saturating_duration_since(Instant::now());
        self.asker.ask(&Link::Down(self.finding.child.clone()), ask, within).await
    }

    async fn book(&self) -> Result<DayBook, Silence> {
        match self.ask(Ask::Day(self.day)).await? {
            Told::Day(book) => Ok(book),
            _ => Err(Silence::Astray),
        }
    }

    /// Goes down to the ids of one origin that differ.
    async fn narrow(&mut self, origin: &Code, mine: &Account) -> Result<(), Silence> {
        let mut windows = Windows::all();
        while let Some((from, through)) = windows.next() {
            let here = mine.within(from, through);
            if self.asks >= ASKS_MAX {
                self.finding.unnamed += here.moved.count().max(1);
                continue;
            }
            self.asks += 1;
            let part = Part { day: self.day, origin: origin.clone(), from, through };
            match self.ask(Ask::Part(part)).await? {
                Told::Part(PartTold::Split { at, lower, upper }) if from < at && at <= through => {
                    windows.split(mine, (from, through), at, (lower, upper));
                }
                Told::Part(PartTold::Ids { moved, kept, ended }) => {
                    self.differ(origin, &here, (moved, kept), ended);
                }
                _ => return Err(Silence::Astray),
            }
        }
        Ok(())
    }

    fn differ(
        &mut self,
        origin: &Code,
        mine: &Account,
        (moved, kept): (Vec<Run>, Vec<Run>),
        ended: Vec<(Code, Outcome, Vec<Run>)>,
    ) {
        let (moved, kept): (Ids, Ids) = (moved.into_iter().collect(), kept.into_iter().collect());
        let (parent, child) = (self.finding.parent.clone(), self.finding.child.clone());
        let up = origin.is_within(&child);
        let unacked = mine.moved.without(&moved);
        let gone_below = unacked.without(&kept);
        // what this station took note of only after it had read its day is no gap
        let gone_above = self.unknown(origin, &moved.without(&mine.moved));
        self.finding.under_way += unacked.count().saturating_sub(gone_below.count());
        let below = match up {
            true => format!("{parent} took it from {child}, which knows nothing of it"),
            false => format!("{child} acked it to {parent}, and knows nothing of it"),
        };
        self.gaps(origin, GapKind::MissingBelow, &gone_below, &below);
        let above = match up {
            true => format!("{parent} acked it to {child}, and knows nothing of it"),
            false => format!("{child} took it from {parent}, which knows nothing of it"),
        };
        self.gaps(origin, GapKind::MissingAbove, &gone_above, &above);
        for ((station, here), ids) in &mine.ended {
            for (_, there, runs) in ended.iter().filter(|it| it.0 == *station && it.1 != *here) {
                let both = ids.and(&runs.iter().copied().collect());
                let (here, there) = (here.word(), there.word());
                let words = format!("at {station}: {here} says {parent}, {there} says {child}");
                self.gaps(origin, GapKind::OtherOutcome, &both, &words);
            }
        }
    }

    /// Those that the journal does not know by now.
    fn unknown(&self, origin: &Code, ids: &Ids) -> Ids {
        let mut left = CONFIRMED_MAX;
        let mut unknown = Ids::default();
        for run in ids.runs() {
            let (epoch, lane, first, last) = run;
            let sure = last.min(first.saturating_add(left).saturating_sub(1));
            left = left.saturating_sub(sure.saturating_sub(first).saturating_add(1));
            for sequence in first..=sure {
                let id = MessageId { sequence, ..first_of(origin, run) };
                if self.journal.status(&id).is_none() {
                    unknown.insert((epoch, lane, sequence, sequence));
                }
            }
            if sure < last {
                unknown.insert((epoch, lane, sure + 1, last));
            }
        }
        unknown
    }

    fn gaps(&mut self, origin: &Code, kind: GapKind, ids: &Ids, detail: &str) {
        for run in ids.runs() {
            let count = run.3 - run.2 + 1;
            if self.finding.gaps.len() >= GAPS_MAX {
                self.finding.unnamed += count;
                continue;
            }
            let id = first_of(origin, run);
            self.finding.gaps.push(Gap { kind, id, count, detail: detail.to_owned() });
        }
    }
}

fn silent(mut finding: Finding, silence: &Silence) -> Finding {
    finding.state = match silence {
        Silence::TooOld | Silence::Refused(_) => State::NotComparable,
        _ => State::Dark,
    };
    finding.because(silence.to_string())
}

/// What is left of a time for those that one asks in turn: their answer must travel as well.
pub(super) fn for_those_below(within: Duration) -> Duration {
    within.mul_f64(0.8)
}
