//! Records come from a neighbour: taken in order, once each, and acked when that is durable.

use std::cmp::Ordering;

use yizhan_schemas::frame::{self, Carried, Chain, LaneAck, SessionTag, Skip};
use yizhan_schemas::payload::receipt::Event;
use yizhan_schemas::payload::{spans, stats};
use yizhan_schemas::{Code, Envelope, Header, Lane, Outcome};

use super::govern::{Act, parked};
use super::{Station, perish, seals};
use crate::effect::Notice;
use crate::inbound::Arrival;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record::{Duplicate, Put, Record, SkipTaken, Via};
use crate::seal::{Checked, Covers};
use crate::step::Step;
use crate::time::Now;
use crate::transit::Took;

/// What a batch says of itself.
pub(super) struct Heading {
    pub(super) link: Link,
    pub(super) session: SessionTag,
    pub(super) lane: Lane,
    pub(super) first: u64,
    pub(super) sent_ms: u64,
}

/// What is known of the seals of a frame, and the place of a record in it.
pub(super) type Cover<'a> = (&'a Covers, usize);

impl Station {
    pub(super) fn on_batch(&mut self, now: Now, from: Heading, body: Checked, step: &mut Step) {
        if !self.heard(now, &from.link, from.session, Some(from.sent_ms), step) {
            return;
        }
        let late_ms = match mutant::is(Mutant::TransitIgnored) {
            true => 0,
            false => self.late_ms(now, &from),
        };
        let mut sequence = from.first;
        let (mut gap, mut full) = (false, false);
        let (records, covers) = body.split();
        for (at, record) in (0..).zip(records) {
            let cover = (&covers, at);
            let span = record.span();
            match self.arrival(&from, sequence, span) {
                Arrival::Early => gap = true,
                Arrival::Again => {}
                Arrival::Next => {
                    if !self.take_record(now, &from, sequence, aged(record, late_ms), cover, step) {
                        // no room: neither it nor what follows was taken, and it will come again
                        self.notice(step, Notice::Full { link: from.link.clone() });
                        full = true;
                        break;
                    }
                }
            }
            sequence = sequence.saturating_add(span);
        }
        let more = u64::from(mutant::is(Mutant::AckBeyondDurable));
        let through = self.expected(&from).saturating_sub(1) + more;
        let ack = LaneAck { lane: from.lane, through, gap, full, beyond: Vec::new() };
        step.ack(&from.link, from.session, ack, Some(from.sent_ms));
    }

    /// Time that a frame spent on its way and in buffers.
    fn late_ms(&mut self, now: Now, from: &Heading) -> u64 {
        let Some(neighbour) = self.neighbours.get_mut(&from.link) else { return 0 };
        let half_ms = neighbour.rtt_us.unwrap_or(0) / 2000;
        let Some(session) = neighbour.session.as_mut() else { return 0 };
        match session.transit.took_ms(now, from.sent_ms) {
            Took::AtMost(ms) => ms,
            Took::LongerThanUsual(ms) => ms.saturating_add(half_ms),
        }
    }

    /// Notes a sign of life, which may be the one that begins a session; false if it is of no
    /// session that stands.
    pub(super) fn heard(
        &mut self,
        now: Now,
        link: &Link,
        session: SessionTag,
        sent_ms: Option<u64>,
        step: &mut Step,
    ) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(link) else { return false };
        if neighbour.session.as_ref().is_some_and(|s| s.tag == session) {
            neighbour.heard_us = Some(now.boot_us);
            self.said_since_welcome(now, link, sent_ms);
            if let Some(sent_ms) = sent_ms {
                self.read_clock_again(now, link, sent_ms, step);
            }
            return true;
        }
        matches!(link, Link::Down(_)) && self.confirm(now, link, session, sent_ms, step)
    }

    fn expected(&self, from: &Heading) -> u64 {
        self.kept.inbound(&from.link, from.lane).map_or(1, |lane| lane.expected)
    }

    /// A run of skipped legs may begin before what is expected and end behind it.
    fn arrival(&self, from: &Heading, sequence: u64, span: u64) -> Arrival {
        let expected = self.expected(from);
        let last = sequence.saturating_add(span.max(1) - 1);
        match (sequence.cmp(&expected), last.cmp(&expected)) {
            (Ordering::Greater, _) => Arrival::Early,
            (_, Ordering::Less) => Arrival::Again,
            _ => Arrival::Next,
        }
    }

    fn take_record(
        &mut self,
        now: Now,
        from: &Heading,
        sequence: u64,
        record: frame::Record,
        cover: Cover<'_>,
        step: &mut Step,
    ) -> bool {
        match record {
            frame::Record::Carried(carried) => {
                self.take_carried(now, from, sequence, carried, cover, step)
            }
            frame::Record::Skip(skip) => {
                self.take_skip(from, sequence, skip, step);
                true
            }
        }
    }

    fn take_skip(&mut self, from: &Heading, sequence: u64, skip: Skip, step: &mut Step) {
        // where it stands in the batch counts, whatever it says of itself
        let through = sequence.saturating_add(frame::Record::Skip(skip).span() - 1);
        let cut = Skip { from: sequence.max(self.expected(from)), through, ..skip };
        if cut.reason.is_loss() {
            let gap = Notice::Gap {
                link: from.link.clone(),
                lane: from.lane,
                from: cut.from,
                through: cut.through,
                reason: cut.reason,
            };
            self.notice(step, gap);
        }
        let taken = SkipTaken { link: from.link.clone(), lane: from.lane, skip: cut };
        self.write(step, Record::SkipTaken(taken));
    }

    fn take_carried(
        &mut self,
        now: Now,
        from: &Heading,
        sequence: u64,
        carried: Carried,
        cover: Cover<'_>,
        step: &mut Step,
    ) -> bool {
        let bytes = carried.envelope.clone();
        let envelope = match Envelope::read(carried.envelope.clone()) {
            Ok(envelope) => envelope,
            Err(fault) => {
                self.put_aside(now, from, sequence, bytes, None, fault.to_string(), step);
                return true;
            }
        };
        let id = envelope.header().id();
        let chain = Some(self.chain_with(from, sequence, &id));
        if let Some(why) = self.misplaced(from, envelope.header()) {
            self.put_aside(now, from, sequence, bytes, chain, why, step);
            return true;
        }
        if self.kept.seen.contains(&id) && !mutant::is(Mutant::SeenForgotten) {
            let chain = self.chain_with(from, sequence, &id);
            let again = Duplicate { link: from.link.clone(), lane: from.lane, sequence, chain };
            self.write(step, Record::Duplicate(again));
            let link = from.link.clone();
            self.notice(step, Notice::DuplicateSuppressed { link, id });
            return true;
        }
        let under = match self.authentic(&from.link, cover, envelope.header()) {
            Ok(under) => under,
            Err(fault) => {
                let why = self.refuse_unsealed(&from.link, envelope.header(), fault, step);
                self.put_aside(now, from, sequence, bytes, chain, why, step);
                return true;
            }
        };
        if let Some(why) = self.forbidden(&envelope) {
            self.refuse_forbidden(&from.link, envelope.header(), why.clone(), step);
            self.put_aside(now, from, sequence, bytes, chain, why, step);
            return true;
        }
        if envelope.header().kind.is_internal() {
            let taken = match envelope.header().kind.as_str() {
                stats::KIND => self.take_digest(from, sequence, &envelope, step),
                spans::KIND => self.take_spans(from, sequence, &envelope, step),
                _ => self.take_fold(now, from, sequence, &envelope, step),
            };
            if let Err(why) = taken {
                self.put_aside(now, from, sequence, bytes, chain, why, step);
            }
            return true;
        }
        let legs = self.legs(&envelope, Some(&from.link));
        if legs.is_empty() {
            // topologies differ: what nobody here knows the way for must not vanish unseen
            let to = envelope.header().handled_by();
            let why = format!("{id} is for `{to}`, which is no station known here");
            let unknown = self.topology.unknown(to);
            let detail = format!("unknown at {}", self.here);
            self.ended_at(&id, unknown, Outcome::Rejected, Some(&detail));
            self.put_aside(now, from, sequence, bytes, chain, why, step);
            return true;
        }
        if !self.has_room(from.lane, bytes.len(), &legs, true) {
            return false;
        }
        let (legs, act) = self.weigh(now, &envelope, legs);
        self.owes(bytes.len(), &legs);
        self.moved(now, from.lane, &legs);
        let late = self.kept.seen.is_late(&id);
        if late {
            self.notice(step, Notice::Late { link: from.link.clone(), id: id.clone() });
        }
        let hops = carried.hops.saturating_add(1);
        let goes_on = legs.iter().any(|leg| leg.link.is_neighbour());
        if hops > 1 && goes_on {
            // the first hop's custody is known at the origin by its ack
            self.became(&id, Event::Relayed);
        }
        let put = Put {
            envelope,
            via: Some(Via { link: from.link.clone(), sequence }),
            age_ms: carried.age_ms,
            age_unknown: carried.age_unknown,
            hops,
            boot: self.boot,
            taken_boot_ms: now.boot_ms(),
            taken_wall_ms: now.wall_ms,
            legs,
            key: None,
            late,
            targets: Vec::new(),
            under: under.filter(|_| goes_on).map(|under| seals::kept(&under, step)),
            opens: matches!(act, Act::Open(_)),
        };
        self.take_and_act(now, put, act, step);
        true
    }

    /// Writes a message down, and does what it does here.
    pub(super) fn take_and_act(&mut self, now: Now, put: Put, act: Act, step: &mut Step) {
        let id = put.envelope.header().id();
        let parked = parked(&put, &act);
        self.take(now, put, step);
        if let Some(parked) = parked {
            self.change(now, parked, step);
        }
        self.act(now, &id, act, step);
    }

    /// Writes a message down with its legs, and watches its time to live.
    pub(super) fn take(&mut self, now: Now, put: Put, step: &mut Step) {
        let places = perish::places(&put);
        let word = self.word_of_root(&put.envelope);
        self.categorize(&put, step);
        self.write(step, Record::Put(put));
        if let Some(word) = word {
            self.heed(now, word, step);
        }
        self.perishing.watch(places, &self.kept, &self.clock);
    }

    fn chain_with(&self, from: &Heading, sequence: u64, id: &yizhan_schemas::MessageId) -> Chain {
        let lane = self.kept.inbound(&from.link, from.lane);
        lane.map_or(Chain::default(), |lane| lane.chain).then(sequence, id)
    }

    /// Why a message has no business on the link that it came by.
    fn misplaced(&self, from: &Heading, header: &Header) -> Option<String> {
        let id = header.id();
        if header.lane != from.lane {
            return Some(format!("{id} came in lane {}", from.lane));
        }
        let origin = self.origin_now(header);
        let within = |top| origin.is_within(top);
        if header.kind.is_internal() && !self.is_from_neighbour(from, origin) {
            return Some(format!("{id} is a fold, and not of the station that sent it"));
        }
        match &from.link {
            Link::Down(child) if !within(child) && !self.formerly_below(&header.origin) => {
                Some(format!("{id} came from {child}, but its origin is not within {child}"))
            }
            Link::Up if within(&self.here) => {
                Some(format!("{id} came from above, but its origin is within {}", self.here))
            }
            _ => None,
        }
    }

    /// Folds go one hop.
    fn is_from_neighbour(&self, from: &Heading, origin: &Code) -> bool {
        match &from.link {
            Link::Down(child) => origin == child,
            _ => self.topology.parent(&self.here) == Some(origin),
        }
    }

    /// A station that was renamed or moved hands over what it took under its old code.
    fn formerly_below(&self, origin: &Code) -> bool {
        self.topology.station(origin).is_none()
    }
}

/// A record as old as it is on arrival.
fn aged(record: frame::Record, late_ms: u64) -> frame::Record {
    match record {
        frame::Record::Carried(carried) => {
            let age_ms = carried.age_ms.saturating_add(late_ms);
            frame::Record::Carried(Carried { age_ms, ..carried })
        }
        skip @ frame::Record::Skip(_) => skip,
    }
}
