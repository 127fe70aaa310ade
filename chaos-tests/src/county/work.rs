//! What stations of a [`County`] do: commit, say what was decided, take what is handed in.

use yizhan_core::draft::Draft;
use yizhan_core::effect::{Deliver, Effect, Verdict};
use yizhan_core::input::{Input, Ticket};
use yizhan_core::link::Link;
use yizhan_schemas::frame::Frame;

use super::County;
use super::event::Event;

/// A publisher that hears nothing for so long asks again, microseconds.
const ASK_AGAIN_US: u64 = 30_000_000;
/// From one step of a matter to the next, microseconds.
const STEP_US: (u64, u64) = (500_000, 20_000_000);

impl County {
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Start { host } => self.start(host),
            Event::Crash { host } => self.crash(host),
            Event::Committed { host, life } => self.committed(host, life),
            Event::Input { host, life, input } => self.input(host, life, *input),
            Event::Arrive { child, up, bytes, caller } => self.arrive(child, up, &bytes, caller),
            Event::Cut { child } => self.cut(child),
            Event::Heal { child } => self.heal(child),
            Event::Publish { host, life, deliver } => self.publish(host, life, deliver),
            Event::Release { host, life, opening, through } => {
                let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
                if h.opening() == Some(opening) {
                    let input = h.release(through);
                    self.input(host, life, input);
                }
            }
            Event::OpenInbox { host, life } => {
                let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
                if let Some(input) = h.open_inbox() {
                    self.input(host, life, input);
                }
            }
            Event::Index { host, life } => self.index(host, life),
            Event::Submit { matter } => self.submit(matter),
        }
    }

    /// After anything that a station may have decided on: commit if the disk is idle, and look
    /// when it wants to be woken next.
    pub(super) fn touched(&mut self, host: usize) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get_mut(host) else { return };
        let life = h.life;
        let early = h.begin_commit(now);
        if let Some(writes) = h.next_commit() {
            let most = if writes { 4_000 } else { 50 };
            self.soon(1, most, Event::Committed { host, life });
        }
        for effect in early {
            self.effect(host, life, effect);
        }
        let Some(h) = self.hosts.get(host) else { return };
        let due = h.due_us().map(|boot_us| h.clock.when(boot_us).max(self.now_us));
        self.timers.set(host, due);
    }

    fn committed(&mut self, host: usize, life: u32) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        let Ok(effects) = h.end_commit() else {
            return self.faults.push(format!("the disk of {host} is full"));
        };
        if let Some(link) = h.unbalanced() {
            self.faults.push(format!("accounted: the count of {host} for {link:?} is out"));
        }
        h.taken.clear();
        let oldest = h.disk.news_of_oldest();
        for effect in effects {
            self.effect(host, life, effect);
        }
        if let Some(oldest) = oldest {
            self.input(host, life, Input::Oldest(Box::new(oldest)));
        }
        self.touched(host);
    }

    fn effect(&mut self, host: usize, life: u32, effect: Effect) {
        match effect {
            Effect::Reply { ticket, verdict } => self.replied(ticket, verdict),
            Effect::Hello(hello) => {
                let input = Box::new(Input::Unanswered { counter: hello.counter });
                self.at(self.now_us + 2_000_000, Event::Input { host, life, input });
                self.transmit(host, true, &Frame::Hello(*hello), Some(life));
            }
            Effect::Answer { ticket, frame } => {
                if let Some((child, caller)) = self.callers.remove(&ticket) {
                    self.transmit(child, false, &frame, Some(caller));
                }
            }
            Effect::Nudge { child, nudge } => {
                self.pass(host, &Link::Down(child), &Frame::Nudge(nudge));
            }
            Effect::Ack { link, ack } => self.pass(host, &link, &Frame::Ack(ack)),
            Effect::Beat { link, beat } => self.pass(host, &link, &Frame::Beat(beat)),
            Effect::Send(send) => self.send(host, life, send),
            Effect::Deliver(deliver) => {
                self.soon(50, 1_000, Event::Publish { host, life, deliver });
            }
            Effect::Recall { opening, from, through } => {
                if let Some(h) = self.hosts.get_mut(host).filter(|h| h.opening() == Some(opening)) {
                    h.recall(from, through);
                }
                self.soon(5_100, 80_000, Event::Release { host, life, opening, through });
            }
            Effect::Discard { segment } => {
                if let Some(h) = self.hosts.get_mut(host) {
                    h.disk.discard(segment);
                    let _ = h.disk.unlink(h.index.through());
                }
            }
            Effect::Carry { segment, open } => {
                let Some(h) = self.hosts.get_mut(host) else { return };
                let input = Box::new(h.carry(segment, &open));
                self.soon(100, 20_000, Event::Input { host, life, input });
            }
            Effect::Attempt { .. }
            | Effect::Amended(_)
            | Effect::AskSpans { .. }
            | Effect::Collect { .. }
            | Effect::Collects(_)
            | Effect::Notice(_) => {}
        }
    }

    fn publish(&mut self, host: usize, life: u32, deliver: Deliver) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        let published = h.publish(&deliver, now);
        for (envelope, _) in &published.messages {
            if let Some(matter) = self.clerk.delivered(host, envelope) {
                self.soon(STEP_US.0, STEP_US.1, Event::Submit { matter });
            }
        }
        for input in published.inputs {
            if let Input::Delivered { through } = input {
                let opening = deliver.opening;
                self.soon(5_100, 80_000, Event::Release { host, life, opening, through });
            }
            self.at(self.now_us + 1, Event::Input { host, life, input: Box::new(input) });
        }
    }

    fn index(&mut self, host: usize, life: u32) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        if let Some(through) = h.index.catch_up() {
            let _ = h.disk.unlink(h.index.through());
            self.input(host, life, Input::Indexed { through });
        }
        self.soon(10_000_000, 20_000_000, Event::Index { host, life });
    }

    /// The next step of a matter, or the last one again.
    fn submit(&mut self, matter: usize) {
        let Some((host, draft)) = self.clerk.next(matter) else { return };
        let again_us = self.now_us + ASK_AGAIN_US;
        self.at(again_us, Event::Submit { matter });
        let Some(h) = self.hosts.get(host).filter(|h| h.process.is_some()) else { return };
        let known = draft.key.as_ref().map(|key| h.index.look(key)).unwrap_or_default();
        self.counter += 1;
        let (ticket, life) = (Ticket(self.counter), h.life);
        self.asked.insert(ticket, matter);
        let draft = Box::new(Draft { known, ..draft });
        self.input(host, life, Input::Submitted { ticket, draft });
    }

    fn replied(&mut self, ticket: Ticket, verdict: Verdict) {
        let Some(matter) = self.asked.remove(&ticket) else { return };
        match verdict {
            Verdict::Accepted(accepted) => {
                if self.clerk.accepted(matter, &accepted.id) {
                    self.soon(STEP_US.0, STEP_US.1, Event::Submit { matter });
                }
            }
            Verdict::LookAgain => self.soon(100_000, 200_000, Event::Submit { matter }),
            other => self.faults.push(format!("matter {matter}: {other:?}")),
        }
    }
}
