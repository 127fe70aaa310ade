//! Spans go up to who collects them, and stay out of everybody's way: a station sends some only
//! while its parent says that they get somewhere, one batch at a time, behind what is queued in the
//! routine lane, and no more than a share of what the link carries. Whoever has them meanwhile
//! drops what becomes too much.

use bytes::Bytes;
use yizhan_schemas::payload::spans::{self, BATCH_BYTES_MAX};
use yizhan_schemas::{Envelope, Lane};

use super::Station;
use super::receive::Heading;
use crate::effect::Effect;
use crate::link::Link;
use crate::record::{FoldTaken, Record};
use crate::step::Step;
use crate::time::Now;

/// The lane of spans: nobody waits for them.
const LANE: Lane = Lane::Routine;
/// The least time from one batch to the next, microseconds.
const PAUSE_US: u64 = 200_000;

/// The last batch that went up.
#[derive(Debug, Default)]
pub(super) struct Spans {
    /// True if the parent said last that they get somewhere.
    collected: bool,
    /// True if there are some, as far as the driver said.
    waiting: bool,
    /// True while the driver is asked for some.
    asked: bool,
    /// The leg of the last batch.
    leg: u64,
    /// When the next one may go, microseconds since boot.
    due_us: u64,
}

impl Station {
    /// True if spans that come here get to somebody who collects them.
    pub(super) fn collects(&self) -> bool {
        let parent = self.neighbours.get(&Link::Up).and_then(|up| up.session.as_ref());
        self.settings.collects || parent.is_some_and(|session| session.collects)
    }

    /// The parent says whether spans get anywhere through it.
    pub(super) fn on_collects(&mut self, link: &Link, collects: bool, step: &mut Step) {
        let session = self.neighbours.get_mut(link).and_then(|n| n.session.as_mut());
        let Some(session) = session.filter(|_| *link == Link::Up) else { return };
        session.collects = collects;
        // what was so stays so while the link is down: spans wait for it
        if std::mem::replace(&mut self.spans.collected, collects) != collects {
            step.after(Effect::Collects(collects || self.settings.collects));
        }
    }

    /// There are spans that are to go up.
    pub(super) fn on_spans_waiting(&mut self) {
        self.spans.waiting = true;
    }

    /// When some may be asked for; `None` while there is nobody for them, or some on their way.
    pub(super) fn spans_due_us(&self) -> Option<u64> {
        if !self.spans.waiting || self.spans.asked {
            return None;
        }
        self.neighbours.get(&Link::Up)?.session.as_ref().filter(|session| session.collects)?;
        let acked = self.kept.outbound(&Link::Up, LANE).map_or(0, |owed| owed.acked);
        (self.spans.leg <= acked).then_some(self.spans.due_us)
    }

    /// Asks for a batch, if one may go.
    pub(super) fn ask_for_spans(&mut self, now: Now, step: &mut Step) {
        if self.spans_due_us().is_none_or(|at_us| at_us > now.boot_us) {
            return;
        }
        let Some(neighbour) = self.neighbours.get(&Link::Up) else { return };
        let most = neighbour.pace.frame_bytes().min(BATCH_BYTES_MAX as u64);
        self.spans.asked = true;
        step.after(Effect::AskSpans {
            bytes_max: usize::try_from(most).unwrap_or(BATCH_BYTES_MAX),
        });
    }

    /// The batch that was asked for; an empty one says that there is none.
    pub(super) fn on_spans(&mut self, now: Now, batch: &Bytes, step: &mut Step) {
        self.spans.asked = false;
        self.spans.waiting = !batch.is_empty();
        if batch.is_empty() {
            return;
        }
        let Some(leg) = self.put_to_neighbour(now, &Link::Up, LANE, spans::KIND, batch, step)
        else {
            return;
        };
        let line_us = self.neighbours.get(&Link::Up).map_or(0, |up| {
            let share = self.settings.spans_percent.max(1);
            up.pace.takes_us(batch.len() as u64).saturating_mul(100) / share
        });
        self.spans.leg = leg;
        self.spans.due_us = now.boot_us.saturating_add(line_us.max(PAUSE_US));
    }

    /// A child's spans came.
    pub(super) fn take_spans(
        &mut self,
        from: &Heading,
        sequence: u64,
        envelope: &Envelope,
        step: &mut Step,
    ) -> Result<(), String> {
        let id = envelope.header().id();
        let Link::Down(child) = &from.link else {
            return Err(format!("{id} comes from above; spans go up"));
        };
        let spans = Effect::Collect { child: child.clone(), batch: envelope.payload().clone() };
        // taken like a fold that says nothing: what has to last is that it was here
        let taken = FoldTaken { link: from.link.clone(), sequence, id, notes: Vec::new() };
        self.write(step, Record::FoldTaken(taken));
        step.after(spans);
        Ok(())
    }
}
