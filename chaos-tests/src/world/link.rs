//! What links do in a [`World`]: carry frames, break, come back.

use yizhan_core::input::{Input, Ticket};
use yizhan_core::link::Link;
use yizhan_core::seal::Checked;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::{Body, Frame};

use super::World;
use super::event::Event;
use crate::network::{Course, Fate, Passage};
use crate::plan::Faults;

/// Where nothing goes wrong, all have been at work for ten seconds by then.
const LEARNT_US: u64 = 15_000_000;

impl World {
    /// Puts a frame on the link that a station means.
    pub(super) fn pass(&mut self, host: usize, link: &Link, frame: &Frame) {
        let ends = match link {
            Link::Up => self.tree.parent(host).map(|parent| (parent, host, Course::Up)),
            Link::Down(code) => self.tree.station(code).map(|child| (child, child, Course::Down)),
            Link::Inbox | Link::Adapter => None,
        };
        let altered = match (frame, ends) {
            (Frame::Batch(batch), Some((to, ..))) => self.tampered(host, to, batch),
            _ => None,
        };
        let altered = altered.map(Frame::Batch);
        let frame = altered.as_ref().unwrap_or(frame);
        match link {
            Link::Up => self.transmit(host, Course::Up, frame, None),
            Link::Down(_) => {
                if let Some((_, child, course)) = ends {
                    self.transmit(child, course, frame, None);
                }
            }
            Link::Inbox | Link::Adapter => {
                self.oracle.fault(format!("{host} sends a frame to {link:?}"));
            }
        }
    }

    /// Puts a frame on a child's link. Nothing is published by who is not connected, and what is
    /// published on a bus that is gone goes nowhere.
    pub(super) fn transmit(
        &mut self,
        child: usize,
        course: Course,
        frame: &Frame,
        caller: Option<u32>,
    ) {
        let bytes = match frame.encode() {
            Ok(bytes) => bytes,
            Err(fault) => return self.oracle.fault(format!("a frame does not encode: {fault}")),
        };
        let attached = self.is_attached(child);
        match frame {
            Frame::Hello(hello) => {
                let (epoch, counter) = (hello.epoch, hello.counter);
                self.tell(format_args!("{child} says hello {counter} of {epoch} ({attached})"));
            }
            Frame::Welcome(welcome) => {
                let counter = welcome.counter;
                self.tell(format_args!("{child} is welcomed: hello {counter} ({attached})"));
            }
            _ => {}
        }
        if !attached {
            return;
        }
        self.figures.frames += 1;
        self.judge_queue(child, course, frame);
        self.story.note(self.now_us, &bytes);
        let twice = self.weather.duplicate > 0.0
            && rand::Rng::random_bool(&mut self.dice, self.weather.duplicate);
        for _ in 0..1 + u32::from(twice) {
            let Some(link) = self.links.get_mut(child) else { return };
            let length = bytes.len() as u64;
            let fate = link.carry(course, length, self.now_us, &self.weather, &mut self.dice);
            let event = Event::Arrive { child, course, bytes: bytes.clone(), caller };
            match (fate, self.held.get_mut(child)) {
                (Fate::Arrives(at), _) => self.at(at, event),
                (Fate::Waits, Some(held)) => held.push(event),
                _ => {}
            }
        }
    }

    /// Bulk waits in a modem's queue only as long as the design allows, where nothing is wrong and
    /// there was time to learn how fast the line is.
    fn judge_queue(&mut self, child: usize, course: Course, frame: &Frame) {
        let is_bulk = matches!(frame, Frame::Batch(batch) if batch.lane != Lane::Flash);
        if !is_bulk || self.plan.faults != Faults::default() || self.now_us < LEARNT_US {
            return;
        }
        let Some(most) = self.plan.queued_bytes_max() else { return };
        let waiting = self.links.get(child).map_or(0, |l| l.waiting_bytes(course, self.now_us));
        self.figures.queues += 1;
        if waiting > most {
            self.oracle.fault(format!(
                "bytes in flight: {waiting} wait for the modem of {child} ({course:?}), allowed are \
                 {most}"
            ));
        }
    }

    /// True if the child's client is connected to the bus that its parent has now.
    fn is_attached(&self, child: usize) -> bool {
        let parent = self.tree.parent(child).and_then(|at| self.hosts.get(at));
        let attached = self.links.get(child).and_then(|link| link.attached);
        parent.is_some_and(|parent| parent.bus && attached == Some(parent.bus_life))
    }

    pub(super) fn arrive(
        &mut self,
        child: usize,
        course: Course,
        bytes: &bytes::Bytes,
        caller: Option<u32>,
    ) {
        let shut = self.links.get(child).is_none_or(|l| l.passage(course) == Passage::Shut);
        let to = match course {
            Course::Up => self.tree.parent(child),
            Course::Down => Some(child),
        };
        let Some(to) = to.filter(|_| !shut && self.is_attached(child)) else { return };
        let Some(life) = self.hosts.get(to).filter(|h| h.process.is_some()).map(|h| h.life) else {
            return self.no_responders(child, caller, bytes);
        };
        let frame = match Frame::decode(bytes) {
            Ok(frame) => frame,
            Err(fault) => return self.oracle.fault(format!("a frame does not read: {fault}")),
        };
        let input = match (course, caller) {
            (Course::Up, Some(caller)) => self.greeted(to, child, caller, frame),
            (Course::Down, Some(caller)) if caller == life => self.answered(to, frame),
            // whoever asked is dead, and with it the subject for the answer
            (Course::Down, Some(_)) => Ok(None),
            (Course::Up, None) => self.heard(to, Link::Down(self.code(child)), frame).map(Some),
            (Course::Down, None) => self.heard(to, Link::Up, frame).map(Some),
        };
        match input {
            Ok(Some(input)) => self.input(to, life, input),
            Ok(None) => {}
            Err(fault) => self.oracle.fault(fault),
        }
    }

    /// A bus without its node says so to whoever asks something.
    fn no_responders(&mut self, child: usize, caller: Option<u32>, bytes: &bytes::Bytes) {
        let (Some(life), Ok(Frame::Hello(hello))) = (caller, Frame::decode(bytes)) else { return };
        let input = Box::new(Input::Unanswered { counter: hello.counter });
        let (least, most) = self.plan.links.delay_us;
        self.soon(least, most, Event::Input { host: child, life, input });
    }

    fn code(&self, at: usize) -> yizhan_schemas::Code {
        self.tree.code(at).or(self.tree.code(0)).cloned().unwrap_or_else(|| unreachable!())
    }

    fn heard(&mut self, to: usize, link: Link, frame: Frame) -> Result<Input, String> {
        Ok(match frame {
            Frame::Batch(batch) => {
                let body = Body::decode(&batch.body);
                let body = body.map_err(|fault| format!("a body does not read: {fault}"))?;
                let body = Checked::of(body, &self.tree.signets);
                self.oracle.arrived(to, &body);
                let (session, lane) = (batch.session, batch.lane);
                let (first, sent_ms) = (batch.first, batch.sent_ms);
                Input::Batch { link, session, lane, first, sent_ms, body }
            }
            Frame::Ack(ack) => Input::Ack { link, ack },
            Frame::Beat(beat) => Input::Beat { link, beat },
            Frame::Nudge(_) => Input::Nudged,
            other => return Err(format!("out of place: {other:?}")),
        })
    }

    fn greeted(
        &mut self,
        to: usize,
        child: usize,
        caller: u32,
        frame: Frame,
    ) -> Result<Option<Input>, String> {
        let Frame::Hello(hello) = frame else {
            return Err(format!("no hello: {frame:?}"));
        };
        self.counter += 1;
        let ticket = Ticket(self.counter);
        self.callers.insert(ticket, (child, caller));
        let from = self.code(child);
        let link = Link::Down(from.clone());
        let marks = self.hosts.get(to).map(|h| h.marks(&link, &hello.haves)).unwrap_or_default();
        Ok(Some(Input::Greeted { from, hello: Box::new(hello), ticket, marks }))
    }

    fn answered(&mut self, to: usize, frame: Frame) -> Result<Option<Input>, String> {
        Ok(Some(match frame {
            Frame::Welcome(welcome) => {
                let h = self.hosts.get(to);
                let marks = h.map(|h| h.marks(&Link::Up, &welcome.haves)).unwrap_or_default();
                Input::Welcomed { welcome: Box::new(welcome), marks }
            }
            Frame::Refused(refused) => {
                self.tell(format_args!("{to} is refused: {}", refused.message));
                Input::Refused(refused)
            }
            other => return Err(format!("no answer to a hello: {other:?}")),
        }))
    }

    /// The child's client tries to connect, if it does not already.
    pub(super) fn begin_dialling(&mut self, child: usize) {
        let life = self.hosts.get(child).map_or(0, |h| h.life);
        let Some(link) = self.links.get_mut(child) else { return };
        link.attached = None;
        if self.tree.parent(child).is_some() {
            self.soon(1_000, 50_000, Event::Dial { child, life });
        }
    }

    pub(super) fn dial(&mut self, child: usize, life: u32) {
        let parent = self.tree.parent(child).and_then(|at| self.hosts.get(at));
        let bus = parent.filter(|h| h.bus).map(|h| h.bus_life);
        let Some(link) = self.links.get_mut(child) else { return };
        if link.attached.is_some() || self.hosts.get(child).is_none_or(|h| h.life != life) {
            return;
        }
        match bus.filter(|_| link.connects()) {
            Some(bus_life) => {
                link.attached = Some(bus_life);
                self.input(child, life, Input::Connected);
            }
            None => self.soon(50_000, 1_000_000, Event::Dial { child, life }),
        }
    }

    /// The child's client finds its connection gone and tries anew.
    pub(super) fn hang_up(&mut self, child: usize, life: u32) {
        let Some(link) = self.links.get_mut(child) else { return };
        if link.attached.is_none() || self.hosts.get(child).is_none_or(|h| h.life != life) {
            return;
        }
        link.attached = None;
        self.input(child, life, Input::Disconnected);
        self.begin_dialling(child);
    }

    /// The clients of all children of a bus that died, or died and came back, find that out.
    pub(super) fn hang_up_children(&mut self, parent: usize) {
        let children: Vec<usize> = self.tree.children(parent).collect();
        for child in children {
            let life = self.hosts.get(child).map_or(0, |h| h.life);
            let stale = self.links.get(child).is_some_and(|link| link.attached.is_some());
            if stale && !self.is_attached(child) {
                self.soon(100, 2_000_000, Event::Hangup { child, life });
            }
        }
    }
}
