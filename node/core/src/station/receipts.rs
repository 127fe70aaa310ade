//! What becomes of messages is told to their origins, hop by hop.
//!
//! Notes gather while a step does, are written once a step, and wait in [`crate::owing`] for their
//! next hop. There is at most one fold on its way to a neighbour in each lane, so the notes of a
//! busy or slow link merge by themselves. A fold is a message like any other, one hop long; it
//! enters no inbox and causes no receipt.

use std::collections::BTreeMap;

use yizhan_schemas::payload::receipt::{self, Event, Fold, Note};
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Answer, Code, Envelope, Header, Kind, Lane, MessageId, Outcome, Selector};

use super::Station;
use super::receive::Heading;
use crate::effect::{Effect, Notice, Verdict};
use crate::input::Ticket;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::ranges::Ranges;
use crate::record::{FoldTaken, Put, Record, Routed};
use crate::step::Step;
use crate::time::Now;

/// Least time between two folds in one lane of one link, flash aside: what comes meanwhile goes
/// into the same fold. Microseconds.
const FOLD_EVERY_US: u64 = 100_000;
/// A small fold in its frame, and the ack of it, on the wire, bytes.
const FOLD_BYTES: u64 = 500;
/// The frame version that brought folds.
const FOLDS_SINCE: u8 = 2;

/// What a step has learnt, not written yet: (origin's epoch and lane, station, event) → sequences.
#[derive(Debug, Default)]
pub(super) struct News(BTreeMap<(Code, yizhan_schemas::Epoch, Lane, Code, Event), Ranges>);

impl News {
    fn add(&mut self, id: &MessageId, station: Code, event: Event) {
        let key = (id.origin.clone(), id.epoch, id.lane, station, event);
        self.0.entry(key).or_default().insert(id.sequence, id.sequence);
    }
}

impl Station {
    /// Something became of a message at this station.
    pub(super) fn became(&mut self, id: &MessageId, event: Event) {
        self.news.add(id, self.here.clone(), event);
    }

    /// A message ended for these stations.
    pub(super) fn ended_at(
        &mut self,
        id: &MessageId,
        stations: impl IntoIterator<Item = Code>,
        outcome: Outcome,
        detail: Option<&str>,
    ) {
        for station in stations {
            let detail = detail.map(receipt::cut);
            self.news.add(id, station, Event::Ended { outcome, detail });
        }
    }

    /// Writes what the step has learnt.
    pub(super) fn write_news(&mut self, now: Now, step: &mut Step) {
        let news = std::mem::take(&mut self.news);
        for ((origin, epoch, lane, station, event), ranges) in news.0 {
            let note = Note {
                origin,
                epoch,
                lane,
                ranges: ranges.runs().collect(),
                stations: vec![station],
                event,
                at_s: now.wall_ms / 1000,
            };
            if let Some(routed) = self.route_note(note, step) {
                let before = self.kept.outcomes.ended;
                self.write(step, Record::Noted(routed));
                self.say_resolved(before, step);
            }
        }
    }

    /// Where a note goes from here; `None` (and a word about it) if nobody knows its origin.
    fn route_note(&self, note: Note, step: &mut Step) -> Option<Routed> {
        let origin = self.topology.current(&note.origin).unwrap_or(&note.origin);
        if *origin == self.here {
            return Some(Routed { toward: None, note });
        }
        let link = match self.child_toward(origin) {
            Some(child) => Some(Link::Down(child)),
            None => Some(Link::Up).filter(|_| !origin.is_within(&self.here)),
        };
        match link.filter(|link| self.neighbours.contains_key(link)) {
            Some(link) => Some(Routed { toward: Some(link), note }),
            None => {
                self.notice(step, Notice::Astray { origin: note.origin });
                None
            }
        }
    }

    fn child_toward(&self, code: &Code) -> Option<Code> {
        let children = self.topology.children(&self.here).iter();
        children.into_iter().find(|child| code.is_within(child)).cloned()
    }

    /// Puts the next fold for each neighbour, where one is due.
    pub(super) fn fold_all_notes(&mut self, now: Now, step: &mut Step) {
        for link in self.kept.owing.keys().cloned().collect::<Vec<_>>() {
            self.fold_notes(now, &link, step);
        }
    }

    fn fold_notes(&mut self, now: Now, link: &Link, step: &mut Step) {
        for lane in Lane::ALL {
            if self.fold_due_us(link, lane).is_some_and(|at| at <= now.boot_us) {
                let fold = self.kept.owing.get(link).and_then(|owing| owing.fold(lane));
                if let Some(fold) = fold {
                    self.put_fold(now, link, lane, &fold, step);
                }
            }
        }
    }

    /// When the next fold may go; `None` while there is nothing to tell, nobody to tell it to, or
    /// one on its way.
    pub(super) fn fold_due_us(&self, link: &Link, lane: Lane) -> Option<u64> {
        let owing = self.kept.owing.get(link).filter(|owing| !owing.is_settled(lane))?;
        let neighbour = self.neighbours.get(link)?;
        let session = neighbour.session.as_ref()?;
        let acked = self.kept.outbound(link, lane).map_or(0, |owed| owed.acked);
        let (leg, at_us) = *neighbour.folds.get(lane);
        debug_assert!(!owing.is_empty());
        if session.version < FOLDS_SINCE || leg > acked {
            return None;
        }
        let every_us = FOLD_EVERY_US.max(neighbour.chat_us(FOLD_BYTES));
        Some(if lane == Lane::Flash { 0 } else { at_us.saturating_add(every_us) })
    }

    fn put_fold(&mut self, now: Now, link: &Link, lane: Lane, fold: &Fold, step: &mut Step) {
        let Ok(payload) = fold.encode() else {
            debug_assert!(false, "a fold is filled to half its limit");
            return;
        };
        let leg = self.put_to_neighbour(now, link, lane, receipt::KIND, &payload, step);
        if let (Some(leg), Some(neighbour)) = (leg, self.neighbours.get_mut(link)) {
            *neighbour.folds.get_mut(lane) = (leg, now.boot_us);
        }
    }

    /// Writes down a message to a neighbour itself, which goes no further; its leg.
    pub(super) fn put_to_neighbour(
        &mut self,
        now: Now,
        link: &Link,
        lane: Lane,
        kind: &str,
        payload: &[u8],
        step: &mut Step,
    ) -> Option<u64> {
        let to = match link {
            Link::Up => self.topology.parent(&self.here).cloned(),
            Link::Down(child) => Some(child.clone()),
            Link::Inbox | Link::Adapter => None,
        };
        let (Some(to), Ok(kind)) = (to, Kind::parse(kind)) else { return None };
        let header = Header {
            content_type: Some("application/msgpack".to_owned()),
            ..Header::plain(
                MessageId {
                    origin: self.here.clone(),
                    epoch: self.notes_epoch,
                    lane,
                    sequence: self.kept.folds_issued.get(lane).saturating_add(1),
                },
                kind,
                Selector::of([to]),
                now.wall_ms,
            )
        };
        let envelope = Envelope::make(header, payload).ok()?;
        let legs = vec![self.leg(link.clone(), &envelope)];
        self.moved(now, lane, &legs);
        let leg = legs.first().map_or(0, |leg| leg.sequence);
        self.write(step, Record::Put(Put::of_our_own(envelope, now, self.boot, legs)));
        Some(leg)
    }

    /// A neighbour's fold came: its notes are taken in, each for its own way.
    pub(super) fn take_fold(
        &mut self,
        now: Now,
        from: &Heading,
        sequence: u64,
        envelope: &Envelope,
        step: &mut Step,
    ) -> Result<(), String> {
        let id = envelope.header().id();
        let fold = Fold::decode(envelope.payload()).map_err(|fault| format!("{id}: {fault}"))?;
        let mut notes = Vec::new();
        for note in fold.notes {
            if let Some(station) = note.stations.iter().find(|at| !self.may_tell(from, at)) {
                // the rest of the fold is as good as any
                let why = format!("{id} tells of {station}, for which its sender cannot speak");
                self.notice(step, Notice::Quarantined { link: from.link.clone(), why });
                continue;
            }
            notes.extend(self.route_note(note, step));
        }
        // what came from there is not told back there
        notes.retain(|routed| routed.toward.as_ref() != Some(&from.link));
        let answers = answers_to_us(&notes, self.topology.parent(&self.here));
        let before = self.kept.outcomes.ended;
        let taken = FoldTaken { link: from.link.clone(), sequence, id, notes };
        self.write(step, Record::FoldTaken(taken));
        self.say_resolved(before, step);
        for (id, answer, remark) in answers {
            self.heard_from_above(now, &id, answer, remark.as_deref(), step);
        }
        Ok(())
    }

    /// A child speaks for its subtree, the parent for everything outside ours.
    fn may_tell(&self, from: &Heading, station: &Code) -> bool {
        match &from.link {
            Link::Down(child) => station.is_within(child),
            _ => !station.is_within(&self.here),
        }
    }

    fn say_resolved(&self, before: [u64; Outcome::ALL.len()], step: &mut Step) {
        for (outcome, before) in Outcome::ALL.into_iter().zip(before) {
            let pairs = self.kept.outcomes.ended(outcome) - before;
            if pairs > 0 {
                self.notice(step, Notice::Resolved { outcome, pairs });
            }
        }
    }

    /// An application answers a message that was delivered here.
    pub(super) fn on_answered(
        &mut self,
        ticket: Ticket,
        id: &MessageId,
        answer: Answer,
        remark: Option<String>,
        step: &mut Step,
    ) {
        let verdict = if self.kept.seen.contains(id) {
            let remark = remark.as_deref().map(receipt::cut);
            if !mutant::is(Mutant::AnswerDropped) {
                self.became(id, Event::Answered { answer, remark });
            }
            Verdict::Noted
        } else {
            let why =
                format!("{id} was never here; valid are ids of messages delivered here (Yz-Id)");
            Verdict::Refused(Refusal::new(ErrorCode::NotFound, why))
        };
        step.after(Effect::Reply { ticket, verdict });
    }
}

/// What was answered to messages of our own, one by one. What the tier above did not take is never
/// decided there: that is its answer.
fn answers_to_us(
    notes: &[Routed],
    above: Option<&Code>,
) -> Vec<(MessageId, Answer, Option<String>)> {
    let ours = notes.iter().filter(|routed| routed.toward.is_none());
    let answered = ours.filter_map(|Routed { note, .. }| match &note.event {
        Event::Answered { answer, remark } => Some((note, *answer, remark)),
        Event::Ended { outcome: Outcome::Rejected | Outcome::Superseded, detail }
            if note.stations.iter().any(|at| Some(at) == above) =>
        {
            Some((note, Answer::Failed, detail))
        }
        _ => None,
    });
    let each = answered.flat_map(|(note, answer, remark)| {
        note.ids(usize::MAX).map(move |id| (id, answer, remark.clone()))
    });
    each.collect()
}
