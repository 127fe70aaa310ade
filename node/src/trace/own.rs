//! [`hop`]: what this station says of a message, from its journal and its outages.

use jiff::Timestamp;
use yizhan_core::link::Link;
use yizhan_schemas::Code;
use yizhan_schemas::query::{EVENTS_MAX, Hop, HopEvent, HopState, Wait};
use yizhan_schemas::status::{MessageStatus, Target, Trace};

use super::Outages;
use crate::clock;

/// Ends at other stations that are told; more of them are no proof of a way but a list.
const ENDS_MAX: usize = 16;

/// This station's hop.
pub(super) fn hop(here: &Code, status: Option<&MessageStatus>, outages: &Outages) -> Hop {
    let Some(status) = status else {
        let (state, events) = (HopState::Unknown, Vec::new());
        return Hop { station: here.clone(), state, why: None, events, waits: Vec::new() };
    };
    let taken_ms = status.trail.first().map_or(0, |trace| ms(&trace.at));
    let mut events: Vec<HopEvent> =
        status.trail.iter().map(|trace| event(here, trace, taken_ms, outages)).collect();
    let told = |target: &Target| {
        let outcome = target.outcome.clone().filter(|_| target.station != *here)?;
        Some(HopEvent {
            event: outcome,
            station: target.station.clone(),
            at: target.at.clone().unwrap_or_default(),
            held_ms: None,
            waits: Vec::new(),
            detail: target.detail.clone(),
        })
    };
    events.extend(status.targets.iter().filter_map(told).take(ENDS_MAX));
    events.truncate(EVENTS_MAX);
    let state = state(here, status);
    let waits = match state {
        HopState::Holding => {
            let now_ms = clock::now().wall_ms;
            next(here, status).map_or_else(Vec::new, |link| outages.waits(&link, taken_ms, now_ms))
        }
        _ => Vec::new(),
    };
    Hop { station: here.clone(), state, why: None, events, waits }
}

fn event(here: &Code, trace: &Trace, taken_ms: u64, outages: &Outages) -> HopEvent {
    let at_ms = ms(&trace.at);
    let link = match trace.event.as_str() {
        "handed_over" if here.is_above(&trace.station) => Some(Link::Down(trace.station.clone())),
        "handed_over" => Some(Link::Up),
        "delivered" if trace.station == *here => Some(Link::Inbox),
        _ => None,
    };
    let waits: Vec<Wait> = link.map_or_else(Vec::new, |link| outages.waits(&link, taken_ms, at_ms));
    HopEvent {
        event: trace.event.clone(),
        station: trace.station.clone(),
        at: trace.at.clone(),
        held_ms: trace.held_ms,
        waits,
        detail: None,
    }
}

/// Held, as long as it was neither handed over nor ended here.
fn state(here: &Code, status: &MessageStatus) -> HopState {
    let handed = status.trail.iter().any(|trace| trace.event == "handed_over");
    let ended = |target: &Target| target.station == *here && target.outcome.is_some();
    match handed || status.targets.iter().any(ended) {
        true => HopState::Passed,
        false => HopState::Holding,
    }
}

/// The link that a message which is held waits for.
fn next(here: &Code, status: &MessageStatus) -> Option<Link> {
    let open = status.targets.iter().find(|target| target.outcome.is_none());
    match open.map(|target| &target.station) {
        Some(target) if target == here => Some(Link::Inbox),
        Some(target) => Some(here.child_towards(target).map_or(Link::Up, Link::Down)),
        // a station on the way does not know whom it is for; what comes from below goes up
        None if status.origin.is_within(here) => here.parent().map(|_| Link::Up),
        None => None,
    }
}

fn ms(at: &str) -> u64 {
    let at = at.parse::<Timestamp>().map(Timestamp::as_millisecond);
    at.ok().and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}
