//! Inbox legs go into the stream `YZ_INBOX`, each at its sequence; what is surely synced there is
//! released here.

use yizhan_schemas::frame::SkipReason;
use yizhan_schemas::{Lane, Outcome};

use super::Station;
use super::perish::Perishing;
use crate::effect::{Deliver, Effect, Notice};
use crate::input::InInbox;
use crate::link::Link;
use crate::neighbour::Samples;
use crate::outbound::Outbound;
use crate::record::{Cursor, InboxBound, Record};
use crate::step::Step;
use crate::time::Now;

/// Legs asked for and not yet answered by the stream.
const UNANSWERED_MAX: u64 = 2048;

/// What the stream says of itself when it is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    pub(super) opening: u64,
    pub(super) created_ns: i64,
    pub(super) present_sequence: u64,
    pub(super) last_sequence: u64,
}

/// The live side of the inbox.
#[derive(Debug, Default)]
pub(super) struct InboxLive {
    /// Last leg asked for, and last one that the stream answered for, while it is open.
    place: Option<(u64, u64)>,
    opening: u64,
    pub(super) samples: Samples,
}

impl InboxLive {
    pub(super) fn closed(&mut self) {
        self.place = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.place.is_some()
    }

    /// Last leg asked for: those behind it may still end.
    pub(super) fn offered(&self) -> Option<u64> {
        self.place.map(|(offered, _)| offered)
    }
}

impl Station {
    pub(super) fn on_inbox_opened(&mut self, stream: Stream, step: &mut Step) {
        let fresh = Default::default();
        let owed = self.kept.outbound(&Link::Inbox, Lane::Routine).unwrap_or(&fresh);
        let acked = owed.acked;
        let (delivered, moved) = self.delivered(owed, stream);
        if moved {
            self.bind(stream, delivered, step);
        }
        if delivered < acked {
            self.notice(step, Notice::InboxLost { from: delivered + 1 });
            let at = Cursor { link: Link::Inbox, lane: Lane::Routine, through: delivered };
            self.write(step, Record::Rewound(at));
            self.touched.insert(Link::Inbox);
        }
        // legs that were spared because they were on their way are not, now
        self.perishing = Perishing::of(&self.kept, &self.clock, self.opened_ms);
        self.inbox.opening = stream.opening;
        self.inbox.place = Some((delivered, delivered));
        if delivered > acked {
            // nobody is waiting for their acknowledgements any more
            let (opening, from) = (stream.opening, acked + 1);
            step.after(Effect::Recall { opening, from, through: delivered });
        }
    }

    /// The last leg that is in the stream, and whether the next one gets another sequence than
    /// the one it had.
    fn delivered(&self, owed: &Outbound, stream: Stream) -> (u64, bool) {
        let known = self.kept.inbox.created_ns();
        if known.is_none() {
            return (owed.acked, true);
        }
        if known != Some(stream.created_ns) {
            // another stream in place of the old one: all that is held goes in
            return (owed.gone.held_from() - 1, true);
        }
        let delivered = self.kept.inbox.delivered(stream.present_sequence).unwrap_or(owed.acked);
        if delivered >= owed.next {
            // the stream knows more than we do: our store is an old copy
            return (owed.next - 1, true);
        }
        let lost_some = delivered < owed.acked || stream.present_sequence < stream.last_sequence;
        (delivered, lost_some)
    }

    /// Says that the stream's next sequence belongs to the leg behind `through`.
    fn bind(&mut self, stream: Stream, through: u64, step: &mut Step) {
        let offset = i64::try_from(i128::from(stream.last_sequence) - i128::from(through));
        let piece = InboxBound {
            created_ns: stream.created_ns,
            from_leg: through + 1,
            offset: offset.unwrap_or(i64::MAX),
        };
        self.write(step, Record::InboxBound(piece));
    }

    /// Asks for the next deliveries, as far as the stream keeps up.
    pub(super) fn pump_inbox(&mut self, step: &mut Step) {
        while let Some((offered, answered)) = self.inbox.place {
            let Some(owed) = self.kept.outbound(&Link::Inbox, Lane::Routine) else { return };
            let from = offered + 1;
            if from >= owed.next || offered - answered >= UNANSWERED_MAX {
                return;
            }
            let last = (owed.next - 1).min(answered + UNANSWERED_MAX);
            // one whose age nobody can tell yet is held back, and what is behind it with it
            let (inbox, lane) = (&Link::Inbox, Lane::Routine);
            let last = match self.perishing.doubtful_in(inbox, lane, from, last) {
                Some(doubtful) if doubtful == from => return,
                Some(doubtful) => doubtful - 1,
                None => last,
            };
            if let Some(run) = owed.ended_runs(from, last).first().copied() {
                if run.from == from {
                    self.inbox.place = Some((run.through, answered.max(run.through.min(answered))));
                    continue;
                }
                self.deliver(from, run.from - 1, answered, step);
                continue;
            }
            self.deliver(from, last, answered, step);
        }
    }

    fn deliver(&mut self, from: u64, through: u64, answered: u64, step: &mut Step) {
        let Some((offset, limit)) = self.kept.inbox.offset_of(from) else {
            self.inbox.place = None;
            return;
        };
        let through = through.min(limit.unwrap_or(u64::MAX));
        let (opening, clock) = (self.inbox.opening, std::sync::Arc::clone(&self.clock));
        step.after(Effect::Deliver(Deliver { opening, from, through, offset, clock }));
        self.inbox.place = Some((through, answered));
    }

    /// Sent and expired in the same moment: the core's own watch spares what it has asked for.
    pub(super) fn on_stale(&mut self, leg: u64, step: &mut Step) {
        let owed = self.kept.outbound(&Link::Inbox, Lane::Routine);
        let open = owed.is_some_and(|owed| {
            leg > owed.acked && leg < owed.next && owed.ended_runs(leg, leg).is_empty()
        });
        if open {
            // those behind it move up: what was asked for under the old numbers is void
            self.inbox.closed();
            let place = (Link::Inbox, Lane::Routine, leg);
            if let Some(id) = self.kept.perishable.get(&place).map(|leg| leg.id.clone()) {
                self.ended_at(&id, [self.here.clone()], Outcome::Expired, None);
            }
            self.end_legs(&Link::Inbox, Lane::Routine, leg, leg, SkipReason::Expired, step);
        }
    }

    pub(super) fn on_delivered(&mut self, through: u64) {
        if let Some((offered, answered)) = self.inbox.place {
            self.inbox.place = Some((offered, answered.max(through.min(offered))));
        }
    }

    pub(super) fn on_released(&mut self, now: Now, through: u64, ids: &[InInbox], step: &mut Step) {
        let answered = self.inbox.place.map_or(0, |(_, answered)| answered);
        let acked = self.kept.outbound(&Link::Inbox, Lane::Routine).map_or(0, |owed| owed.acked);
        let through = through.min(answered);
        if through <= acked {
            return;
        }
        let owed = self.kept.outbound(&Link::Inbox, Lane::Routine);
        // some of a recalled run may have ended otherwise
        let open = |it: &&InInbox| {
            it.leg <= through && owed.is_some_and(|owed| owed.open_between(it.leg, it.leg) == 1)
        };
        let delivered: Vec<&InInbox> = ids.iter().filter(open).collect();
        let at = Cursor { link: Link::Inbox, lane: Lane::Routine, through };
        self.write(step, Record::HandedOver(at));
        self.touched.insert(Link::Inbox);
        for InInbox { id, remark, .. } in delivered {
            self.ended_at(id, [self.here.clone()], Outcome::Delivered, remark.as_deref());
        }
        for (legs, taken_us) in self.inbox.samples.arrived(through) {
            let held_us = now.boot_us.saturating_sub(taken_us);
            let (link, lane) = (Link::Inbox, Lane::Routine);
            self.notice(step, Notice::HandedOver { link, lane, legs, held_us });
        }
    }
}
