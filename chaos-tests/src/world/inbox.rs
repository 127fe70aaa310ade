//! What inboxes do in a [`World`]: take legs one order after the other, sync a while later.

use rand::Rng;
use yizhan_core::effect::Deliver;
use yizhan_core::input::Input;

use super::World;
use super::event::Event;

impl World {
    /// The bus takes orders in their order.
    pub(super) fn deliver(&mut self, host: usize, life: u32, deliver: Deliver) {
        let takes_us = self.dice.random_range(50..1_000);
        let Some(free_us) = self.inbox_free_us.get_mut(host) else { return };
        *free_us = (*free_us).max(self.now_us) + takes_us;
        let at = *free_us;
        self.at(at, Event::Publish { host, life, deliver });
    }

    pub(super) fn publish(&mut self, host: usize, life: u32, deliver: Deliver) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        let published = h.publish(&deliver, now);
        for (envelope, late) in &published.messages {
            self.oracle.entered(host, envelope, *late, self.now_us);
            let id = envelope.header().id();
            self.story.note(self.now_us, id.to_string().as_bytes());
            let due = self.hosts.get(host).and_then(|h| h.disk.register.end_of(&id));
            self.oracle.enters(host, &id, due);
            // what is said of matters is said in steps
            if due.is_none() {
                self.may_answer(host, id);
            }
        }
        for input in published.inputs {
            if let Input::Delivered { through } = input {
                let opening = deliver.opening;
                self.soon(5_100, 80_000, Event::Release { host, life, opening, through });
            }
            // what is told of the stream is told in its order
            self.at(self.now_us + 1, Event::Input { host, life, input: Box::new(input) });
        }
    }

    pub(super) fn release(&mut self, host: usize, life: u32, opening: u64, through: u64) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        if h.opening() == Some(opening) {
            let input = h.release(through);
            self.input(host, life, input);
        }
    }

    pub(super) fn open_inbox(&mut self, host: usize, life: u32) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        if h.opening().is_some() {
            return;
        }
        if let Some(input) = h.open_inbox() {
            self.input(host, life, input);
        }
    }

    pub(super) fn close_inbox(&mut self, host: usize, for_us: u64) {
        let Some(h) = self.hosts.get_mut(host) else { return };
        let life = h.life;
        if let Some(input) = h.close_inbox() {
            self.input(host, life, input);
            self.at(self.now_us + for_us, Event::OpenInbox { host, life });
        }
    }
}
