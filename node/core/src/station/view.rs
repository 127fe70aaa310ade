//! [`View`]: what a page or a metric shows of a station.

use std::sync::Arc;

use yizhan_schemas::{Code, Lane, Outcome, PerLane};

use super::{Governed, Station};
use crate::link::Link;
use crate::outbound::Tally;
use crate::time::Now;

/// A station at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its place.
    pub code: Code,
    /// Messages taken from publishers since the store was made.
    pub accepted: u64,
    /// Messages surely in the inbox since the store was made.
    pub delivered: u64,
    /// Legs of neighbours that did not come and may be missing somewhere.
    pub gaps: u64,
    /// Legs put aside.
    pub quarantined: u64,
    /// Messages that came behind one that they should have come before.
    pub late: u64,
    /// (message, target) pairs of messages from here by how they ended, in the order of
    /// [`Outcome::ALL`], since the store was made.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Such pairs that have not ended yet, as far as is known here.
    pub outcomes_open: u64,
    /// Directives from here whose answers are waited for.
    pub awaited: u64,
    /// True if the inbox stream can be written.
    pub inbox_open: bool,
    /// Its links; inbox and adapter last.
    pub links: Vec<LinkView>,
    /// Version of the policy that counts here.
    pub policy_version: u64,
    /// Version of the table of categories that counts here.
    pub categories: Option<String>,
    /// Incidents, cases, and what was counted.
    pub governed: Arc<Governed>,
}

/// A link at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// Which.
    pub link: Link,
    /// True if a session stands.
    pub up: bool,
    /// True if the neighbour had no room for what was sent last, in any lane.
    pub full: bool,
    /// The frame version of its session.
    pub version: Option<u8>,
    /// Smoothed round trip, microseconds.
    pub rtt_us: Option<u64>,
    /// Bytes a second that it delivers, as far as that was seen.
    pub rate: Option<u64>,
    /// How far the parent's wall clock is ahead of this station's, milliseconds, at the last hello.
    pub clock_offset_ms: Option<i64>,
    /// Legs owed, lane by lane.
    pub backlog: PerLane<u64>,
    /// Bytes of their messages, about, lane by lane.
    pub backlog_bytes: PerLane<u64>,
    /// Age of the oldest leg owed, microseconds, lane by lane (of those that are timed).
    pub oldest_us: PerLane<Option<u64>>,
    /// The count, lane by lane.
    pub tally: PerLane<Tally>,
    /// Legs handed over and still held, should the neighbour lose them, lane by lane.
    pub two_hop: PerLane<u64>,
    /// Notes on others' messages that are to be told there.
    pub notes_owed: u64,
}

impl Station {
    /// What to show at this moment.
    pub fn view(&mut self, now: Now) -> View {
        let governed = self.governed();
        let inbox = self.kept.outbound(&Link::Inbox, Lane::Routine);
        View {
            code: self.here.clone(),
            accepted: self.kept.accepted,
            delivered: inbox.map_or(0, |lane| lane.tally.handed_over),
            gaps: self.kept.gaps,
            quarantined: self.kept.quarantined,
            late: self.kept.late,
            outcomes: self.kept.outcomes.ended,
            outcomes_open: self.kept.outcomes.open(),
            awaited: self.kept.awaited.len() as u64,
            inbox_open: self.inbox.is_open(),
            links: self.link_views(now),
            policy_version: self.policy_version(),
            categories: self.topology.categories().map(|table| table.version().to_owned()),
            governed,
        }
    }

    /// Its links at this moment; inbox and adapter last.
    pub fn link_views(&self, now: Now) -> Vec<LinkView> {
        let mut links: Vec<LinkView> =
            self.neighbours.keys().map(|link| self.link_view(now, link)).collect();
        links.push(self.link_view(now, &Link::Inbox));
        if self.kept.outbound.contains_key(&Link::Adapter) {
            links.push(self.link_view(now, &Link::Adapter));
        }
        links
    }

    fn link_view(&self, now: Now, link: &Link) -> LinkView {
        let neighbour = self.neighbours.get(link);
        let lanes = self.kept.outbound.get(link);
        let oldest = |lane: Lane| {
            let samples = match neighbour {
                Some(neighbour) => neighbour.samples.get(lane as usize),
                None => {
                    let inbox = *link == Link::Inbox && lane == Lane::Routine;
                    Some(&self.inbox.samples).filter(|_| inbox)
                }
            };
            samples.and_then(|s| s.oldest_us()).map(|at| now.boot_us.saturating_sub(at))
        };
        let up = match neighbour {
            Some(neighbour) => neighbour.session.is_some(),
            None => *link != Link::Inbox || self.inbox.is_open(),
        };
        let session = neighbour.and_then(|n| n.session.as_ref());
        LinkView {
            link: link.clone(),
            up,
            full: session.is_some_and(|session| session.full.iter().any(|(_, full)| *full)),
            version: session.map(|session| session.version),
            rtt_us: neighbour.and_then(|n| n.rtt_us),
            rate: neighbour.and_then(|n| n.pace.rate()),
            clock_offset_ms: neighbour.and_then(|n| n.clock_offset_ms),
            backlog: PerLane::from_fn(|lane| lanes.map_or(0, |lanes| lanes.get(lane).held())),
            backlog_bytes: PerLane::from_fn(|lane| {
                lanes.map_or(0, |lanes| lanes.get(lane).owed_bytes())
            }),
            oldest_us: PerLane::from_fn(oldest),
            tally: PerLane::from_fn(|lane| {
                lanes.map_or(Tally::default(), |lanes| lanes.get(lane).tally)
            }),
            two_hop: PerLane::from_fn(|lane| lanes.map_or(0, |lanes| lanes.get(lane).cached())),
            notes_owed: self.kept.owing.get(link).map_or(0, |owing| owing.len() as u64),
        }
    }
}
