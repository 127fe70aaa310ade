//! When a [`World`] has nothing left to do, and what is missing if that does not come.
//!
//! Stations are asked for their backlogs only to know when to stop; whether what happened is
//! right is for the oracle to say.

use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_schemas::{Answer, Lane, MessageId, Outcome};

use super::event::{Attempt, Event};
use super::{ENCORE_US, IDLE_FRAMES_MAX, World};
use crate::host::Host;
use crate::oracle::Pages;
use crate::tree::Tree;

/// Bytes that a station may remember for a message about an incident or a case, also at the end.
const DEED_BYTES: usize = 400;
/// Bytes that a station may remember for a message and a target, while it is under way.
const PAIR_BYTES: usize = 100;

/// What a station's log says of its own messages.
pub(super) struct Shown<'a> {
    hosts: &'a [Host],
    tree: &'a Tree,
}

impl Pages for Shown<'_> {
    fn outcome(&self, origin: usize, id: &MessageId, target: usize) -> Option<Outcome> {
        self.hosts.get(origin)?.disk.receipts.outcome(id, self.tree.code(target)?)
    }

    fn is_answered(&self, origin: usize, id: &MessageId, target: usize, answer: Answer) -> bool {
        let station = self.hosts.get(origin).zip(self.tree.code(target));
        station.is_some_and(|(h, code)| h.disk.receipts.is_answered(id, code, answer))
    }
}

impl World {
    /// True if nothing is owed to anybody any more.
    pub(super) fn is_settled(&self) -> bool {
        let running = self.hosts.iter().all(|h| h.process.is_some());
        running
            && self.oracle.is_satisfied(self.now_us)
            && self.oracle.is_accounted(&self.pages())
            && !self.hosts.iter().any(Self::owes)
            && (1..self.hosts.len()).all(|child| self.disagreement(child).is_none())
            && self.is_told_of_matters()
    }

    /// What the pages of origins show.
    pub(super) fn pages(&self) -> Shown<'_> {
        Shown { hosts: &self.hosts, tree: &self.tree }
    }

    /// A few messages more, now that everything has settled.
    pub(super) fn schedule_encore(&mut self) {
        let encore: Vec<(usize, u64)> =
            self.matters.iter().filter(|m| m.encore).map(|m| (m.host, m.key)).collect();
        self.oracle.expects_encore();
        for (host, key) in encore {
            self.soon(1_000, 500_000, Event::Submit { host, key, why: Attempt::First });
        }
    }

    /// What a station must remember when nothing is owed is bounded by who its neighbours are and
    /// how often stations were opened, not by how much has passed.
    pub(super) fn check_memory(&mut self) {
        let openings = self.figures.starts as usize;
        for at in 0..self.hosts.len() {
            let Some(station) = self.hosts.get(at).and_then(Host::station) else { continue };
            let links = self.tree.children(at).count() + 2;
            let deeds = self.matters.iter().filter(|m| m.deed.is_some()).count();
            let matters = 8 * self.matters.len() + deeds * DEED_BYTES;
            let allowed = 8_192 + openings * 400 + links * 2_000 + matters;
            let idle = match station.kept().to_snapshot() {
                Ok(snapshot) => snapshot.len(),
                Err(fault) => return self.oracle.fault(format!("no snapshot of {at}: {fault}")),
            };
            let most = self.hosts.get(at).map_or(0, |h| h.snapshot_bytes);
            if idle > allowed {
                let fault = format!("{at} remembers {idle} bytes when idle, allowed are {allowed}");
                self.oracle.fault(format!("bounded: {fault}"));
            }
            let allowed = allowed + self.oracle.pairs() * PAIR_BYTES;
            if most > allowed {
                let fault = format!("{at} remembered {most} bytes, allowed are {allowed}");
                self.oracle.fault(format!("bounded: {fault}"));
            }
            if let Some(whose) = station.kept().imbalance() {
                let fault = format!("the legs of {whose:?} do not add up at {at}");
                self.oracle.fault(format!("accounted: {fault}"));
            }
        }
    }

    /// A tree that has nothing to do says little.
    pub(super) fn check_idle(&mut self, frames: u64) {
        let links = self.hosts.len() - 1;
        let allowed = links as f64 * IDLE_FRAMES_MAX * ENCORE_US.1 as f64 / 1e6;
        if frames as f64 > allowed {
            self.oracle.fault(format!("bounded: {frames} frames with nothing to do"));
        }
    }

    fn owes(host: &Host) -> bool {
        let kept = host.station().map(|station| station.kept());
        kept.is_none_or(|kept| {
            kept.outbound.values().any(|lanes| lanes.iter().any(|(_, lane)| lane.held() > 0))
        })
    }

    /// Where the ends of a link differ; nowhere if both have taken just what the other has offered.
    /// A station that does not know yet that its neighbour's store is a new one owes nothing in its
    /// own eyes.
    fn disagreement(&self, child: usize) -> Option<String> {
        let kept = |at: usize| self.hosts.get(at).and_then(Host::station).map(|s| s.kept());
        let parent = self.tree.parent(child);
        let (Some(above), Some(below)) = (parent.and_then(kept), kept(child)) else {
            return Some("one of them does not run".to_owned());
        };
        let down = Link::Down(self.tree.code(child)?.clone());
        let up = differs(below, &Link::Up, above, &down).map(|what| format!("up, {what}"));
        up.or_else(|| differs(above, &down, below, &Link::Up).map(|what| format!("down, {what}")))
    }

    /// What is missing, for people.
    pub(super) fn still_owed(&self) -> String {
        let mut words = Vec::new();
        for (at, host) in self.hosts.iter().enumerate() {
            if host.process.is_none() {
                words.push(format!("{at} does not run"));
            } else if Self::owes(host) {
                words.push(format!("{at} holds legs"));
            }
            if let Some(what) = self.disagreement(at).filter(|_| at > 0) {
                words.push(format!("{at} and its parent do not agree: {what}"));
            }
        }
        words.extend(self.oracle.missing(self.now_us));
        if !self.oracle.is_accounted(&self.pages()) {
            words.push("an origin does not know how one of its messages ended".to_owned());
        }
        if !self.is_told_of_matters() {
            words.push("a station does not know what became of a matter".to_owned());
        }
        words.truncate(8);
        words.join("; ")
    }
}

/// The first lane in which one end has not taken just what the other has offered.
fn differs(from: &Kept, out: &Link, to: &Kept, back: &Link) -> Option<String> {
    Lane::ALL.into_iter().find_map(|lane| {
        let ends = from.outbound(out, lane).zip(to.inbound(back, lane));
        let Some((out, back)) = ends else { return Some(format!("{lane}: one end knows none")) };
        let offered = (out.link_epoch, out.next);
        let taken = (back.link_epoch, back.expected);
        (offered != taken).then(|| format!("{lane}: {offered:?} offered, {taken:?} taken"))
    })
}
