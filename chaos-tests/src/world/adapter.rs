//! What devices and applications do in a [`World`]: carry out what they are told, or not, and say
//! what came of it.

use rand::Rng;
use yizhan_core::fill::HeldLeg;
use yizhan_core::input::{Attempted, Input, Ticket};
use yizhan_core::link::Link;
use yizhan_core::time::BootClock;
use yizhan_schemas::{Answer, Envelope, Lane, MessageId};

use super::World;
use super::event::Event;

/// How long a device takes, and how long nobody waits for one any more, microseconds.
const DEVICE_US: (u64, u64) = (1_000, 2_000_000);
const PATIENCE_US: u64 = 5_000_000;
/// How long an application takes to answer, microseconds.
const APPLICATION_US: (u64, u64) = (10_000, 5_000_000);

impl World {
    /// A station asks the adapter of a device, unless the command has become too old.
    pub(super) fn attempt(
        &mut self,
        host: usize,
        life: u32,
        (lane, leg): (Lane, u64),
        clock: &BootClock,
    ) {
        let Some((held, envelope)) = self.command(host, lane, leg) else {
            let (link, from, through) = (Link::Adapter, leg, leg);
            let input = Box::new(Input::Unreadable { link, lane, from, through, id: None });
            return self.soon(10, 500, Event::Input { host, life, input });
        };
        let (id, ttl_ms) = (envelope.header().id(), envelope.header().ttl_ms);
        let result = match held.age_within(self.clock(host), clock, ttl_ms) {
            Some(_) => self.device(host, &envelope),
            None => Attempted::Expired,
        };
        let after_us = match result {
            Attempted::Unknown => PATIENCE_US,
            _ => self.dice.random_range(DEVICE_US.0..DEVICE_US.1),
        };
        let input = Box::new(Input::Attempted { lane, leg, id, result });
        self.at(self.now_us + after_us, Event::Input { host, life, input });
    }

    fn command(&self, host: usize, lane: Lane, leg: u64) -> Option<(HeldLeg, Envelope)> {
        let disk = &self.hosts.get(host)?.disk;
        let put = disk.put(&Link::Adapter, lane, leg)?;
        Some((disk.leg(&Link::Adapter, lane, leg)?, put.envelope.clone()))
    }

    /// What a device makes of a command.
    fn device(&mut self, host: usize, envelope: &Envelope) -> Attempted {
        let result = match self.dice.random_range(0..10) {
            0..6 => Attempted::Done(Some("{\"pan\":30}".to_owned())),
            6 => Attempted::Failed("it is stuck".to_owned()),
            7 => Attempted::NoSuchDevice("cam-9".to_owned()),
            8 => Attempted::NoAdapter,
            _ => Attempted::Unknown,
        };
        self.oracle.asked(host, envelope, &result, self.now_us);
        result
    }

    /// Whoever reads an inbox may have something to say.
    pub(super) fn may_answer(&mut self, host: usize, id: MessageId) {
        let chance = self.plan.work.answers;
        if chance > 0.0 && self.dice.random_bool(chance) {
            let all = [Answer::Acknowledged, Answer::Completed, Answer::Failed];
            let answer = crate::dice::one_of(&mut self.dice, all);
            let (least, most) = APPLICATION_US;
            self.soon(least, most, Event::Answer { host, id, answer });
        }
    }

    pub(super) fn answer(&mut self, host: usize, id: MessageId, answer: Answer) {
        if self.oracle.is_encore() {
            return; // what was handed in last is to find idle stations
        }
        self.counter += 1;
        let ticket = Ticket(self.counter);
        let Some(life) = self.hosts.get(host).filter(|h| h.process.is_some()).map(|h| h.life)
        else {
            return;
        };
        self.answers.insert((host, life, ticket), (id.clone(), answer));
        self.input(host, life, Input::Answered { ticket, id, answer, remark: None });
    }
}
