//! Links of a [`County`]: whole or broken, a frame takes a while.

use bytes::Bytes;
use yizhan_core::effect::Send;
use yizhan_core::input::{Input, Ticket};
use yizhan_core::link::Link;
use yizhan_core::seal::Checked;
use yizhan_schemas::frame::{Body, Frame};

use super::County;
use super::event::Event;

/// A frame's way, microseconds.
const WAY_US: (u64, u64) = (2_000, 80_000);

impl County {
    /// A link breaks: its child finds that out.
    pub(super) fn cut(&mut self, child: usize) {
        let Some(linked) = self.linked.get_mut(child).filter(|linked| **linked) else { return };
        *linked = false;
        let life = self.hosts.get(child).map_or(0, |h| h.life);
        self.input(child, life, Input::Disconnected);
    }

    /// A link is whole, if there is somebody at both ends.
    pub(super) fn heal(&mut self, child: usize) {
        let runs = |at: usize| self.hosts.get(at).is_some_and(|h| h.process.is_some());
        let both = self.tree.parent(child).is_some_and(runs) && runs(child);
        let Some(linked) = self.linked.get_mut(child).filter(|linked| !**linked && both) else {
            return;
        };
        *linked = true;
        let life = self.hosts.get(child).map_or(0, |h| h.life);
        self.input(child, life, Input::Connected);
    }

    pub(super) fn send(&mut self, host: usize, life: u32, send: Send) {
        let now = self.clock(host);
        let Some(h) = self.hosts.get(host) else { return };
        let (frames, heard) = match h.fill(&send, now) {
            Ok(filled) => filled,
            Err(fault) => return self.faults.push(format!("a send does not fill: {fault}")),
        };
        frames.iter().for_each(|frame| self.pass(host, &send.link, frame));
        for input in heard {
            let input = Box::new(input);
            self.soon(10, 500, Event::Input { host, life, input });
        }
    }

    pub(super) fn pass(&mut self, host: usize, link: &Link, frame: &Frame) {
        match link {
            Link::Up => self.transmit(host, true, frame, None),
            Link::Down(code) => {
                if let Some(child) = self.tree.station(code) {
                    self.transmit(child, false, frame, None);
                }
            }
            Link::Inbox | Link::Adapter => {}
        }
    }

    pub(super) fn transmit(&mut self, child: usize, up: bool, frame: &Frame, caller: Option<u32>) {
        let Ok(bytes) = frame.encode() else {
            return self.faults.push("a frame does not encode".to_owned());
        };
        if !self.linked.get(child).copied().unwrap_or(false) {
            return;
        }
        if let Some(wire) = self.wire.get_mut(child).filter(|_| up) {
            wire.all_bytes += bytes.len() as u64;
            if matches!(frame, Frame::Batch(_)) {
                wire.batches_bytes += bytes.len() as u64;
            }
        }
        self.soon(WAY_US.0, WAY_US.1, Event::Arrive { child, up, bytes, caller });
    }

    pub(super) fn arrive(&mut self, child: usize, up: bool, bytes: &Bytes, caller: Option<u32>) {
        if !self.linked.get(child).copied().unwrap_or(false) {
            return;
        }
        let to = if up { self.tree.parent(child) } else { Some(child) };
        let Some((to, h)) = to.and_then(|to| Some((to, self.hosts.get(to)?))) else { return };
        let life = h.life;
        let frame = match Frame::decode(bytes) {
            Ok(frame) => frame,
            Err(fault) => return self.faults.push(format!("a frame does not read: {fault}")),
        };
        let code = self.tree.code(child).cloned();
        let Some(link) = code.map(|code| if up { Link::Down(code) } else { Link::Up }) else {
            return;
        };
        if let Some(input) = self.read(to, child, link, caller, frame) {
            self.input(to, life, input);
        }
    }

    fn read(
        &mut self,
        to: usize,
        child: usize,
        link: Link,
        caller: Option<u32>,
        frame: Frame,
    ) -> Option<Input> {
        Some(match frame {
            Frame::Hello(hello) => {
                self.counter += 1;
                let ticket = Ticket(self.counter);
                self.callers.insert(ticket, (child, caller?));
                let Link::Down(from) = &link else { return None };
                let marks = self.hosts.get(to)?.marks(&link, &hello.haves);
                Input::Greeted { from: from.clone(), hello: Box::new(hello), ticket, marks }
            }
            Frame::Welcome(welcome) => {
                let marks = self.hosts.get(to)?.marks(&Link::Up, &welcome.haves);
                Input::Welcomed { welcome: Box::new(welcome), marks }
            }
            Frame::Refused(refused) => Input::Refused(refused),
            Frame::Batch(batch) => {
                let body = Checked::of(Body::decode(&batch.body).ok()?, &self.tree.signets);
                let (session, lane) = (batch.session, batch.lane);
                let (first, sent_ms) = (batch.first, batch.sent_ms);
                Input::Batch { link, session, lane, first, sent_ms, body }
            }
            Frame::Ack(ack) => Input::Ack { link, ack },
            Frame::Beat(beat) => Input::Beat { link, beat },
            Frame::Nudge(_) => Input::Nudged,
            // the core has no part in them
            Frame::Query(_) | Frame::Answer(_) => return None,
        })
    }
}
