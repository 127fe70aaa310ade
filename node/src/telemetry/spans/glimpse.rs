//! [`Glimpse`]: what a commit shows of messages. Made on the disk's thread, so it is little work:
//! a message that is not sampled costs its trace id, and its leg's number.

use std::sync::Arc;

use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Ended, Put, Record};
use yizhan_schemas::payload::receipt::{Event, Note};
use yizhan_schemas::{Code, Kind, Lane, MessageId, Outcome};

use super::context::Context;
use super::shelf::{Shelf, dropped};
use crate::clock;
use crate::driver::Observer;
use crate::queue::Sender;

/// What a commit shows.
#[derive(Debug)]
pub(super) struct Glimpse {
    /// When it was durable, Unix milliseconds.
    pub(super) at_ms: u64,
    /// Records in it.
    pub(super) batch: u64,
    pub(super) sights: Vec<Sight>,
}

#[derive(Debug)]
pub(super) enum Sight {
    /// A sampled message was taken.
    Taken(Arc<Taken>),
    /// Messages that are not sampled were, with legs of one lane that follow each other.
    Plain {
        link: Link,
        lane: Lane,
        first: u64,
        last: u64,
        taken_ms: u64,
    },
    HandedOver(Cursor),
    Ended(Ended),
    /// Messages of this station ended elsewhere, and not by being delivered.
    Failed {
        note: Note,
        outcome: Outcome,
    },
}

/// A sampled message that was taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: MessageId,
    pub(super) kind: Kind,
    pub(super) traceparent: Option<String>,
    /// From a publisher, or by this link.
    pub(super) via: Option<Link>,
    pub(super) taken_ms: u64,
    pub(super) legs: Vec<(Link, u64)>,
}

/// Sees durable commits, and passes on what they show. Never waits.
pub struct SpanFeed {
    pub(super) queue: Sender<Glimpse>,
    pub(super) shelf: Shelf,
    /// Share of traces that are followed.
    pub(super) sample: f64,
    pub(super) here: Code,
}

impl Observer for SpanFeed {
    fn committed(&mut self, _: u64, records: &[Record]) {
        if !self.shelf.is_wanted() {
            return;
        }
        let mut sights = Vec::new();
        for record in records {
            match record {
                Record::Put(put) | Record::Resumed(put) => self.taken(put, &mut sights),
                Record::HandedOver(cursor) => sights.push(Sight::HandedOver(cursor.clone())),
                Record::Ended(run) => sights.push(Sight::Ended(run.clone())),
                Record::Noted(routed) => self.noted(&routed.note, &mut sights),
                Record::FoldTaken(fold) => {
                    fold.notes.iter().for_each(|routed| self.noted(&routed.note, &mut sights));
                }
                _ => {}
            }
        }
        if sights.is_empty() {
            return;
        }
        let batch = records.len() as u64;
        let glimpse = Glimpse { at_ms: clock::now().wall_ms, batch, sights };
        if let Err(lost) = self.queue.offer(glimpse) {
            dropped(lost.sights.len(), "behind");
        }
    }
}

impl SpanFeed {
    fn taken(&self, put: &Put, sights: &mut Vec<Sight>) {
        let header = put.envelope.header();
        if header.kind.is_internal() {
            return;
        }
        let id = header.id();
        let context = Context::of(&id, header.traceparent.as_deref());
        if header.lane == Lane::Flash || context.is_sampled(self.sample) {
            let legs = put.legs.iter().map(|leg| (leg.link.clone(), leg.sequence)).collect();
            sights.push(Sight::Taken(Arc::new(Taken {
                id,
                kind: header.kind.clone(),
                traceparent: header.traceparent.clone(),
                via: put.via.as_ref().map(|via| via.link.clone()),
                taken_ms: put.taken_wall_ms,
                legs,
            })));
            return;
        }
        for leg in &put.legs {
            plain(&leg.link, header.lane, leg.sequence, put.taken_wall_ms, sights);
        }
    }

    fn noted(&self, note: &Note, sights: &mut Vec<Sight>) {
        let Event::Ended { outcome, .. } = &note.event else { return };
        if *outcome != Outcome::Delivered && note.origin == self.here {
            sights.push(Sight::Failed { note: note.clone(), outcome: *outcome });
        }
    }
}

/// Joins a leg to the run before it, if it goes on with it.
fn plain(link: &Link, lane: Lane, leg: u64, taken_ms: u64, sights: &mut Vec<Sight>) {
    for sight in sights.iter_mut().rev().take(4) {
        if let Sight::Plain { link: of, lane: in_lane, last, .. } = sight
            && of == link
            && *in_lane == lane
            && *last + 1 == leg
        {
            *last = leg;
            return;
        }
    }
    sights.push(Sight::Plain { link: link.clone(), lane, first: leg, last: leg, taken_ms });
}
