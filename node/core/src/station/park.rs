//! Messages that wait: a step for the report that it overtook, a directive for its hour. What is
//! told by the wall clock is looked at here.

use yizhan_schemas::payload::stats::Family;
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Envelope, MessageId, Outcome};

use super::Station;
use super::govern::{self, Act, parked};
use super::perish;
use crate::link::Link;
use crate::matter::{Change, Moment, Until};
use crate::matters::{PARKED_BYTES_MAX, PARKED_MAX};
use crate::mutant::{self, Mutant};
use crate::record::{Leg, Put, Record};
use crate::step::Step;
use crate::time::Now;

/// A step without a time to live waits for its subject so long, milliseconds: as long as what is
/// lost on the way can still be had again (`spool.retain`).
const WAIT_MS_MAX: u64 = 7 * 86_400_000;
/// An hour is told by the wall clock, which may be set at any time: it is looked at so often, at
/// least, microseconds.
const LOOK_US: u64 = 30_000_000;

impl Station {
    /// Goes on with what waited for this message.
    pub(super) fn resume_waiting_for(&mut self, now: Now, subject: &MessageId, step: &mut Step) {
        let ids = self.kept.matters.waiting_for(subject);
        for id in ids {
            if mutant::is(Mutant::WaitingStepDropped) {
                self.change(now, Change::Dropped { id }, step);
                continue;
            }
            self.resume(now, &id, step);
            if mutant::is(Mutant::WaitingStepMiscounted) {
                let (family, at) = (Family::Incident, Moment::of(now, self.boot));
                self.change(now, Change::Refused { family, at }, step);
            }
        }
    }

    /// Refuses what waited for a message that was taken back before it came.
    pub(super) fn refuse_waiting_for(&mut self, now: Now, subject: &MessageId, step: &mut Step) {
        for id in self.kept.matters.waiting_for(subject) {
            let Some((put, _)) = self.kept.matters.waiting(&id) else { continue };
            let family = govern::family(&put.envelope.header().kind);
            let why = govern::never_was(subject);
            self.change(now, Change::Dropped { id: id.clone() }, step);
            let refuse = Act::Refuse { outcome: Outcome::Rejected, why, family };
            self.act(now, &id, refuse, step);
        }
    }

    fn resume(&mut self, now: Now, id: &MessageId, step: &mut Step) {
        let Some((put, until)) = self.kept.matters.waiting(id).cloned() else { return };
        // a step was given its room when it came, and nobody would come back to it
        let has_its_room = matches!(until, Until::Subject(_));
        let (put, legs) = match until {
            Until::Subject(_) => {
                let legs = vec![self.leg(Link::Inbox, &put.envelope)];
                (put, legs)
            }
            // its age begins when it leaves
            Until::Hour(_) => {
                let legs = self.legs(&put.envelope, None);
                let (boot, taken_boot_ms) = (self.boot, now.boot_ms());
                (Put { boot, taken_boot_ms, taken_wall_ms: now.wall_ms, ..put }, legs)
            }
        };
        let lane = put.envelope.header().lane;
        if !has_its_room && !self.has_room(lane, put.envelope.bytes().len(), &legs, false) {
            return;
        }
        let (legs, act) = self.weigh(now, &put.envelope, legs);
        self.owes(put.envelope.bytes().len(), &legs);
        self.moved(now, lane, &legs);
        let late = put.late || self.kept.seen.may_be_late(id);
        let put = Put { legs, late, opens: matches!(act, Act::Open(_)), ..put };
        let places = perish::places(&put);
        let parked = parked(&put, &act);
        self.categorize(&put, step);
        self.write(step, Record::Resumed(put));
        self.perishing.watch(places, &self.kept, &self.clock);
        if let Some(parked) = parked {
            self.change(now, parked, step);
        }
        self.act(now, id, act, step);
    }

    /// A message that is kept until its hour owes nothing before.
    ///
    /// # Errors
    /// Too many are kept.
    pub(super) fn scheduled(
        &self,
        envelope: &Envelope,
        hour_ms: u64,
    ) -> Result<(Vec<Leg>, Act), Refusal> {
        if self.kept.matters.may_park(envelope.bytes().len()) {
            return Ok((Vec::new(), Act::Park(Until::Hour(hour_ms))));
        }
        let why = format!(
            "at most {PARKED_MAX} messages and {PARKED_BYTES_MAX} bytes wait for their hour; hand \
             it in later"
        );
        Err(Refusal::new(ErrorCode::RateLimited, why))
    }

    /// Takes back those of these that have not left yet.
    pub(super) fn withdraw(&mut self, now: Now, ids: &[MessageId], step: &mut Step) {
        for id in ids {
            let Some((put, _)) = self.kept.matters.waiting(id) else { continue };
            let targets = put.targets.clone();
            self.ended_at(id, targets, Outcome::Cancelled, Some("taken back before its hour"));
            self.change(now, Change::Dropped { id: id.clone() }, step);
        }
    }

    /// Goes on with what has waited long enough, and ends what has waited too long.
    pub(super) fn wake(&mut self, now: Now, step: &mut Step) {
        if self.wake_us.is_none_or(|at_us| at_us > now.boot_us) {
            return;
        }
        self.rule(now, step);
        let parked = self.kept.matters.parked();
        let due: Vec<(MessageId, Until)> = parked
            .filter(|(_, put, until)| self.left_ms(now, put, until) == 0)
            .map(|(id, _, until)| (id.clone(), until.clone()))
            .collect();
        for (id, until) in due {
            match until {
                Until::Hour(_) => self.resume(now, &id, step),
                Until::Subject(subject) => self.give_up_waiting(now, &id, &subject, step),
            }
        }
        self.remind(now, step);
        self.issue_rounds(now, step);
        self.set_waking(now);
    }

    fn give_up_waiting(&mut self, now: Now, id: &MessageId, subject: &MessageId, step: &mut Step) {
        let Some((put, _)) = self.kept.matters.waiting(id) else { return };
        let (outcome, why) = match put.envelope.header().ttl_ms {
            Some(_) => (Outcome::Expired, None),
            None => (Outcome::Rejected, Some(format!("{subject} never came here"))),
        };
        self.ended_at(id, [self.here.clone()], outcome, why.as_deref());
        self.change(now, Change::Dropped { id: id.clone() }, step);
    }

    /// How long a message has still to wait, milliseconds.
    fn left_ms(&self, now: Now, put: &Put, until: &Until) -> u64 {
        match until {
            Until::Hour(hour_ms) => hour_ms.saturating_sub(now.wall_ms),
            Until::Subject(_) => {
                let waited_ms = self.clock.since_ms(now, put.boot, put.taken_boot_ms);
                let age_ms = put.age_ms.saturating_add(waited_ms.unwrap_or_else(|| now.boot_ms()));
                put.envelope.header().ttl_ms.unwrap_or(WAIT_MS_MAX).saturating_sub(age_ms)
            }
        }
    }

    /// Sets when to look again.
    pub(super) fn set_waking(&mut self, now: Now) {
        let left = self.kept.matters.parked().map(|(_, put, until)| self.left_ms(now, put, until));
        // so does a ruling for its hour
        let in_force = self.topology.policy_version();
        let rulings = self.kept.rulings.iter().filter(|ruling| ruling.version > in_force);
        let rulings = rulings.map(|ruling| ruling.effective_ms.saturating_sub(now.wall_ms));
        let left_us = left
            .chain(rulings)
            .chain(self.remind_left_ms(now))
            .chain(self.round_left_ms(now))
            .min()
            .map(|left_ms| left_ms.saturating_mul(1000).clamp(1000, LOOK_US));
        self.wake_us = left_us.map(|left_us| now.boot_us.saturating_add(left_us));
    }
}
