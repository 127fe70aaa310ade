//! When a [`World`] has nothing left to do, and what is missing if that does not come.
//!
//! Stations are asked for their backlogs only to know when to stop; whether what happened is
//! right is for the oracle to say.

use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::World;
use crate::host::Host;

impl World {
    /// True if nothing is owed to anybody any more.
    pub(super) fn is_settled(&self) -> bool {
        let running = self.hosts.iter().all(|h| h.process.is_some());
        running
            && self.oracle.is_satisfied(self.now_us)
            && !self.hosts.iter().any(Self::owes)
            && (1..self.hosts.len()).all(|child| self.agree(child))
    }

    fn owes(host: &Host) -> bool {
        let kept = host.station().map(|station| station.kept());
        kept.is_none_or(|kept| {
            kept.outbound.values().any(|lanes| lanes.iter().any(|(_, lane)| lane.held() > 0))
        })
    }

    /// True if both ends of a link have taken just what the other has offered. A station that does
    /// not know yet that its neighbour's store is a new one owes nothing in its own eyes.
    fn agree(&self, child: usize) -> bool {
        let kept = |at: usize| self.hosts.get(at).and_then(Host::station).map(|s| s.kept());
        let parent = self.tree.parent(child);
        let (Some(above), Some(below)) = (parent.and_then(kept), kept(child)) else {
            return false;
        };
        let Some(code) = self.tree.code(child) else { return false };
        let (down, up) = (Link::Down(code.clone()), Link::Up);
        let taken =
            |from: &yizhan_core::kept::Kept, out: &Link, to: &yizhan_core::kept::Kept, back| {
                Lane::ALL.into_iter().all(|lane| {
                    let ends = from.outbound(out, lane).zip(to.inbound(back, lane));
                    ends.is_some_and(|(out, back)| {
                        (out.link_epoch, out.next) == (back.link_epoch, back.expected)
                    })
                })
            };
        taken(below, &up, above, &down) && taken(above, &down, below, &up)
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
            if at > 0 && !self.agree(at) {
                words.push(format!("{at} and its parent do not agree"));
            }
        }
        words.extend(self.oracle.missing(self.now_us));
        words.truncate(8);
        words.join("; ")
    }
}
