//! What processes do in a [`World`]: start, commit, say what was decided.

use rand::Rng;
use yizhan_core::effect::Effect;
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::station::Fresh;
use yizhan_schemas::frame::{Frame, VERSION};
use yizhan_schemas::{Epoch, StoreId};

use super::World;
use super::event::Event;
use crate::network::Course;

/// A commit that writes nothing costs at most this, microseconds.
const EMPTY_COMMIT_US: u64 = 50;

impl World {
    pub(super) fn start(&mut self, host: usize) {
        let (now, now_us) = (self.clock(host), self.now_us);
        let (store, seed) = (self.dice.random(), self.dice.random());
        let [epoch, notes_epoch] = [0; 2].map(|_: u8| Epoch::from_random(self.dice.random()));
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.process.is_none()) else { return };
        let (store, boot) = (StoreId::from_random(store), h.clock.boot);
        // a station is upgraded at a restart, at the latest when everything heals
        if h.life > 0 && (self.calm || self.dice.random_bool(0.5)) {
            h.version = VERSION;
        }
        let fresh = Fresh { store, epoch, notes_epoch, boot, seed };
        if let Err(fault) = h.start(now, fresh) {
            return self.oracle.fault(format!("{host} does not start: {fault}"));
        }
        let life = h.life;
        self.oracle.opened(host, epoch);
        self.figures.starts += 1;
        self.story.tell(now_us, format_args!("{host} starts, epoch {epoch}"));
        self.soon(1_000, 50_000, Event::OpenInbox { host, life });
        self.soon(1_000, 600_000, Event::Index { host, life });
        // connections that an earlier life of the bus had are reset by this one
        self.hang_up_children(host);
        self.begin_dialling(host);
        self.touched(host);
    }

    /// A station hears of something, if it still runs.
    pub(super) fn input(&mut self, host: usize, life: u32, input: Input) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        h.handle(now, input);
        self.touched(host);
    }

    /// After anything that a station may have decided on: commit if the disk is idle, and look
    /// when it wants to be woken next.
    pub(super) fn touched(&mut self, host: usize) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get_mut(host) else { return };
        let life = h.life;
        let early = h.begin_commit(now);
        if let Some(writes) = h.next_commit() {
            let (least, most) = if writes { self.plan.commit_us } else { (0, EMPTY_COMMIT_US) };
            self.soon(least, most, Event::Committed { host, life });
        }
        for effect in early {
            self.effect(host, life, effect);
        }
        self.set_timer(host);
    }

    fn set_timer(&mut self, host: usize) {
        let Some(h) = self.hosts.get(host) else { return };
        let due = h.due_us().map(|boot_us| h.clock.when(boot_us).max(h.paused_us));
        self.timers.set(host, due.map(|at| at.max(self.now_us)));
    }

    pub(super) fn committed(&mut self, host: usize, life: u32) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        self.figures.commits += 1;
        let Ok(effects) = h.end_commit() else {
            self.figures.full_disks += 1;
            self.tell(format_args!("{host}: its disk is full"));
            return self.crash(host, false);
        };
        if let Some(link) = h.unbalanced() {
            self.oracle.fault(format!("accounted: the count of {host} for {link:?} is out"));
        }
        let oldest = h.disk.news_of_oldest();
        self.note_taken(host);
        for effect in effects {
            self.effect(host, life, effect);
        }
        if let Some(oldest) = oldest {
            self.input(host, life, Input::Oldest(Box::new(oldest)));
        }
        self.unlink(host);
        self.touched(host);
    }

    /// Segments that are no longer wanted go, and with them what a neighbour might have been
    /// refilled from.
    fn unlink(&mut self, host: usize) {
        let Some(h) = self.hosts.get_mut(host) else { return };
        for (id, link) in h.disk.unlink(h.index.through()) {
            let neighbour = match &link {
                Link::Up => self.tree.parent(host),
                Link::Down(code) => self.tree.station(code),
                Link::Inbox | Link::Adapter => None,
            };
            let Some(neighbour) = neighbour else { continue };
            if self.hosts.get(neighbour).is_some_and(|h| !h.disk.had(&id)) {
                self.oracle.cannot_refill(host, neighbour, &id);
            }
        }
    }

    /// The disk has new messages of publishers: the oracle's clock for them starts.
    pub(super) fn note_taken(&mut self, host: usize) {
        self.note_matters(host);
        let Some(h) = self.hosts.get_mut(host) else { return };
        for envelope in std::mem::take(&mut h.taken) {
            self.oracle.taken(host, &envelope, self.now_us);
        }
    }

    pub(super) fn effect(&mut self, host: usize, life: u32, effect: Effect) {
        match effect {
            Effect::Reply { ticket, verdict } => self.reply(host, life, ticket, verdict),
            Effect::Hello(hello) => {
                let input = Box::new(Input::Unanswered { counter: hello.counter });
                let wait_us = self.plan.hello_wait_us;
                self.at(self.now_us + wait_us, Event::Input { host, life, input });
                self.transmit(host, Course::Up, &Frame::Hello(*hello), Some(life));
            }
            Effect::Answer { ticket, frame } => {
                if let Some((child, caller)) = self.callers.remove(&ticket) {
                    self.transmit(child, Course::Down, &frame, Some(caller));
                }
            }
            Effect::Nudge { child, nudge } => {
                if let Some(child) = self.tree.station(&child) {
                    self.transmit(child, Course::Down, &Frame::Nudge(nudge), None);
                }
            }
            Effect::Ack { link, ack } => self.pass(host, &link, &Frame::Ack(ack)),
            Effect::Beat { link, beat } => self.pass(host, &link, &Frame::Beat(beat)),
            Effect::Send(send) => self.send(host, life, send),
            Effect::Deliver(deliver) => self.deliver(host, life, deliver),
            Effect::Recall { opening, from, through } => {
                if let Some(h) = self.hosts.get_mut(host).filter(|h| h.opening() == Some(opening)) {
                    h.recall(from, through);
                }
                self.soon(5_100, 80_000, Event::Release { host, life, opening, through });
            }
            Effect::Discard { segment } => {
                self.tell(format_args!("{host} discards segment {segment}"));
                if let Some(h) = self.hosts.get_mut(host) {
                    h.disk.discard(segment);
                }
                self.unlink(host);
            }
            Effect::Carry { segment, open } => {
                self.tell(format_args!("{host} carries {open:?} out of segment {segment}"));
                let Some(h) = self.hosts.get_mut(host) else { return };
                let input = Box::new(h.carry(segment, &open));
                self.soon(100, 20_000, Event::Input { host, life, input });
            }
            Effect::Attempt { lane, leg, clock } => self.attempt(host, life, (lane, leg), &clock),
            Effect::Notice(notice) => self.tell(format_args!("{host}: {notice:?}")),
            // the pretend seals of a story belong to stations, whatever their keys
            Effect::Amended(_)
            | Effect::AskSpans { .. }
            | Effect::Collect { .. }
            | Effect::Collects(_) => {}
        }
    }

    fn send(&mut self, host: usize, life: u32, send: yizhan_core::effect::Send) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get(host) else { return };
        let (frames, heard) = match h.fill(&send, now) {
            Ok(filled) => filled,
            Err(fault) => return self.oracle.fault(format!("a send does not fill: {fault}")),
        };
        frames.iter().for_each(|frame| self.pass(host, &send.link, frame));
        for input in heard {
            if let Input::Unreadable { link, lane, from, through, .. } = &input {
                self.tell(format_args!(
                    "{host}: {link:?} {lane} {from}..={through} cannot be read"
                ));
            }
            let input = Box::new(input);
            self.soon(10, 500, Event::Input { host, life, input });
        }
    }

    /// The index takes what waits for it, and does so again after a while.
    pub(super) fn index(&mut self, host: usize, life: u32) {
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) else { return };
        if let Some(through) = h.index.catch_up() {
            self.input(host, life, Input::Indexed { through });
            self.unlink(host);
        }
        self.soon(300_000, 2_000_000, Event::Index { host, life });
    }
}
