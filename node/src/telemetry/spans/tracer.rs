//! The tracer: a thread that makes spans of what commits show.
//!
//! Always followed, besides those that are sampled: flash, what ended at a station otherwise than
//! delivered, and what was held for longer than [`LONG_MS`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::Cursor;
use yizhan_schemas::payload::receipt::Note;
use yizhan_schemas::payload::spans::{Operation, REASONS_MAX, Span};
use yizhan_schemas::query::Wait;
use yizhan_schemas::{Code, Envelope, Lane, MessageId, Outcome};

use super::context::Context;
use super::glimpse::{Glimpse, Sight, SpanFeed, Taken};
use super::owed::Owed;
use super::shelf::{Owned, Shelf, dropped};
use crate::queue::{self, Receiver};
use crate::{clock, priority};

/// Commits that may wait for the tracer.
const COMMITS_MAX: usize = 1_024;
/// From the first of them until they are looked at: even a disk that takes ten thousand a second
/// makes no more.
const LULL: Duration = Duration::from_millis(50);
/// What was held for longer is followed always; and no span is longer, milliseconds.
const LONG_MS: u64 = 60_000;
/// Legs that are read from the log for one cursor.
const READ_MAX: u64 = 256;
/// Messages of one note of which there are spans.
const NOTE_MAX: u64 = 64;

/// What messages waited for between two times that then went to a link.
pub(crate) type Waits = Box<dyn Fn(&Link, u64, u64) -> Vec<Wait> + Send>;

/// What a tracer is made of.
pub struct TracerPlan {
    /// The station.
    pub here: Code,
    /// Its parent.
    pub parent: Option<Code>,
    /// Share of traces that are followed, from 0 to 1.
    pub sample: f64,
    /// The last leg of each lane that was handed over before this opening.
    pub acked: Vec<((Link, Lane), u64)>,
    /// Where legs are read.
    pub legs: Arc<dyn LegSource>,
    /// What messages waited for.
    pub waits: Waits,
    /// Where spans go.
    pub shelf: Shelf,
}

/// Starts the thread.
///
/// # Errors
/// The system gives none.
pub fn start(plan: TracerPlan) -> std::io::Result<SpanFeed> {
    let (queue, glimpses) = queue::bounded(COMMITS_MAX);
    let feed =
        SpanFeed { queue, shelf: plan.shelf.clone(), sample: plan.sample, here: plan.here.clone() };
    let mut tracer = Tracer {
        owed: Owed::of(plan.acked),
        version: env!("CARGO_PKG_VERSION").into(),
        here: plan.here,
        parent: plan.parent,
        sample: plan.sample,
        legs: plan.legs,
        waits: plan.waits,
        shelf: plan.shelf,
    };
    thread::Builder::new().name("yizhan-spans".into()).spawn(move || tracer.run(&glimpses))?;
    Ok(feed)
}

pub(super) struct Tracer {
    pub(super) owed: Owed,
    pub(super) version: Arc<str>,
    pub(super) here: Code,
    pub(super) parent: Option<Code>,
    pub(super) sample: f64,
    pub(super) legs: Arc<dyn LegSource>,
    pub(super) waits: Waits,
    pub(super) shelf: Shelf,
}

impl Tracer {
    fn run(&mut self, glimpses: &Receiver<Glimpse>) {
        priority::behind();
        while let Some(first) = glimpses.recv() {
            // woken for each commit it would take a busy machine's processor from those that commit
            thread::sleep(LULL);
            let all = std::iter::once(first).chain(glimpses.try_iter().take(COMMITS_MAX));
            let spans: Vec<Span> = all.flat_map(|glimpse| self.spans(glimpse)).collect();
            if !spans.is_empty() {
                let owned = |span| Owned {
                    station: self.here.clone(),
                    version: Arc::clone(&self.version),
                    span,
                };
                self.shelf.put(spans.into_iter().map(owned));
            }
        }
    }

    pub(super) fn spans(&mut self, glimpse: Glimpse) -> Vec<Span> {
        let mut spans = Vec::new();
        let Glimpse { at_ms, batch, sights } = glimpse;
        for sight in sights {
            match sight {
                Sight::Taken(taken) => self.taken(&taken, at_ms, batch, &mut spans),
                Sight::Plain { link, lane, first, last, taken_ms } => {
                    self.owed.plain(&link, link.numbered_lane(lane), (first, last), taken_ms);
                }
                Sight::HandedOver(cursor) => self.handed_over(&cursor, at_ms, &mut spans),
                Sight::Ended(run) => {
                    self.owed.ended(&run.link, run.lane, run.from, run.through);
                }
                Sight::Failed { note, outcome } => failed(&note, outcome, &mut spans),
            }
        }
        spans
    }

    fn taken(&mut self, taken: &Arc<Taken>, at_ms: u64, batch: u64, spans: &mut Vec<Span>) {
        for (link, leg) in &taken.legs {
            self.owed.taken(link, link.numbered_lane(taken.id.lane), *leg, taken);
        }
        let (op, peer) = match &taken.via {
            None => (Operation::Ingest, None),
            Some(link) => (Operation::Receive, self.other_end(link)),
        };
        let took_ms = at_ms.saturating_sub(taken.taken_ms);
        let span = Span { peer, took_ms, ..plain(op, taken, taken.taken_ms) };
        let commit = Span { op: Operation::Commit, batch, ..span.clone() };
        spans.extend([span, commit]);
    }

    fn handed_over(&mut self, cursor: &Cursor, at_ms: u64, spans: &mut Vec<Span>) {
        let Cursor { link, lane, through } = cursor;
        let late_ms = at_ms.saturating_sub(LONG_MS);
        let over = self.owed.handed_over(link, *lane, *through, late_ms);
        for taken in over.sampled {
            let held_ms = at_ms.saturating_sub(taken.taken_ms);
            spans.push(self.gone(link, &taken, held_ms, at_ms));
        }
        for (first, last) in over.others {
            self.others(link, *lane, (first, last), at_ms, spans);
        }
    }

    /// Spans of legs that are read from the log: those that were here for long, and those of before
    /// this opening that are sampled.
    fn others(
        &self,
        link: &Link,
        lane: Lane,
        (first, last): (u64, u64),
        at_ms: u64,
        spans: &mut Vec<Span>,
    ) {
        let through = last.min(first.saturating_add(READ_MAX - 1));
        dropped(usize::try_from(last - through).unwrap_or(usize::MAX), "many");
        let now_ms = clock::now().boot_us / 1_000;
        let mut seen = BTreeSet::new();
        let read = self.legs.legs(link, lane, first, through, &mut |reading| {
            if let Reading::Leg(leg) = reading
                && let Some((taken, held_ms)) = self.read(&leg, now_ms, at_ms)
                && seen.insert(taken.id.clone())
            {
                spans.push(self.gone(link, &taken, held_ms, at_ms));
            }
            true
        });
        if let Err(fault) = read {
            tracing::debug!(
                event = "spans_untold",
                fault,
                link = link.word(),
                "no spans of what was handed over"
            );
        }
    }

    /// A message out of the log, and how long it was here, if a span is to be made of it.
    fn read(&self, leg: &HeldLeg, now_ms: u64, at_ms: u64) -> Option<(Taken, u64)> {
        let envelope = Envelope::read(leg.envelope.clone()).ok()?;
        let header = envelope.header();
        if header.kind.is_internal() {
            return None;
        }
        let held_ms = now_ms.saturating_sub(leg.taken_boot_ms);
        let id = header.id();
        let is_sampled = || Context::of(&id, header.traceparent.as_deref()).is_sampled(self.sample);
        (held_ms > LONG_MS || header.lane == Lane::Flash || is_sampled()).then(|| {
            let taken = Taken {
                kind: header.kind.clone(),
                traceparent: header.traceparent.clone(),
                via: None,
                taken_ms: at_ms.saturating_sub(held_ms),
                legs: Vec::new(),
                id: id.clone(),
            };
            (taken, held_ms)
        })
    }

    /// The span of a hand-over. It never lasts longer than [`LONG_MS`]: how long the message was
    /// here before, and why, it says.
    fn gone(&self, link: &Link, taken: &Taken, held_ms: u64, at_ms: u64) -> Span {
        let op = match link {
            Link::Inbox | Link::Adapter => Operation::Deliver,
            Link::Up | Link::Down(_) => Operation::Send,
        };
        let mut why = (self.waits)(link, taken.taken_ms, at_ms);
        why.truncate(REASONS_MAX);
        let took_ms = held_ms.min(LONG_MS);
        let from_ms = at_ms.saturating_sub(took_ms);
        Span { peer: self.other_end(link), took_ms, held_ms, why, ..plain(op, taken, from_ms) }
    }

    fn other_end(&self, link: &Link) -> Option<Code> {
        match link {
            Link::Up => self.parent.clone(),
            Link::Down(child) => Some(child.clone()),
            Link::Inbox | Link::Adapter => None,
        }
    }
}

fn plain(op: Operation, taken: &Taken, at_ms: u64) -> Span {
    Span {
        kind: Some(taken.kind.clone()),
        traceparent: taken.traceparent.clone(),
        ..bare(op, taken.id.clone(), at_ms)
    }
}

fn bare(op: Operation, id: MessageId, at_ms: u64) -> Span {
    Span {
        op,
        id,
        at_ms,
        kind: None,
        traceparent: None,
        peer: None,
        took_ms: 0,
        held_ms: 0,
        why: Vec::new(),
        batch: 0,
        error: None,
    }
}

/// Spans of messages that ended at a station otherwise than delivered.
fn failed(note: &Note, outcome: Outcome, spans: &mut Vec<Span>) {
    let sequences = note.ranges.iter().flat_map(|(first, last)| *first..=*last);
    for sequence in sequences.take(usize::try_from(NOTE_MAX).unwrap_or(usize::MAX)) {
        let (origin, epoch, lane) = (note.origin.clone(), note.epoch, note.lane);
        let id = MessageId { origin, epoch, lane, sequence };
        for station in &note.stations {
            spans.push(Span {
                peer: Some(station.clone()),
                error: Some(outcome.word().to_owned()),
                ..bare(Operation::Settle, id.clone(), note.at_s.saturating_mul(1_000))
            });
        }
    }
}
