//! What both ends of a link do about a session: cursors and numberings, beginning and end.

use yizhan_schemas::frame::{Chain, Have, LinkEpoch, Offer};
use yizhan_schemas::{Lane, PerLane};

use super::Station;
use crate::effect::Notice;
use crate::input::Marks;
use crate::link::Link;
use crate::neighbour::{Neighbour, Session, Terms};
use crate::record::{Adopted, Cursor, Record, Renumbered};
use crate::resume::{Resume, resume};
use crate::step::Step;
use crate::time::Now;

/// Name and version for hellos.
pub(super) const SOFTWARE: &str = concat!("yizhan/", env!("CARGO_PKG_VERSION"));

impl Station {
    pub(super) fn offers(&self, link: &Link) -> PerLane<Offer> {
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

    pub(super) fn haves(&self, link: &Link) -> PerLane<Have> {
        let have = |lane| self.kept.inbound(link, lane).map(|lane| lane.have());
        PerLane::from_fn(|lane| have(lane).unwrap_or(Have { expected: 1, ..Have::default() }))
    }

    /// Takes over numberings of the neighbour that are new to us.
    pub(super) fn adopt(&mut self, link: &Link, offers: &PerLane<Offer>, step: &mut Step) {
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

    /// Where one lane goes on, by what the neighbour has.
    pub(super) fn resume_lane(
        &self,
        link: &Link,
        lane: Lane,
        have: &Have,
        marks: &PerLane<Marks>,
    ) -> Resume {
        let fresh = Default::default();
        let ours = self.kept.outbound(link, lane).unwrap_or(&fresh);
        let answered = self.neighbours.get(link).and_then(|n| n.answered.get(lane).as_ref());
        resume(ours, have, marks.get(lane).expected, answered)
    }

    /// Sets our cursors by what the neighbour has; true if a lane was numbered anew.
    pub(super) fn go_on(
        &mut self,
        link: &Link,
        haves: &PerLane<Have>,
        marks: &PerLane<Marks>,
        step: &mut Step,
    ) -> bool {
        let mut renumbered = false;
        self.touched.insert(link.clone());
        for (lane, have) in haves.iter() {
            match self.resume_lane(link, lane, have, marks) {
                Resume::After(through) => self.stand_at(link, lane, through, step),
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

    /// Everything up to this leg is durable at the neighbour, and nothing behind it.
    pub(super) fn stand_at(&mut self, link: &Link, lane: Lane, through: u64, step: &mut Step) {
        let acked = self.kept.outbound(link, lane).map_or(0, |owed| owed.acked);
        let at = Cursor { link: link.clone(), lane, through };
        match through.cmp(&acked) {
            std::cmp::Ordering::Greater => self.write(step, Record::HandedOver(at)),
            std::cmp::Ordering::Less => self.write(step, Record::Rewound(at)),
            std::cmp::Ordering::Equal => {}
        }
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
        let new = self.renumbering(link, lane, start, acked_chain);
        self.write(step, Record::Renumbered(new));
    }

    /// A numbering of one lane that begins at `start`, with a name never used before.
    pub(super) fn renumbering(
        &mut self,
        link: &Link,
        lane: Lane,
        start: u64,
        acked_chain: Option<Chain>,
    ) -> Renumbered {
        let fresh = Default::default();
        let ours = self.kept.outbound(link, lane).unwrap_or(&fresh);
        let start_chain = match ours.gone.chain_before(start) {
            Some(chain) => chain,
            None if start == ours.next => ours.chain,
            // where damage took the chain, the next hello finds a difference and numbers again
            None => acked_chain.unwrap_or_default(),
        };
        let n = self.link_epochs.max(self.kept.link_epochs);
        self.link_epochs = n.saturating_add(1);
        let link_epoch = LinkEpoch { epoch: self.epoch, n };
        Renumbered { link: link.clone(), lane, link_epoch, start, start_chain }
    }

    pub(super) fn begin_session(&mut self, now: Now, link: Link, terms: Terms, step: &mut Step) {
        let acked =
            PerLane::from_fn(|lane| self.kept.outbound(&link, lane).map_or(0, |lane| lane.acked));
        if let Some(neighbour) = self.neighbours.get_mut(&link) {
            neighbour.session = Some(Session::begin(terms, acked, now.boot_us));
            neighbour.heard_us = Some(now.boot_us);
        }
        self.notice(step, Notice::LinkUp { link });
    }

    pub(super) fn session_mut(&mut self, link: &Link) -> Option<&mut Session> {
        self.neighbours.get_mut(link).and_then(|neighbour| neighbour.session.as_mut())
    }

    /// The neighbour's clock stood at `their_ms` when ours stood at `our_ms` or later.
    pub(super) fn bound_transit(&mut self, now: Now, link: &Link, our_ms: u64, their_ms: u64) {
        if let Some(session) = self.session_mut(link) {
            session.transit.bound(now, our_ms, their_ms);
        }
    }

    /// A child sent something at `sent_ms` of its clock, after we had welcomed it. Only the first
    /// such word bounds anything; the frame that begins the session need not have one.
    pub(super) fn said_since_welcome(&mut self, now: Now, link: &Link, sent_ms: Option<u64>) {
        let Some(sent_ms) = sent_ms else { return };
        let welcomed_ms = self.session_mut(link).and_then(|session| session.welcomed_ms.take());
        if let Some(welcomed_ms) = welcomed_ms {
            self.bound_transit(now, link, welcomed_ms, sent_ms);
        }
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
        let silent = |n: &Neighbour| {
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
