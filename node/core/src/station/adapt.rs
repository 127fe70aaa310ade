//! What is for a device goes to its adapter: asked at most once, and never late.
//!
//! That an adapter is about to be asked is durable before it is. After a crash in between nobody
//! knows whether the device acted, so the command ends as dead-lettered and is never run again.

use yizhan_schemas::frame::SkipReason;
use yizhan_schemas::payload::receipt::{self, Event};
use yizhan_schemas::{Answer, Lane, MessageId, Outcome};

use super::Station;
use crate::effect::Effect;
use crate::input::Attempted;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record::{Attempt, Cursor, Record};
use crate::step::Step;

/// Commands that may be with adapters at once.
pub const ATTEMPTS_MAX: usize = 64;
/// Legs looked at in one lane for one that can be begun.
const LOOK_MAX: u64 = 256;

impl Station {
    /// Ends what an earlier life had begun and not heard the end of.
    pub(super) fn give_up_attempts(&mut self, step: &mut Step) {
        if mutant::is(Mutant::AttemptRunAgain) {
            self.kept.attempts.retain(|_, answered| *answered);
        }
        let begun = self.kept.attempts.iter().filter(|(_, answered)| !**answered);
        for (lane, leg) in begun.map(|(at, _)| *at).collect::<Vec<_>>() {
            let place = (Link::Adapter, lane, leg);
            if let Some(id) = self.kept.perishable.get(&place).map(|leg| leg.id.clone()) {
                let why = "unknown: the station ended while the adapter was being asked";
                let here = [self.here.clone()];
                self.ended_at(&id, here, Outcome::DeadLettered, Some(why));
            }
            self.end_legs(&Link::Adapter, lane, leg, leg, SkipReason::DeadLettered, step);
            self.settle_attempts(lane, step);
        }
    }

    /// Asks for the next attempts.
    pub(super) fn pump_adapter(&mut self, step: &mut Step) {
        if !self.kept.outbound.contains_key(&Link::Adapter) {
            return;
        }
        for lane in Lane::ALL {
            while self.under_way() < ATTEMPTS_MAX {
                let Some(leg) = self.next_attempt(lane) else { break };
                self.write(step, Record::Attempting(Attempt { lane, leg }));
                let clock = std::sync::Arc::clone(&self.clock);
                step.after(Effect::Attempt { lane, leg, clock });
            }
        }
    }

    fn under_way(&self) -> usize {
        self.kept.attempts.values().filter(|answered| !**answered).count()
    }

    fn next_attempt(&self, lane: Lane) -> Option<u64> {
        let owed = self.kept.outbound(&Link::Adapter, lane)?;
        let from = owed.acked.saturating_add(1);
        let last = owed.next.saturating_sub(1).min(from.saturating_add(LOOK_MAX));
        let fit = |leg: &u64| {
            !self.kept.attempts.contains_key(&(lane, *leg))
                && owed.open_between(*leg, *leg) == 1
                && self.perishing.doubtful_in(&Link::Adapter, lane, *leg, *leg).is_none()
        };
        (from..=last).find(fit)
    }

    pub(super) fn on_attempted(
        &mut self,
        lane: Lane,
        leg: u64,
        id: &MessageId,
        result: Attempted,
        step: &mut Step,
    ) {
        if self.kept.attempts.get(&(lane, leg)) != Some(&false) {
            return;
        }
        let here = [self.here.clone()];
        let mut end = |station: &mut Self, outcome, reason, why: &str| {
            station.ended_at(id, here.clone(), outcome, (!why.is_empty()).then_some(why));
            station.end_legs(&Link::Adapter, lane, leg, leg, reason, step);
        };
        match result {
            Attempted::Done(said) => self.carried_out(lane, leg, id, Answer::Completed, said, step),
            Attempted::Failed(why) => {
                self.carried_out(lane, leg, id, Answer::Failed, Some(why), step);
            }
            Attempted::NoSuchDevice(why) => {
                let why = format!("no_such_device: {why}");
                end(self, Outcome::Rejected, SkipReason::Rejected, &why);
            }
            Attempted::NoAdapter => {
                let why = "no_adapter: nobody answers for this device here";
                end(self, Outcome::Rejected, SkipReason::Rejected, why);
            }
            Attempted::Forbidden(why) => {
                let why = format!("forbidden: {why}");
                end(self, Outcome::Rejected, SkipReason::Rejected, &why);
            }
            Attempted::Unfit(why) => {
                let why = format!("unfit: {why}");
                end(self, Outcome::Rejected, SkipReason::Rejected, &why);
            }
            Attempted::Expired => end(self, Outcome::Expired, SkipReason::Expired, ""),
            Attempted::Unknown => {
                let why = "unknown: the adapter was asked and did not answer in time";
                end(self, Outcome::DeadLettered, SkipReason::DeadLettered, why);
            }
        }
        self.settle_attempts(lane, step);
    }

    fn carried_out(
        &mut self,
        lane: Lane,
        leg: u64,
        id: &MessageId,
        answer: Answer,
        said: Option<String>,
        step: &mut Step,
    ) {
        self.write(step, Record::Attempted(Attempt { lane, leg }));
        self.ended_at(id, [self.here.clone()], Outcome::Delivered, None);
        let remark = said.as_deref().map(receipt::cut);
        self.became(id, Event::Answered { answer, remark });
    }

    /// Lets go of legs at the front that have been answered or have ended.
    pub(super) fn settle_attempts(&mut self, lane: Lane, step: &mut Step) {
        self.touched.insert(Link::Adapter);
        let Some(owed) = self.kept.outbound(&Link::Adapter, lane) else { return };
        let settled = |leg: &u64| {
            self.kept.attempts.get(&(lane, *leg)) == Some(&true)
                || owed.open_between(*leg, *leg) == 0
        };
        let from = owed.acked.saturating_add(1);
        if let Some(through) = (from..owed.next).take_while(settled).last() {
            let at = Cursor { link: Link::Adapter, lane, through };
            self.write(step, Record::HandedOver(at));
        }
    }
}
