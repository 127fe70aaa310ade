//! [`Change`]: what a record says of messages.

use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Ended, Put, Record};
use yizhan_schemas::payload::receipt::Note;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::{Code, Kind, Lane, MessageId, Selector};

/// What a record says of messages.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Some were taken.
    Taken(Box<Taken>),
    /// Legs are durable at a neighbour.
    HandedOver(Cursor),
    /// A neighbour has less than it said.
    Rewound(Cursor),
    /// Legs of a neighbour ended without being handed over.
    Ended(Ended),
    /// Something became of some.
    Noted(Note),
}

/// Messages that were taken in one commit, alike in all but their numbers: a busy station takes
/// hundreds at a time, and remembers what became of them together.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// The first.
    pub(super) id: MessageId,
    /// How many, numbered densely, in their lane and in those of their legs.
    pub(super) count: u64,
    pub(super) kind: Kind,
    pub(super) to: Selector,
    /// True if a publisher handed it in here.
    pub(super) own: bool,
    /// Wall clock, Unix milliseconds.
    pub(super) wall_ms: u64,
    /// The day on which their origin accepted them, by its clock.
    pub(super) day: Day,
    /// The stations that it is for, if it is our own.
    pub(super) targets: Vec<Code>,
    /// The first one's legs to neighbours.
    pub(super) legs: Vec<(Link, u64)>,
}

impl Change {
    /// Gives everything that records say of messages to `each`.
    pub(super) fn of<'a>(
        records: impl IntoIterator<Item = &'a Record>,
        mut each: impl FnMut(Self),
    ) {
        let mut run: Option<Box<Taken>> = None;
        for record in records {
            // one that waited gets its legs when it is gone on with
            if let Record::Put(put) | Record::Resumed(put) = record {
                match &mut run {
                    Some(run) if run.goes_on_with(put) => run.count += 1,
                    _ => {
                        let next = taken(put).map(Box::new);
                        if let Some(before) = std::mem::replace(&mut run, next) {
                            each(Self::Taken(before));
                        }
                    }
                }
                continue;
            }
            if let Some(before) = run.take() {
                each(Self::Taken(before));
            }
            match record {
                Record::HandedOver(at) if at.link.is_neighbour() => {
                    each(Self::HandedOver(at.clone()));
                }
                Record::Rewound(at) if at.link.is_neighbour() => each(Self::Rewound(at.clone())),
                Record::Ended(run) if run.link.is_neighbour() => each(Self::Ended(run.clone())),
                Record::Noted(noted) => each(Self::Noted(noted.note.clone())),
                Record::FoldTaken(fold) => {
                    fold.notes.iter().for_each(|noted| each(Self::Noted(noted.note.clone())));
                }
                _ => {}
            }
        }
        if let Some(last) = run {
            each(Self::Taken(last));
        }
    }
}

/// None of what stations tell each other, which is no message of anybody's.
fn taken(put: &Put) -> Option<Taken> {
    let header = put.envelope.header();
    if header.kind.is_internal() {
        return None;
    }
    let legs = put.legs.iter().filter(|leg| leg.link.is_neighbour());
    Some(Taken {
        id: header.id(),
        count: 1,
        kind: header.kind.clone(),
        to: header.to.clone(),
        own: put.via.is_none(),
        wall_ms: put.taken_wall_ms,
        day: Day::of(header.accepted_ms),
        targets: put.targets.clone(),
        legs: legs.map(|leg| (leg.link.clone(), leg.sequence)).collect(),
    })
}

impl Taken {
    /// The lane of their legs to neighbours.
    pub(super) fn lane(&self) -> Lane {
        self.id.lane
    }

    /// True if this one is alike, and comes next in every count.
    fn goes_on_with(&self, put: &Put) -> bool {
        let header = put.envelope.header();
        let mut legs = put.legs.iter().filter(|leg| leg.link.is_neighbour());
        let same_legs = self.legs.iter().all(|(link, first)| {
            legs.next().is_some_and(|leg| leg.link == *link && leg.sequence == first + self.count)
        });
        same_legs
            && legs.next().is_none()
            && header.sequence == self.id.sequence + self.count
            && header.lane == self.id.lane
            && header.epoch == self.id.epoch
            && header.origin == self.id.origin
            && header.kind == self.kind
            && header.to == self.to
            && put.via.is_none() == self.own
            && put.taken_wall_ms == self.wall_ms
            && Day::of(header.accepted_ms) == self.day
            && put.targets == self.targets
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::put_at;
    use super::*;

    #[test]
    fn only_messages_that_are_alike_and_come_in_order_share_a_change() {
        let records = [
            put_at(1, "incident.report", 5),
            put_at(2, "incident.report", 5),
            put_at(3, "case.open", 5),
            put_at(4, "case.open", 6),
            put_at(6, "case.open", 6),
            put_at(7, "receipt.fold", 6),
            put_at(8, "case.open", 6),
        ];
        let mut runs = Vec::new();
        Change::of(&records, |change| match change {
            Change::Taken(taken) => runs.push((taken.id.sequence, taken.count)),
            other => panic!("{other:?}"),
        });
        assert_eq!(runs, [(1, 2), (3, 1), (4, 1), (6, 1), (8, 1)]);
    }
}
