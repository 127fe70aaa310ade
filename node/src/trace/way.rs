//! [`Way`]: where a message goes: from its origin up to the station that is above both, and down
//! from there. Order and proofs of a trace stand on it.

use std::collections::{BTreeMap, BTreeSet};

use yizhan_schemas::Code;
use yizhan_schemas::query::{Hop, HopState};

/// Holders that are named.
const HOLDERS_MAX: usize = 64;

/// A station that surely has, or had, a message, and that nobody is known to have taken it from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// The station.
    pub station: Code,
    /// Who says so: itself, the one before it that has its ack, or one that has its receipt.
    pub proven_by: Code,
}

/// True if a station lies on the way between two others, the second not included.
fn is_between(origin: &Code, station: &Code, to: &Code) -> bool {
    if station == to {
        return false;
    }
    let on_one_leg = origin.is_within(station) != to.is_within(station);
    // the station above both that is nearest
    let turn = origin.is_within(station)
        && to.is_within(station)
        && station.child_towards(origin) != station.child_towards(to);
    on_one_leg || turn
}

/// Puts hops in the order of the way.
pub(super) fn sort(origin: &Code, hops: &mut Vec<Hop>) {
    let place = |station: &Code| match origin.is_within(station) {
        // upwards first, from the origin on
        true => (0, usize::MAX - station.tokens()),
        false => (1, station.tokens()),
    };
    hops.sort_by(|a, b| {
        place(&a.station).cmp(&place(&b.station)).then_with(|| a.station.cmp(&b.station))
    });
    // whoever knows more stands for a station that two have told of
    hops.dedup_by(|later, kept| {
        let same = later.station == kept.station;
        if same && later.events.len() > kept.events.len() {
            std::mem::swap(later, kept);
        }
        same
    });
}

/// The last stations whose custody is proven, by their own word or by somebody's ack or receipt.
pub(super) fn holders(origin: &Code, hops: &[Hop]) -> Vec<Holder> {
    let mut proven: BTreeMap<&Code, &Code> = BTreeMap::new();
    for hop in hops {
        if matches!(hop.state, HopState::Holding | HopState::Passed) {
            proven.insert(&hop.station, &hop.station);
        }
    }
    for hop in hops {
        let says = |event: &str| matches!(event, "handed_over" | "relayed" | "delivered");
        for event in hop.events.iter().filter(|event| says(&event.event)) {
            proven.entry(&event.station).or_insert(&hop.station);
        }
    }
    let all: BTreeSet<&Code> = proven.keys().copied().collect();
    let last = proven
        .into_iter()
        .filter(|(station, _)| !all.iter().any(|other| is_between(origin, station, other)));
    let holder =
        |(station, by): (&Code, &Code)| Holder { station: station.clone(), proven_by: by.clone() };
    last.map(holder).take(HOLDERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use yizhan_schemas::query::HopEvent;

    use super::*;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    fn hop(station: &str, state: HopState, events: &[(&str, &str)]) -> Hop {
        let event = |(event, station): &(&str, &str)| HopEvent {
            event: (*event).to_owned(),
            station: code(station),
            at: String::new(),
            held_ms: None,
            waits: vec![],
            detail: None,
        };
        let events = events.iter().map(event).collect();
        Hop { station: code(station), state, why: None, events, waits: vec![] }
    }

    fn last(origin: &str, hops: &[Hop]) -> Vec<(String, String)> {
        let holders = holders(&code(origin), hops).into_iter();
        holders.map(|it| (it.station.to_string(), it.proven_by.to_string())).collect()
    }

    fn pair(station: &str, by: &str) -> (String, String) {
        (station.to_owned(), by.to_owned())
    }

    #[test]
    fn a_station_that_cannot_be_asked_is_the_last_holder_if_the_one_before_has_its_ack() {
        let village =
            hop("1.1.1", HopState::Passed, &[("accepted", "1.1.1"), ("handed_over", "1.1")]);
        let dark = Hop::dark(code("1.1"), "the link is down");
        assert_eq!(last("1.1.1", &[village.clone(), dark.clone()]), [pair("1.1", "1.1.1")]);
        let waiting = hop("1.1.1", HopState::Holding, &[("accepted", "1.1.1")]);
        assert_eq!(last("1.1.1", &[waiting, dark.clone()]), [pair("1.1.1", "1.1.1")]);
        let county = hop("1", HopState::Passed, &[("received", "1"), ("delivered", "1")]);
        assert_eq!(last("1.1.1", &[village, dark.clone(), county]), [pair("1", "1")]);
        assert_eq!(last("1.1.1", &[dark]), []);
    }

    #[test]
    fn an_order_has_a_last_holder_on_each_branch() {
        let county = hop("1", HopState::Passed, &[("handed_over", "1.1"), ("handed_over", "1.2")]);
        let town = hop("1.1", HopState::Passed, &[("received", "1.1"), ("handed_over", "1.1.1")]);
        let hops = [county, town, Hop::dark(code("1.2"), "the link is down")];
        assert_eq!(last("1", &hops), [pair("1.1.1", "1.1"), pair("1.2", "1")]);
    }

    #[test]
    fn hops_stand_in_the_order_of_the_way_each_once() {
        let mut hops: Vec<Hop> = ["1", "1.1.1", "1.2", "1.1", "1.2.1", "1.1"]
            .map(|station| hop(station, HopState::Passed, &[]))
            .into();
        sort(&code("1.1.1"), &mut hops);
        let order: Vec<&str> = hops.iter().map(|hop| hop.station.as_str()).collect();
        assert_eq!(order, ["1.1.1", "1.1", "1", "1.2", "1.2.1"]);
    }
}
