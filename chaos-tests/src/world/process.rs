//! What processes do in a [`World`]: commit, say what was decided, die, start again.

use rand::Rng;
use yizhan_core::effect::{Effect, Verdict};
use yizhan_core::input::{Input, Ticket};
use yizhan_core::station::Fresh;
use yizhan_schemas::frame::Frame;
use yizhan_schemas::{Epoch, MessageId, StoreId};

use super::{Event, World};
use crate::disk::Disk;
use crate::stream::Stream;

impl World {
    pub(super) fn committed(&mut self, host: usize, life: u32) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        for effect in h.end_commit() {
            self.effect(host, life, effect);
        }
    }

    fn effect(&mut self, host: usize, life: u32, effect: Effect) {
        match effect {
            Effect::Reply { ticket, verdict } => self.reply(host, life, ticket, verdict),
            Effect::Hello(hello) => {
                let input = Input::Unanswered { counter: hello.counter };
                self.soon(1_000_000, 2_000_000, Event::Input { host, life, input });
                if self.passes() {
                    self.soon_on_wire(Event::Hello { hello });
                }
            }
            Effect::Answer { frame, .. } => {
                if self.passes() {
                    self.soon_on_wire(Event::Answer { frame });
                }
            }
            Effect::Nudge { nudge, .. } => self.transmit(host, &Frame::Nudge(nudge)),
            Effect::Ack { ack, .. } => self.transmit(host, &Frame::Ack(ack)),
            Effect::Beat { beat, .. } => self.transmit(host, &Frame::Beat(beat)),
            Effect::Send(send) => self.send(host, life, send),
            Effect::Deliver(deliver) => {
                let Some(h) = self.hosts.get_mut(host) else { return };
                let input = h.deliver(&deliver);
                self.soon(100, 5_000, Event::Input { host, life, input });
                let through = deliver.through;
                self.soon(5_100, 80_000, Event::Released { host, life, through });
            }
            Effect::Recall { through, .. } => {
                self.soon(5_100, 80_000, Event::Released { host, life, through });
            }
            Effect::Attempt { .. } | Effect::Discard { .. } | Effect::Carry { .. } => {}
            Effect::Notice(notice) => self.tell(&format!("{host}: {notice:?}")),
        }
    }

    fn reply(&mut self, host: usize, life: u32, ticket: Ticket, verdict: Verdict) {
        let Some(asked) = self.tickets.remove(&(host, life, ticket)) else { return };
        match verdict {
            Verdict::Accepted(accepted) => {
                if asked.perishable {
                    self.oracle.perishable.insert(accepted.id.clone());
                }
                self.oracle.told_duplicates += u64::from(accepted.duplicate);
                self.oracle.accepted(asked.key, accepted.id, asked.target);
            }
            Verdict::Refused(refusal) => self.oracle.fault(format!("refused: {refusal}")),
            Verdict::Noted => self.oracle.fault("noted".to_owned()),
            Verdict::LookAgain => self.oracle.fault("asked to look again".to_owned()),
        }
    }

    fn send(&mut self, host: usize, life: u32, send: yizhan_core::effect::Send) {
        let now = self.now();
        let Some(h) = self.hosts.get(host) else { return };
        let filled = match h.fill(&send, now) {
            Ok(filled) => filled,
            Err(fault) => return self.oracle.fault(format!("a send does not fill: {fault}")),
        };
        let (mut bytes, through) = (0, filled.through);
        for batch in filled.frames {
            bytes += batch.body.len() as u64;
            self.transmit(host, &Frame::Batch(batch));
        }
        let (link, session, lane, from) = (send.link, send.session, send.lane, send.from);
        let input = Input::Sent { link, session, lane, from, through, bytes };
        self.soon(10, 500, Event::Input { host, life, input });
    }

    fn passes(&mut self) -> bool {
        let dropped = !self.calm && self.dice.random_bool(self.plan.drop);
        !(self.cut || dropped)
    }

    fn soon_on_wire(&mut self, event: Event) {
        let (least, most) = self.plan.delay_us;
        self.soon(least, if self.calm { least.max(2_000) } else { most }, event);
    }

    fn transmit(&mut self, from: usize, frame: &Frame) {
        let to = 1 - from;
        let bytes = match frame.encode() {
            Ok(bytes) => bytes,
            Err(fault) => return self.oracle.fault(format!("a frame does not encode: {fault}")),
        };
        self.figures.frames += 1;
        let copies = 1 + u32::from(!self.calm && self.dice.random_bool(self.plan.duplicate));
        for _ in 0..copies {
            if self.passes() {
                self.soon_on_wire(Event::Frame { to, bytes: bytes.clone() });
            }
        }
    }

    pub(super) fn released(&mut self, host: usize, life: u32, through: u64) {
        let now = self.now();
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        h.stream.sync();
        h.handle(now, Input::Released { through, ids: Vec::new() });
    }

    pub(super) fn start(&mut self, host: usize) {
        let now = self.now();
        let fresh = Fresh {
            store: StoreId::from_random(self.dice.random()),
            epoch: Epoch::from_random(self.dice.random()),
            notes_epoch: Epoch::from_random(self.dice.random()),
            seed: self.dice.random(),
            boot: self.hosts.get(host).map_or(yizhan_core::time::BootId(0), |h| h.boot),
        };
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.process.is_none()) else { return };
        h.start(now, fresh);
        let life = h.life;
        let opened = h.inbox_opened();
        self.tell(&format!("{host}: starts"));
        self.soon(1_000, 50_000, Event::Input { host, life, input: opened });
        if host == 1 && !self.cut {
            self.soon(1_000, 50_000, Event::Input { host, life, input: Input::Connected });
        }
    }

    pub(super) fn crash(&mut self, host: usize, power: bool) {
        if self.calm {
            return;
        }
        let reached = self.dice.random_bool(0.5);
        self.figures.crashes += 1;
        self.tell(&format!("{host}: {}", if power { "power cut" } else { "crash" }));
        let Some(h) = self.hosts.get_mut(host) else { return };
        h.crash(power, reached);
        if power {
            h.stream.cut_power(&mut self.dice);
        }
        self.soon(1_000, 3_000_000, Event::Start { host });
    }

    pub(super) fn replace_store(&mut self, host: usize, copy: Option<(Disk, Stream)>) {
        if self.calm {
            return;
        }
        self.tell(&format!("{host}: store {}", if copy.is_some() { "restored" } else { "lost" }));
        self.figures.stores += 1;
        self.excuse(host);
        self.counter += 1;
        let created_ns = i64::try_from(self.counter).unwrap_or(i64::MAX);
        if let Some(h) = self.hosts.get_mut(host) {
            h.crash(true, false);
            let (disk, stream) =
                copy.unwrap_or_else(|| (Disk::default(), Stream::create(created_ns)));
            h.disk = disk;
            h.stream = stream;
        }
        // longer than the liveness bound: a replacement is admitted once the old one is quiet
        self.soon(1_000, 20_000_000, Event::Start { host });
    }

    /// What only this store had cannot be had again: nobody is to blame for it.
    fn excuse(&mut self, host: usize) {
        self.oracle.stores_touched = true;
        self.oracle.keys_excused = true;
        let elsewhere = self.hosts.get(1 - host).map(|peer| peer.disk.clone().recover().seen);
        let here = self.hosts.get(host).map(|h| h.code.clone());
        let only_here = |id: &&MessageId| {
            Some(&id.origin) == here.as_ref()
                && !elsewhere.as_ref().is_some_and(|seen| seen.contains(id))
        };
        let gone: Vec<MessageId> = self.oracle.owed.keys().filter(only_here).cloned().collect();
        self.oracle.excused.extend(gone);
    }
}
