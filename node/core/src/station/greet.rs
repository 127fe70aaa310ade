//! Sessions: hello, welcome, and what ends them.

use yizhan_schemas::codec;
use yizhan_schemas::frame::{
    Chain, Frame, Have, Hello, LaneAck, LinkEpoch, Offer, RefusalReason, Refused, SessionTag,
    Welcome,
};
use yizhan_schemas::{Code, Lane, PerLane};

use super::Station;
use crate::effect::{Effect, Notice};
use crate::input::{Marks, Ticket};
use crate::link::Link;
use crate::neighbour::Session;
use crate::peer::Claim;
use crate::record::{self, Adopted, Cursor, Record, Renumbered};
use crate::resume::{Resume, resume};
use crate::step::Step;
use crate::time::Now;

/// Name and version for hellos.
const SOFTWARE: &str = concat!("yizhan/", env!("CARGO_PKG_VERSION"));

/// Our side of the link to the parent.
#[derive(Debug, Default)]
pub(super) struct Uplink {
    connected: bool,
    /// The hello that waits for an answer, or the one to be said when due.
    asked: Option<Hello>,
    counter: u64,
    retry_us: Option<u64>,
    /// A frame overtook the welcome of its session, and was dropped.
    overtaken: bool,
}

impl Uplink {
    /// A frame of a session that does not stand came.
    pub(super) fn stranger(&mut self) {
        self.overtaken |= self.asked.is_some();
    }

    pub(super) fn due_us(&self) -> Option<u64> {
        self.retry_us.filter(|_| self.connected)
    }
}

impl Station {
    pub(super) fn on_connected(&mut self, now: Now, step: &mut Step) {
        self.uplink.connected = true;
        self.say_hello(now, step);
    }

    pub(super) fn on_disconnected(&mut self, step: &mut Step) {
        self.uplink.connected = false;
        self.uplink.retry_us = None;
        self.end_session(&Link::Up, "the connection to the parent's bus is gone", step);
    }

    pub(super) fn on_nudged(&mut self, now: Now, step: &mut Step) {
        self.end_session(&Link::Up, "the parent started anew", step);
        self.say_hello(now, step);
    }

    pub(super) fn on_unanswered(&mut self, now: Now, counter: u64) {
        if self.uplink.asked.as_ref().is_some_and(|hello| hello.counter == counter) {
            self.uplink.asked = None;
            self.uplink.retry_us = Some(now.boot_us + self.settings.hello_retry_ms * 1000);
        }
    }

    pub(super) fn hello_if_due(&mut self, now: Now, step: &mut Step) {
        if self.uplink.retry_us.is_some_and(|at| at <= now.boot_us) {
            self.say_hello(now, step);
        }
    }

    pub(super) fn say_hello(&mut self, now: Now, step: &mut Step) {
        if !(self.uplink.connected && self.neighbours.contains_key(&Link::Up)) {
            return;
        }
        self.uplink.counter += 1;
        let hello = Hello {
            version: codec::VERSION,
            code: self.here.clone(),
            formerly: self.formerly.clone(),
            store: self.store,
            epoch: self.epoch,
            counter: self.uplink.counter,
            boot_ms: now.boot_ms(),
            offers: self.offers(&Link::Up),
            haves: self.haves(&Link::Up),
            dictionaries: Vec::new(),
            software: SOFTWARE.to_owned(),
        };
        self.uplink.asked = Some(hello.clone());
        // if even the word that nobody answered is lost, it is said again all the same
        self.uplink.retry_us = Some(now.boot_us + self.settings.liveness_ms_min * 1000);
        step.after(Effect::Hello(Box::new(hello)));
    }

    pub(super) fn on_greeted(
        &mut self,
        now: Now,
        from: Code,
        hello: Hello,
        ticket: Ticket,
        marks: PerLane<Marks>,
        step: &mut Step,
    ) {
        let link = Link::Down(from);
        let frame = match self.claim_fault(now, &link, &hello) {
            Some((reason, why)) => {
                self.notice(step, Notice::HelloRefused { link, why: why.clone() });
                Frame::Refused(Refused { reason, message: why, counter: hello.counter })
            }
            None => Frame::Welcome(self.welcome(now, link, &hello, marks, step)),
        };
        step.after(Effect::Answer { ticket, frame: Box::new(frame) });
    }

    fn claim_fault(&self, now: Now, link: &Link, hello: &Hello) -> Option<(RefusalReason, String)> {
        let Some(neighbour) = self.neighbours.get(link) else {
            let why = format!("{} is no child of {} in its topology", hello.code, self.here);
            return Some((RefusalReason::UnknownStation, why));
        };
        if hello.version == 0 {
            let why = "frame version 0 is not spoken here".to_owned();
            return Some((RefusalReason::Version, why));
        }
        let claim = self
            .kept
            .peers
            .get(link)
            .map_or(Claim::Admit, |peer| peer.claim(hello.store, hello.epoch, hello.counter));
        let heard = neighbour.heard_us.filter(|_| neighbour.session.is_some());
        let patience_us = neighbour.patience_us(self.settings.liveness_ms_min, 8);
        let alive = heard.is_some_and(|at| now.boot_us < at.saturating_add(patience_us));
        match claim {
            Claim::Admit => None,
            Claim::OtherStore if !alive => None,
            Claim::OtherStore => Some((
                RefusalReason::StoreConflict,
                format!(
                    "another station is at work as {} (its data directory is not {}); stop one of \
                     the two",
                    hello.code, hello.store
                ),
            )),
            Claim::Replaced => Some((
                RefusalReason::StoreReplaced,
                format!("data directory {} of {} was replaced", hello.store, hello.code),
            )),
            Claim::Stale => Some((
                RefusalReason::Stale,
                format!("hello {} of epoch {} comes late", hello.counter, hello.epoch),
            )),
        }
    }

    fn welcome(
        &mut self,
        now: Now,
        link: Link,
        hello: &Hello,
        marks: PerLane<Marks>,
        step: &mut Step,
    ) -> Welcome {
        self.end_session(&link, "a new hello came", step);
        let known = self.kept.peers.get(&link).and_then(|peer| peer.now);
        if known.is_some_and(|(store, ..)| store != hello.store) {
            self.notice(step, Notice::StoreReplaced { link: link.clone() });
        }
        let haves = self.haves(&link);
        self.adopt(&link, &hello.offers, step);
        self.go_on(&link, &hello.haves, marks, step);
        let welcome = Welcome {
            version: codec::VERSION.min(hello.version),
            code: self.here.clone(),
            store: self.store,
            epoch: self.epoch,
            counter: hello.counter,
            boot_ms: now.boot_ms(),
            offers: self.offers(&link),
            haves,
            dictionaries: Vec::new(),
            software: SOFTWARE.to_owned(),
        };
        let with = record::Session {
            link: link.clone(),
            store: hello.store,
            epoch: hello.epoch,
            counter: hello.counter,
        };
        self.write(step, Record::Session(with));
        self.begin_session(now, link, SessionTag::of(hello, &welcome), step);
        welcome
    }

    pub(super) fn on_welcomed(
        &mut self,
        now: Now,
        welcome: Welcome,
        marks: PerLane<Marks>,
        step: &mut Step,
    ) {
        let asked = self.uplink.asked.take_if(|hello| hello.counter == welcome.counter);
        let Some(hello) = asked else { return };
        self.uplink.retry_us = None;
        self.adopt(&Link::Up, &welcome.offers, step);
        if self.go_on(&Link::Up, &welcome.haves, marks, step) {
            // our offers changed: the session that the parent has in mind is not this one
            self.say_hello(now, step);
            return;
        }
        let with = record::Session {
            link: Link::Up,
            store: welcome.store,
            epoch: welcome.epoch,
            counter: welcome.counter,
        };
        self.write(step, Record::Session(with));
        let tag = SessionTag::of(&hello, &welcome);
        self.begin_session(now, Link::Up, tag, step);
        if std::mem::take(&mut self.uplink.overtaken) {
            // better to ask for it again at once than to wait for the parent's patience to end
            for (lane, have) in self.haves(&Link::Up).iter() {
                let through = have.expected.saturating_sub(1);
                let ack = LaneAck { lane, through, gap: true, beyond: Vec::new() };
                step.ack(&Link::Up, tag, ack, None);
            }
        }
    }

    pub(super) fn on_refused(&mut self, now: Now, refused: Refused, step: &mut Step) {
        if self.uplink.asked.as_ref().is_none_or(|hello| hello.counter != refused.counter) {
            return;
        }
        self.on_unanswered(now, refused.counter);
        self.notice(step, Notice::HelloRefused { link: Link::Up, why: refused.message });
    }

    fn offers(&self, link: &Link) -> PerLane<Offer> {
        PerLane::from_fn(|lane| {
            let offer = self.kept.outbound(link, lane).and_then(|lane| lane.offer());
            // `open` has numbered every lane of every link before anything is said
            offer.unwrap_or(Offer {
                link_epoch: LinkEpoch { epoch: self.epoch, n: 0 },
                start: 1,
                start_chain: Chain::default(),
                next: 1,
            })
        })
    }

    fn haves(&self, link: &Link) -> PerLane<Have> {
        let have = |lane| self.kept.inbound(link, lane).map(|lane| lane.have());
        PerLane::from_fn(|lane| have(lane).unwrap_or(Have { expected: 1, ..Have::default() }))
    }

    /// Takes over numberings of the neighbour that are new to us.
    fn adopt(&mut self, link: &Link, offers: &PerLane<Offer>, step: &mut Step) {
        for (lane, offer) in offers.iter() {
            let known = self.kept.inbound(link, lane).and_then(|lane| lane.link_epoch);
            if known != Some(offer.link_epoch) {
                let adopted = Adopted {
                    link: link.clone(),
                    lane,
                    link_epoch: offer.link_epoch,
                    expected: offer.start,
                    chain: offer.start_chain,
                };
                self.write(step, Record::Adopted(adopted));
            }
        }
    }

    /// Sets our cursors by what the neighbour has; true if a lane was numbered anew.
    fn go_on(
        &mut self,
        link: &Link,
        haves: &PerLane<Have>,
        marks: PerLane<Marks>,
        step: &mut Step,
    ) -> bool {
        let mut renumbered = false;
        self.touched.insert(link.clone());
        for (lane, have) in haves.iter() {
            let fresh = Default::default();
            let ours = self.kept.outbound(link, lane).unwrap_or(&fresh);
            let acked = ours.acked;
            let answered = self.neighbours.get(link).and_then(|n| n.answered.get(lane).as_ref());
            match resume(ours, have, marks.get(lane).expected, answered) {
                Resume::After(through) if through > acked => {
                    let at = Cursor { link: link.clone(), lane, through };
                    self.write(step, Record::HandedOver(at));
                }
                Resume::After(through) if through < acked => {
                    let at = Cursor { link: link.clone(), lane, through };
                    self.write(step, Record::Rewound(at));
                }
                Resume::After(_) => {}
                Resume::Renumber(from) => {
                    self.renumber(link, lane, from, marks.get(lane).acked, step);
                    if let Some(neighbour) = self.neighbours.get_mut(link) {
                        *neighbour.answered.get_mut(lane) = Some(*have);
                    }
                    let link = link.clone();
                    self.notice(step, Notice::Renumbered { link, lane, from });
                    renumbered = true;
                }
            }
        }
        renumbered
    }

    /// Begins a new numbering of one lane at `start`.
    pub(super) fn renumber(
        &mut self,
        link: &Link,
        lane: Lane,
        start: u64,
        acked_chain: Option<Chain>,
        step: &mut Step,
    ) {
        let fresh = Default::default();
        let ours = self.kept.outbound(link, lane).unwrap_or(&fresh);
        let start_chain = match start {
            at if at == ours.held_from => ours.held_chain,
            at if at == ours.next => ours.chain,
            // where damage took the chain, the next hello finds a difference and numbers again
            _ => acked_chain.unwrap_or_default(),
        };
        let link_epoch = LinkEpoch { epoch: self.epoch, n: self.kept.link_epochs };
        let new = Renumbered { link: link.clone(), lane, link_epoch, start, start_chain };
        self.write(step, Record::Renumbered(new));
    }

    fn begin_session(&mut self, now: Now, link: Link, tag: SessionTag, step: &mut Step) {
        let acked =
            PerLane::from_fn(|lane| self.kept.outbound(&link, lane).map_or(0, |lane| lane.acked));
        if let Some(neighbour) = self.neighbours.get_mut(&link) {
            neighbour.session = Some(Session::begin(tag, acked, now.boot_us));
            neighbour.heard_us = Some(now.boot_us);
        }
        self.notice(step, Notice::LinkUp { link });
    }

    /// Ends a session, if one stands.
    pub(super) fn end_session(&mut self, link: &Link, why: &'static str, step: &mut Step) {
        let session = self.neighbours.get_mut(link).and_then(|n| n.session.take());
        if session.is_some() {
            self.notice(step, Notice::LinkDown { link: link.clone(), why });
        }
    }

    /// Ends sessions with neighbours that showed no life for too long.
    pub(super) fn miss_the_silent(&mut self, now: Now, step: &mut Step) {
        let silent = |n: &crate::neighbour::Neighbour| {
            let patience_us = n.patience_us(self.settings.liveness_ms_min, 8);
            let heard = n.heard_us.filter(|_| n.session.is_some());
            heard.is_some_and(|at| at.saturating_add(patience_us) <= now.boot_us)
        };
        let gone = self.neighbours.iter().filter(|(_, n)| silent(n)).map(|(link, _)| link.clone());
        for link in gone.collect::<Vec<_>>() {
            self.end_session(&link, "no sign of life for too long", step);
            if link == Link::Up {
                self.say_hello(now, step);
            }
        }
    }
}
