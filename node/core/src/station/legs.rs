//! What a message owes here, and when it began to.

use yizhan_schemas::{Envelope, Lane};

use super::Station;
use crate::link::Link;
use crate::neighbour::Samples;
use crate::record::Leg;
use crate::route;
use crate::time::Now;

impl Station {
    /// What is held from before this opening waits as well.
    pub(super) fn time_what_was_held(&mut self, now: Now) {
        let lanes = self.kept.outbound.iter().flat_map(|(link, lanes)| {
            lanes.iter().filter(|(_, owed)| owed.held() > 0).map(move |(lane, owed)| {
                (link.clone(), lane, owed.acked.saturating_add(1), owed.next.saturating_sub(1))
            })
        });
        for (link, lane, first, last) in lanes.collect::<Vec<_>>() {
            if let Some(samples) = self.samples_mut(&link, lane) {
                samples.held_before(first, last, now.boot_us);
            }
        }
    }

    fn samples_mut(&mut self, link: &Link, lane: Lane) -> Option<&mut Samples> {
        match self.neighbours.get_mut(link) {
            Some(neighbour) => neighbour.samples.get_mut(lane as usize),
            None => Some(&mut self.inbox.samples).filter(|_| *link == Link::Inbox),
        }
    }

    /// The legs of a message: chosen once, when it is taken.
    pub(super) fn legs(&self, envelope: &Envelope, via: Option<&Link>) -> Vec<Leg> {
        let header = envelope.header();
        let adapter = header.kind.is_for_adapter()
            || (header.kind.is_for_loudspeakers() && self.settings.loudspeakers);
        let end = if adapter { Link::Adapter } else { Link::Inbox };
        let links = route::links(&self.topology, &self.here, header, via, end);
        links.into_iter().map(|link| self.leg(link, envelope)).collect()
    }

    pub(super) fn leg(&self, link: Link, envelope: &Envelope) -> Leg {
        let header = envelope.header();
        let fresh = Default::default();
        let lane = self.kept.outbound(&link, header.lane).unwrap_or(&fresh);
        let (sequence, chain) = lane.next_leg(&header.id());
        Leg { link, sequence, chain }
    }

    /// Notes which cursors a message moved, and when it was taken.
    pub(super) fn moved(&mut self, now: Now, lane: Lane, legs: &[Leg]) {
        for leg in legs {
            self.touched.insert(leg.link.clone());
            if let Some(samples) = self.samples_mut(&leg.link, lane) {
                samples.watch(leg.sequence, now.boot_us);
            }
        }
    }
}
