//! Legs with a time to live end when it has run out, unless they are on their way already.
//!
//! Age is known age plus the time held here, by the clock since boot. After a reboot nobody here
//! knows how long the power was off: the message goes on marked so, but it enters no inbox.

use std::collections::BTreeSet;

use yizhan_schemas::Lane;
use yizhan_schemas::frame::SkipReason;

use super::Station;
use crate::kept::{Kept, Perishable};
use crate::link::Link;
use crate::record::Put;
use crate::step::Step;
use crate::time::{BootId, Now};

/// A leg in flight is looked at again after this long, microseconds.
const LOOK_AGAIN_US: u64 = 1_000_000;

type Place = (Link, Lane, u64);

/// Open legs with a time to live, by when it runs out (microseconds since boot).
#[derive(Debug, Default)]
pub(super) struct Perishing {
    deadlines: BTreeSet<(u64, Place)>,
}

impl Perishing {
    /// What a restarted station still has to watch.
    pub(super) fn of(kept: &Kept, boot: BootId) -> Self {
        let deadline = |(place, p): (&Place, &Perishable)| (deadline_us(p, boot), place.clone());
        Self { deadlines: kept.perishable.iter().map(deadline).collect() }
    }

    pub(super) fn watch(&mut self, put: &Put) {
        let header = put.envelope.header();
        let Some(ttl_ms) = header.ttl_ms else { return };
        let ends_ms = put.taken_boot_ms.saturating_add(ttl_ms.saturating_sub(put.age_ms));
        for leg in &put.legs {
            let place = (leg.link.clone(), leg.link.numbered_lane(header.lane), leg.sequence);
            let held_back = put.age_unknown && leg.link == Link::Inbox;
            let at = if held_back { 0 } else { ends_ms.saturating_mul(1000) };
            self.deadlines.insert((at, place));
        }
    }

    /// The inbox begins anew: legs that were spared because they were on their way are not, now.
    pub(super) fn inbox_opened(&mut self, kept: &Kept, boot: BootId) {
        let place = |leg| (Link::Inbox, Lane::Routine, leg);
        let open = kept.perishable.range(place(0)..=place(u64::MAX));
        self.deadlines.extend(open.map(|(place, p)| (deadline_us(p, boot), place.clone())));
    }

    pub(super) fn due_us(&self) -> Option<u64> {
        self.deadlines.first().map(|(at, _)| *at)
    }
}

/// When a leg is too old. One whose age nobody knows is so at once, for an inbox; on its way to
/// a neighbour it goes on for its time to live, by the clock that runs.
fn deadline_us(perishable: &Perishable, boot: BootId) -> u64 {
    let left_ms = perishable.ttl_ms.saturating_sub(perishable.age_ms);
    let known = perishable.boot == boot && !perishable.age_unknown;
    if known { perishable.taken_boot_ms.saturating_add(left_ms).saturating_mul(1000) } else { 0 }
}

impl Station {
    /// Ends the legs whose time has run out.
    pub(super) fn perish(&mut self, now: Now, step: &mut Step) {
        let due =
            |set: &BTreeSet<(u64, Place)>| set.first().is_some_and(|(at, _)| *at <= now.boot_us);
        let mut later = Vec::new();
        while due(&self.perishing.deadlines) {
            let Some((_, place)) = self.perishing.deadlines.pop_first() else { break };
            let Some(perishable) = self.kept.perishable.get(&place).copied() else { continue };
            if self.spare(&place, &perishable) {
                continue;
            }
            let (link, lane, leg) = &place;
            if self.on_its_way(&place) {
                later.push((now.boot_us + LOOK_AGAIN_US, place));
            } else {
                self.end_legs(link, *lane, *leg, *leg, SkipReason::Expired, step);
            }
        }
        self.perishing.deadlines.extend(later);
    }

    /// Transit goes on where the age is unknown: the next station, or the target, decides.
    fn spare(&self, (link, ..): &Place, perishable: &Perishable) -> bool {
        let unknown = perishable.boot != self.boot || perishable.age_unknown;
        unknown && *link != Link::Inbox
    }

    /// A leg that may have left already is the receiver's to judge.
    fn on_its_way(&self, (link, lane, leg): &Place) -> bool {
        let sent = match link {
            // until the stream says what is in it, anything may be
            Link::Inbox => self.inbox.offered().or(Some(u64::MAX)),
            _ => {
                let neighbour = self.neighbours.get(link);
                let session = neighbour.and_then(|n| n.session.as_ref());
                session.and_then(|s| s.flights.get(*lane as usize)).map(|flight| flight.sent)
            }
        };
        sent.is_some_and(|sent| *leg <= sent)
    }
}
