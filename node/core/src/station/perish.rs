//! Legs with a time to live end when it has run out, unless they may have arrived already.
//!
//! Age is known age plus the time held here, by the clock since boot. After a power cut the time
//! without power is known only once a neighbour's clock has bridged it ([`crate::bridges`]). Until
//! then transit goes on, marked so; what is for this station's own inbox or adapters is held back,
//! and ends as expired if nobody bridges it in time.

use std::collections::BTreeSet;

use yizhan_schemas::frame::SkipReason;
use yizhan_schemas::{Code, Lane, Outcome};

use super::Station;
use crate::kept::{Kept, Perishable};
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record::{Cursor, Leg, Put, Record};
use crate::step::Step;
use crate::time::{BootClock, Now};

/// A leg in flight is looked at again after this long, microseconds.
const LOOK_AGAIN_US: u64 = 1_000_000;
/// Longest that a message of unknown age waits for a bridge, milliseconds: what is behind it in
/// the inbox waits with it.
pub(super) const HOLD_MS_MAX: u64 = 30_000;

type Place = (Link, Lane, u64);

/// The legs of a message that are to be watched: none, if it has no time to live.
pub(super) fn places(put: &Put) -> Vec<Place> {
    let header = put.envelope.header();
    let place = |leg: &Leg| (leg.link.clone(), leg.link.numbered_lane(header.lane), leg.sequence);
    let legs = header.ttl_ms.map(|_| put.legs.iter().map(place));
    legs.into_iter().flatten().collect()
}

/// Open legs with a time to live, by when it runs out (microseconds since boot).
#[derive(Debug, Default)]
pub(super) struct Perishing {
    deadlines: BTreeSet<(u64, Place)>,
    /// Legs of the inbox and of adapters whose age nobody can tell at present.
    doubtful: BTreeSet<Place>,
}

/// What is known of the age of an open leg.
enum Age {
    /// It is too old at this moment, milliseconds since boot.
    EndsAt(u64),
    /// Nobody can tell yet; so much of its time to live is left at most, milliseconds.
    NotYet(u64),
    /// Nobody ever will.
    Never,
}

fn age(perishable: &Perishable, clock: &BootClock) -> Age {
    let left_ms = perishable.ttl_ms.saturating_sub(perishable.age_ms);
    if perishable.age_unknown {
        return Age::Never;
    }
    let offset_ms = match clock.bridges.get(&perishable.boot) {
        _ if perishable.boot == clock.boot => 0,
        Some(offset_ms) => *offset_ms,
        None => return Age::NotYet(left_ms),
    };
    let ends_ms =
        i128::from(perishable.taken_boot_ms) + i128::from(offset_ms) + i128::from(left_ms);
    Age::EndsAt(u64::try_from(ends_ms.max(0)).unwrap_or(u64::MAX))
}

impl Perishing {
    /// What a station with these memories has to watch from `now` on.
    pub(super) fn of(kept: &Kept, clock: &BootClock, opened_ms: u64) -> Self {
        let mut all = Self::default();
        for (place, perishable) in &kept.perishable {
            all.watch_leg(place.clone(), perishable, clock, opened_ms);
        }
        all
    }

    fn watch_leg(&mut self, place: Place, leg: &Perishable, clock: &BootClock, opened_ms: u64) {
        let here = !place.0.is_neighbour();
        let ends_ms = match age(leg, clock) {
            Age::EndsAt(ends_ms) => ends_ms,
            Age::NotYet(left_ms) if here => {
                self.doubtful.insert(place.clone());
                opened_ms.saturating_add(left_ms.min(HOLD_MS_MAX))
            }
            Age::Never if here => 0,
            // the next station, or the target, decides
            Age::NotYet(_) | Age::Never => return,
        };
        self.deadlines.insert((ends_ms.saturating_mul(1000), place));
    }

    /// Watches a message that was just taken; `kept` has it already.
    pub(super) fn watch(&mut self, places: Vec<Place>, kept: &Kept, clock: &BootClock) {
        for place in places {
            if let Some(perishable) = kept.perishable.get(&place) {
                self.watch_leg(place, perishable, clock, 0);
            }
        }
    }

    pub(super) fn due_us(&self) -> Option<u64> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The first leg of a run whose age nobody can tell at present.
    pub(super) fn doubtful_in(&self, link: &Link, lane: Lane, from: u64, last: u64) -> Option<u64> {
        let place = |leg| (link.clone(), lane, leg);
        (from <= last)
            .then(|| self.doubtful.range(place(from)..=place(last)).next())
            .flatten()
            .map(|(_, _, leg)| *leg)
    }
}

impl Station {
    /// Ends the legs whose time has run out.
    pub(super) fn perish(&mut self, now: Now, step: &mut Step) {
        let mut now = now;
        if mutant::is(Mutant::ExpiryByWallClock) {
            let passed_ms = now.wall_ms.saturating_sub(self.opened_wall_ms);
            now.boot_us = self.opened_ms.saturating_add(passed_ms).saturating_mul(1000);
        }
        let due =
            |set: &BTreeSet<(u64, Place)>| set.first().is_some_and(|(at, _)| *at <= now.boot_us);
        let mut later = Vec::new();
        while due(&self.perishing.deadlines) {
            let Some((_, place)) = self.perishing.deadlines.pop_first() else { break };
            let Some(perishable) = self.kept.perishable.get(&place).cloned() else {
                self.perishing.doubtful.remove(&place);
                continue;
            };
            if self.may_have_arrived(&place) {
                later.push((now.boot_us + LOOK_AGAIN_US, place));
                continue;
            }
            self.perishing.doubtful.remove(&place);
            let (link, lane, leg) = &place;
            let stations = self.stations_behind(link, &perishable);
            self.ended_at(&perishable.id, stations, Outcome::Expired, None);
            self.end_legs(link, *lane, *leg, *leg, SkipReason::Expired, step);
        }
        self.perishing.deadlines.extend(later);
    }

    /// The stations that a message would have reached by one of its legs.
    pub(super) fn stations_behind(&self, link: &Link, message: &Perishable) -> Vec<Code> {
        let mut stations = self.topology.resolve(&message.to);
        stations.extend(message.notify.iter().flat_map(|notify| self.topology.resolve(notify)));
        let behind = |station: &Code| match link {
            Link::Inbox | Link::Adapter => *station == self.here,
            Link::Down(child) => station.is_within(child),
            Link::Up => !station.is_within(&self.here),
        };
        stations.into_iter().filter(behind).collect()
    }

    /// A leg that may have left already is the receiver's to judge, who knows whether it came.
    fn may_have_arrived(&self, (link, lane, leg): &Place) -> bool {
        match link {
            // until the stream says what is in it, anything may be
            Link::Inbox => self.inbox.offered().is_none_or(|offered| *leg <= offered),
            Link::Adapter => self.kept.attempts.contains_key(&(*lane, *leg)),
            _ => self.kept.outbound(link, *lane).is_some_and(|owed| *leg <= owed.offered),
        }
    }

    /// Legs with a time to live are among those about to leave: that is written down first, so
    /// that after a restart those that never left can still end here.
    pub(super) fn offer_perishables(
        &mut self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        step: &mut Step,
    ) {
        let known = self.kept.outbound(link, lane).map_or(0, |owed| owed.offered);
        let from = from.max(known.saturating_add(1));
        if let Some(through) = self.kept.last_perishable(link, lane, from, through) {
            let at = Cursor { link: link.clone(), lane, through };
            self.write(step, Record::Offered(at));
        }
    }
}
