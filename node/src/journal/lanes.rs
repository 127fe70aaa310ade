//! [`Lanes`]: which messages the legs are of that are handed over next.
//!
//! Legs taken lately are remembered, in runs; those of before, and of before the last start, are
//! read from the log.

use std::collections::{BTreeMap, VecDeque};

use yizhan_core::fill::{LegSource, Reading};
use yizhan_core::link::Link;
use yizhan_schemas::{Envelope, Lane, MessageId};

use super::change::Taken;
use super::forgotten::Forgotten;
use crate::spool::messages::LinkCursor;

/// Runs of legs of one lane that are remembered.
const LEG_RUNS_MAX: usize = 4_096;
/// Legs of one lane that are read from the log for one cursor: what is beyond is not said to be
/// handed over one by one.
const READ_MAX: u64 = 20_000;
/// Runs of ended legs of one lane that are remembered.
const RUNS_MAX: usize = 4096;

/// The lanes of all links.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<(Link, Lane), LaneLegs>);

#[derive(Debug, Default)]
struct LaneLegs {
    /// The last leg handed over.
    acked: u64,
    /// Legs behind it, the last ones taken.
    legs: VecDeque<Legs>,
    /// Runs behind it that ended otherwise.
    ended: Vec<(u64, u64)>,
    /// Legs of messages of which nothing is to be written down any more.
    forgotten: Forgotten,
}

/// Legs of messages that were taken together.
#[derive(Debug)]
struct Legs {
    first: u64,
    last: u64,
    /// The message of the first.
    id: MessageId,
}

/// Runs of messages: the first of each, and how many.
#[derive(Debug, Default)]
struct Runs(Vec<(MessageId, u64)>);

impl Runs {
    fn add(&mut self, id: MessageId, count: u64) {
        if let Some((first, length)) = self.0.last_mut() {
            let next = first.sequence.saturating_add(*length);
            if id.sequence == next && (MessageId { sequence: next, ..first.clone() }) == id {
                *length = length.saturating_add(count);
                return;
            }
        }
        self.0.push((id, count));
    }
}

impl Lanes {
    /// As they were when an index was written.
    pub(super) fn of(cursors: &[LinkCursor]) -> Self {
        let lane = |at: &LinkCursor| {
            let legs = LaneLegs {
                acked: at.acked,
                ended: at.ended.clone(),
                forgotten: Forgotten::through_leg(at.forgotten),
                legs: VecDeque::new(),
            };
            ((at.link.clone(), at.lane), legs)
        };
        Self(cursors.iter().map(lane).collect())
    }

    /// As they are to be written.
    pub(super) fn cursors(&self) -> Vec<LinkCursor> {
        let cursor = |((link, lane), legs): (&(Link, Lane), &LaneLegs)| LinkCursor {
            link: link.clone(),
            lane: *lane,
            acked: legs.acked,
            ended: legs.ended.clone(),
            forgotten: legs.forgotten.through(),
        };
        self.0.iter().map(cursor).collect()
    }

    /// These messages were taken, the first of them with this ordinal; the index has all through
    /// that other one.
    pub(super) fn taken(&mut self, taken: &Taken, ordinal: u64, written: u64) {
        for (link, leg) in &taken.legs {
            self.leg_taken((link, *leg), taken, ordinal, written);
        }
    }

    fn leg_taken(&mut self, (link, leg): (&Link, u64), taken: &Taken, ordinal: u64, written: u64) {
        let Taken { id, count, .. } = taken;
        let lane = self.0.entry((link.clone(), taken.lane())).or_default();
        let behind = count.saturating_sub(1);
        let last = leg.saturating_add(behind);
        lane.forgotten.taken(last, ordinal.saturating_add(behind), written);
        let legs = &mut lane.legs;
        legs.push_back(Legs { first: leg, last, id: id.clone() });
        if legs.len() > LEG_RUNS_MAX {
            legs.pop_front();
        }
    }

    pub(super) fn ended(&mut self, link: &Link, lane: Lane, from: u64, through: u64) {
        let ended = &mut self.0.entry((link.clone(), lane)).or_default().ended;
        match ended.last_mut() {
            Some((_, last)) if last.saturating_add(1) == from => *last = through,
            _ => ended.push((from, through)),
        }
        if ended.len() > RUNS_MAX {
            ended.remove(0);
        }
    }

    pub(super) fn rewound(&mut self, link: &Link, lane: Lane, through: u64) {
        let legs = self.0.entry((link.clone(), lane)).or_default();
        legs.acked = legs.acked.min(through);
    }

    /// The messages of the legs that are handed over with this one and were not before, in runs:
    /// the first of each, and how many.
    pub(super) fn handed_over(
        &mut self,
        link: &Link,
        lane: Lane,
        through: u64,
        log: &dyn LegSource,
    ) -> Vec<(MessageId, u64)> {
        let legs = self.0.entry((link.clone(), lane)).or_default();
        let from = legs.acked.saturating_add(1);
        if through < from {
            return Vec::new();
        }
        let mut runs = Runs::default();
        let known_from = legs.legs.front().map_or(u64::MAX, |legs| legs.first);
        let last = through.min(known_from.saturating_sub(1));
        let remembered = legs.forgotten.through().saturating_add(1);
        let first = from.max(last.saturating_sub(READ_MAX)).max(remembered);
        if first <= last {
            let read = log.legs(link, lane, first, last, &mut |reading| {
                if let Reading::Leg(leg) = reading
                    && legs.is_over(leg.sequence)
                    && let Ok(envelope) = Envelope::read(leg.envelope)
                {
                    runs.add(envelope.header().id(), 1);
                }
                true
            });
            if let Err(fault) = read {
                tracing::debug!(
                    event = "handed_over_unnamed",
                    fault,
                    link = link.word(),
                    "handed over, and not known what"
                );
            }
        }
        legs.hand_over(from, through, &mut runs);
        runs.0
    }
}

impl LaneLegs {
    /// True if a leg did not end in another way.
    fn is_over(&self, leg: u64) -> bool {
        !self.ended.iter().any(|(from, through)| (*from..=*through).contains(&leg))
    }

    /// Takes the remembered legs out that are handed over.
    fn hand_over(&mut self, from: u64, through: u64, runs: &mut Runs) {
        while let Some(front) = self.legs.front_mut().filter(|legs| legs.first <= through) {
            let last = front.last.min(through);
            for (a, b) in without(&self.ended, front.first.max(from), last) {
                let sequence = front.id.sequence.saturating_add(a - front.first);
                runs.add(MessageId { sequence, ..front.id.clone() }, b - a + 1);
            }
            if last < front.last {
                let passed = last + 1 - front.first;
                front.id.sequence = front.id.sequence.saturating_add(passed);
                front.first = last + 1;
                break;
            }
            self.legs.pop_front();
        }
        self.ended.retain(|(_, last)| *last > through);
        self.acked = through;
    }
}

/// What is left of `from..=through` without some runs.
fn without(runs: &[(u64, u64)], from: u64, through: u64) -> Vec<(u64, u64)> {
    let mut gone: Vec<_> = runs.iter().filter(|(a, b)| *a <= through && *b >= from).collect();
    gone.sort_unstable();
    let (mut left, mut next) = (Vec::new(), from);
    for (a, b) in gone {
        if next < *a {
            left.push((next, a - 1));
        }
        next = next.max(b.saturating_add(1));
    }
    if next <= through {
        left.push((next, through));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::tests::put_at;
    use super::*;
    use crate::asked::Asked;
    use crate::spool::messages::MESSAGES_MAX;

    fn one_taken() -> Taken {
        let mut taken = None;
        Change::of([&put_at(1, "incident.report", 5)], |change| match change {
            Change::Taken(one) => taken = Some(*one),
            other => panic!("{other:?}"),
        });
        taken.unwrap()
    }

    #[test]
    fn what_the_index_has_forgotten_is_not_read_from_the_log_when_it_is_handed_over() {
        let (mut lanes, log) = (Lanes::default(), Asked::default());
        let one = one_taken();
        for n in 1..=3 * MESSAGES_MAX {
            lanes.leg_taken((&Link::Up, n), &one, n, n);
        }
        // over a restart too
        let mut lanes = Lanes::of(&lanes.cursors());
        lanes.handed_over(&Link::Up, Lane::Routine, MESSAGES_MAX, &log);
        assert_eq!(*log.0.lock().unwrap(), []);
        lanes.handed_over(&Link::Up, Lane::Routine, 3 * MESSAGES_MAX, &log);
        assert!(!log.0.lock().unwrap().is_empty());
    }

    #[test]
    fn what_is_left_of_a_run_lies_between_those_taken_out() {
        assert_eq!(without(&[], 3, 5), [(3, 5)]);
        assert_eq!(without(&[(7, 9), (1, 3), (5, 5)], 3, 8), [(4, 4), (6, 6)]);
        assert_eq!(without(&[(1, 9)], 3, 8), []);
        assert_eq!(without(&[(3, 4), (8, 8), (9, 9)], 3, 8), [(5, 7)]);
        assert_eq!(without(&[(1, 1)], 5, 4), []);
    }
}
