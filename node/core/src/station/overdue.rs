//! Steps that are not taken in time: cards are drawn, and what nobody handles goes up a tier.
//!
//! A yellow card is drawn when a deadline has passed, a red one when it has passed by as much
//! again; both are messages to this station and the one above. What is sent up is a new message,
//! with the old one among its references.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use yizhan_schemas::payload::incident::Severity;
use yizhan_schemas::payload::incident::card::{self, Card, Colour};
use yizhan_schemas::payload::incident::update::Step as Taken;
use yizhan_schemas::payload::stats::Measure;
use yizhan_schemas::{Envelope, Header, Kind, Lane, MessageId, Selector};
use yizhan_topology::Deadlines;

use super::Station;
use crate::lifecycle;
use crate::matter::{Change, Matter, Moment, Stage, To};
use crate::record::Put;
use crate::step::Step;
use crate::time::Now;

/// What there was no room for is tried again after this long, microseconds.
const TRY_AGAIN_US: u64 = 1_000_000;
/// What a station reports of itself about incidents.
const REPORT: &str = "incident.report";

/// When to look at which matter, microseconds since boot.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(u64, MessageId)>,
    at_us: BTreeMap<MessageId, u64>,
}

impl Timers {
    fn set(&mut self, id: &MessageId, at_us: Option<u64>) {
        if let Some(before) = self.at_us.remove(id) {
            self.due.remove(&(before, id.clone()));
        }
        if let Some(at_us) = at_us {
            self.at_us.insert(id.clone(), at_us);
            self.due.insert((at_us, id.clone()));
        }
    }

    pub(super) fn due_us(&self) -> Option<u64> {
        self.due.first().map(|(at_us, _)| *at_us)
    }
}

/// What falls due next for a matter.
enum Due<'a> {
    /// It goes up.
    Rise,
    /// A card is drawn.
    Card { card: Colour, step: Taken, within: &'a Duration },
}

/// A message that a station makes itself.
pub(super) struct Outgoing {
    pub(super) kind: &'static str,
    pub(super) to: Selector,
    pub(super) lane: Lane,
    pub(super) content_type: Option<String>,
    pub(super) payload: Bytes,
    pub(super) references: Vec<MessageId>,
}

impl Station {
    /// Sets the clock of every matter, after an opening or a change of policy.
    pub(super) fn watch_matters(&mut self, now: Now) {
        self.timers = Timers::default();
        let ids: Vec<MessageId> = self.kept.matters.live().map(|(id, _)| id.clone()).collect();
        ids.iter().for_each(|id| self.watch_matter(now, id));
    }

    /// Sets the clock of one matter.
    pub(super) fn watch_matter(&mut self, now: Now, id: &MessageId) {
        let next = self.kept.matters.get(id).and_then(|matter| self.next_due(now, matter));
        let at_us =
            next.map(|(left_ms, _)| now.boot_us.saturating_add(left_ms.saturating_mul(1000)));
        self.timers.set(id, at_us);
    }

    /// How long until something falls due, milliseconds, and what.
    fn next_due(&self, now: Now, matter: &Matter) -> Option<(u64, Due<'_>)> {
        let rule = self.deadlines(matter.severity?)?;
        let left = |since: &Moment, within: Duration| {
            let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            within_ms.saturating_sub(since.ago_ms(now, &self.clock))
        };
        let rise = rule.escalate_after.filter(|_| self.may_escalate(matter));
        let rise = rise.map(|after| (left(&matter.taken, after), Due::Rise));
        let card = lifecycle::awaited(matter.stage).and_then(|step| {
            let within = rule.steps.get(&step)?;
            let (card, times) = match matter.card {
                None => (Colour::Yellow, 1),
                Some(Colour::Yellow) => (Colour::Red, 2),
                Some(Colour::Red) => return None,
            };
            let left_ms = left(&matter.since, within.saturating_mul(times));
            Some((left_ms, Due::Card { card, step, within }))
        });
        rise.into_iter().chain(card).min_by_key(|(left_ms, _)| *left_ms)
    }

    fn deadlines(&self, severity: Severity) -> Option<&Deadlines> {
        self.topology.deadlines(&Kind::parse(REPORT).ok()?, severity.word())
    }

    fn may_escalate(&self, matter: &Matter) -> bool {
        lifecycle::is_unhandled(matter.stage)
            && matter.body.is_some()
            && self.topology.parent(&self.here).is_some()
    }

    /// Does what has fallen due.
    pub(super) fn supervise(&mut self, now: Now, step: &mut Step) {
        while self.timers.due_us().is_some_and(|at_us| at_us <= now.boot_us) {
            let Some((_, id)) = self.timers.due.first().cloned() else { return };
            self.timers.set(&id, None);
            let Some(matter) = self.kept.matters.get(&id).cloned() else { continue };
            match self.next_due(now, &matter) {
                Some((0, Due::Rise)) => self.escalate(now, &id, &matter, step),
                Some((0, Due::Card { card, step: missing, within })) => {
                    let within_s = within.as_secs();
                    self.draw(now, &id, &matter, card, missing, within_s, step);
                }
                _ => {}
            }
            if self.timers.at_us.contains_key(&id) {
                continue;
            }
            self.watch_matter(now, &id);
        }
    }

    fn escalate(&mut self, now: Now, id: &MessageId, matter: &Matter, step: &mut Step) {
        let (Some(body), Some(parent)) = (&matter.body, self.topology.parent(&self.here)) else {
            return;
        };
        let Ok(kind) = Kind::parse(REPORT) else { return };
        let severity = matter.severity.map(Severity::word);
        let decided = self.topology.decide(&kind, severity, &self.here).precedence;
        let outgoing = Outgoing {
            kind: REPORT,
            to: Selector::of([parent.clone()]),
            lane: decided.unwrap_or(id.lane),
            content_type: body.content_type.clone(),
            payload: body.payload.clone(),
            references: vec![id.clone()],
        };
        let Some(above) = self.issue(now, outgoing, step) else {
            self.timers.set(id, Some(now.boot_us + TRY_AGAIN_US));
            return;
        };
        let change = Change::Stepped {
            id: id.clone(),
            to: To::Stage(Stage::Risen),
            measure: Some(Measure::Raised),
            above: Some(above),
            at: Moment::of(now, self.boot),
        };
        self.change(now, change, step);
    }

    #[expect(clippy::too_many_arguments, reason = "a card, and where it goes")]
    fn draw(
        &mut self,
        now: Now,
        id: &MessageId,
        matter: &Matter,
        card: Colour,
        missing: Taken,
        within_s: u64,
        step: &mut Step,
    ) {
        let drawn = Card {
            subject: id.to_string(),
            station: self.here.to_string(),
            card,
            step: missing,
            within_s,
            category: matter.category.clone(),
            more: Default::default(),
        };
        let whom = [Some(&self.here), self.topology.parent(&self.here)];
        let outgoing = Outgoing {
            kind: card::KIND,
            to: Selector::of(whom.into_iter().flatten().cloned()),
            lane: Lane::Priority,
            content_type: None,
            payload: drawn.to_json(),
            references: vec![id.clone()],
        };
        if self.issue(now, outgoing, step).is_none() {
            self.timers.set(id, Some(now.boot_us + TRY_AGAIN_US));
            return;
        }
        let at = Moment::of(now, self.boot);
        self.change(now, Change::Carded { id: id.clone(), card, at }, step);
    }

    /// Makes a message of this station's own; `None` if there is no room for it.
    pub(super) fn issue(
        &mut self,
        now: Now,
        outgoing: Outgoing,
        step: &mut Step,
    ) -> Option<MessageId> {
        let lane = outgoing.lane;
        let id = MessageId {
            origin: self.here.clone(),
            epoch: self.epoch,
            lane,
            sequence: self.kept.issued.get(lane).saturating_add(1),
        };
        let kind = Kind::parse(outgoing.kind).ok()?;
        let header = Header {
            content_type: outgoing.content_type,
            references: outgoing.references,
            ..Header::plain(id.clone(), kind, outgoing.to, now.wall_ms)
        };
        let envelope = Envelope::make(header, &outgoing.payload).ok()?;
        let legs = self.legs(&envelope, None);
        let bytes = envelope.bytes().len();
        if legs.is_empty() || !self.has_room(lane, bytes, &legs, false) {
            return None;
        }
        self.owes(bytes, &legs);
        self.moved(now, lane, &legs);
        let targets = self.topology.resolve(envelope.header().handled_by()).into_iter().collect();
        let put = Put { targets, ..Put::of_our_own(envelope, now, self.boot, legs) };
        self.take(now, put, step);
        Some(id)
    }
}
