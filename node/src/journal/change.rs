//! [`Change`]: what a record says of messages.

use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Ended, Put, Record};
use yizhan_schemas::payload::receipt::{self, Note};
use yizhan_schemas::{Code, Kind, Lane, MessageId, Selector};

/// What a record says of messages.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// One was taken.
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

/// A message that was taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) id: MessageId,
    pub(super) kind: Kind,
    pub(super) to: Selector,
    /// True if a publisher handed it in here.
    pub(super) own: bool,
    /// Wall clock, Unix milliseconds.
    pub(super) wall_ms: u64,
    /// The stations that it is for, if it is our own.
    pub(super) targets: Vec<Code>,
    /// Its legs to neighbours.
    pub(super) legs: Vec<(Link, u64)>,
}

impl Change {
    /// Gives everything that records say of messages to `each`.
    pub(super) fn of(records: &[Record], mut each: impl FnMut(Self)) {
        for record in records {
            match record {
                Record::Put(put) => {
                    if let Some(taken) = taken(put) {
                        each(Self::Taken(Box::new(taken)));
                    }
                }
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
    }
}

/// None of a fold, which is no message of anybody's.
fn taken(put: &Put) -> Option<Taken> {
    let header = put.envelope.header();
    if header.kind.as_str() == receipt::KIND {
        return None;
    }
    let legs = put.legs.iter().filter(|leg| leg.link.is_neighbour());
    Some(Taken {
        id: header.id(),
        kind: header.kind.clone(),
        to: header.to.clone(),
        own: put.via.is_none(),
        wall_ms: put.taken_wall_ms,
        targets: put.targets.clone(),
        legs: legs.map(|leg| (leg.link.clone(), leg.sequence)).collect(),
    })
}

/// The lane of a message, for its legs to neighbours.
impl Taken {
    pub(super) fn lane(&self) -> Lane {
        self.id.lane
    }
}
