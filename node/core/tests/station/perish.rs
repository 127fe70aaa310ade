//! When a time to live is over, and for whom.

use yizhan_core::input::{Attempted, Input};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::frame::{self, Carried};
use yizhan_schemas::payload::receipt::Event;
use yizhan_schemas::{Envelope, Lane, Outcome};

use crate::bench::{Bench, submitted};
use crate::chain::Chain;
use crate::neighbours::{batch, linked};
use crate::receipts::told;

const CODES: [&str; 3] = ["510722", "510722.101", "510722.101.002"];
const COUNTY: &str = CODES[0];
const TOWN: &str = CODES[1];
const VILLAGE: &str = CODES[2];

fn ended(bench: &Bench, outcome: Outcome) -> u64 {
    bench.station.kept().outcomes.ended(outcome)
}

/// The stations that this one has written down to have been missed in time.
fn expired_at(bench: &Bench) -> Vec<String> {
    let mut stations = Vec::new();
    for record in bench.records() {
        if let Record::Noted(routed) = record
            && matches!(routed.note.event, Event::Ended { outcome: Outcome::Expired, .. })
        {
            stations.extend(routed.note.stations.iter().map(ToString::to_string));
        }
    }
    stations.sort();
    stations
}

#[test]
fn a_message_ends_when_its_time_is_over_and_not_a_millisecond_before() {
    for restarts in [false, true] {
        // nobody is there to take it
        let mut town = Bench::new(TOWN);
        town.tell(submitted(1, "incident.report", "up", Some(1_000)));
        town.wait_ms(500);
        if restarts {
            town.restart();
        }
        town.wait_ms(499);
        assert_eq!(ended(&town, Outcome::Expired), 0);
        town.wait_ms(1);
        assert_eq!(ended(&town, Outcome::Expired), 1);
    }
}

/// A township that took a directive from its county, `age_ms` after it was sent, with a second
/// to live.
fn took(to: &str, age_ms: u64, age_unknown: bool) -> Bench {
    let (mut county, mut town, tag) = linked();
    county.tell(submitted(1, "directive.issue", to, Some(1_000)));
    let header = county.records().iter().find_map(|record| match record {
        Record::Put(put) => Some(put.envelope.header().clone()),
        _ => None,
    });
    let envelope = Envelope::make(header.unwrap(), b"{}").unwrap().bytes().clone();
    let record = frame::Record::Carried(Carried { envelope, age_ms, age_unknown, hops: 0 });
    let mut input = batch(Link::Up, tag, 1, vec![record]);
    if let Input::Batch { sent_ms, .. } = &mut input {
        *sent_ms = county.now.boot_ms();
    }
    town.tell(input);
    town
}

#[test]
fn the_time_that_others_held_it_counts() {
    let mut town = took(VILLAGE, 400, false);
    town.wait_ms(599);
    assert_eq!(expired_at(&town), Vec::<String>::new());
    town.wait_ms(1);
    assert_eq!(expired_at(&town), [VILLAGE]);
}

#[test]
fn what_is_of_unknown_age_goes_on_but_into_no_inbox() {
    let mut town = took(VILLAGE, 0, true);
    town.wait_ms(5_000);
    assert_eq!(expired_at(&town), Vec::<String>::new(), "its target decides");
    let town = took(TOWN, 0, true);
    assert_eq!(expired_at(&after_opening(town)), [TOWN]);
}

fn after_opening(mut bench: Bench) -> Bench {
    let (created_ns, present_sequence, last_sequence) = (77, 0, 0);
    let said =
        bench.tell(Input::InboxOpened { opening: 1, created_ns, present_sequence, last_sequence });
    let deliver = |effect: &yizhan_core::effect::Effect| {
        matches!(effect, yizhan_core::effect::Effect::Deliver(_))
    };
    assert!(!said.iter().any(deliver), "it may be stale");
    bench
}

#[test]
fn what_is_for_the_own_inbox_ends_once_the_stream_has_said_that_it_is_not_there() {
    let mut county = Bench::new(COUNTY);
    county.tell(submitted(1, "directive.issue", COUNTY, Some(1_000)));
    county.wait_ms(5_000);
    assert_eq!(ended(&county, Outcome::Expired), 0, "it may be in the stream");
    let county = after_opening(county);
    assert_eq!(expired_at(&county), [COUNTY]);
}

#[test]
fn an_expired_leg_ends_for_those_whom_it_would_have_reached_and_for_nobody_else() {
    for (cut, at, kind, to, missed, delivered) in [
        (1, 0, "directive.issue", "510722.>", &[TOWN, VILLAGE][..], &[COUNTY][..]),
        (2, 0, "directive.issue", "510722.>", &[VILLAGE], &[COUNTY, TOWN]),
        (1, 1, "stats.note", "510722.101.002,510722", &[COUNTY], &[VILLAGE]),
        (2, 1, "stats.note", "510722.101.002,510722", &[VILLAGE], &[COUNTY]),
    ] {
        let mut chain = Chain::of(&CODES);
        chain.cut.insert(cut);
        chain.wait_ms(11_000);
        chain.publish(at, kind, to, Some(2_000));
        chain.wait_ms(3_000);
        let told = told(&chain, at, &chain.last_id());
        let with = |wanted: Outcome| {
            let of = |(station, event): &(String, Event)| match event {
                Event::Ended { outcome, .. } if *outcome == wanted => Some(station.clone()),
                _ => None,
            };
            let mut stations: Vec<_> = told.iter().filter_map(of).collect();
            stations.sort();
            stations
        };
        assert_eq!(with(Outcome::Expired), missed, "{to}, {cut} cut");
        assert_eq!(with(Outcome::Delivered), delivered, "{to}, {cut} cut");
    }
}

#[test]
fn all_that_may_have_left_is_spared_and_what_has_not_ends() {
    let mut chain = Chain::of(&CODES);
    // the village does not answer any more, but its township does not know yet
    chain.cut.insert(2);
    for _ in 0..40 {
        chain.publish(0, "directive.issue", VILLAGE, Some(2_000));
    }
    chain.wait_ms(5_000);
    assert_eq!(ended(&chain.benches[0], Outcome::Expired), 0, "nobody can say yet");
    chain.wait_ms(11_000);
    for _ in 0..3 {
        chain.publish(0, "directive.issue", VILLAGE, Some(2_000));
    }
    chain.wait_ms(3_000);
    assert_eq!(ended(&chain.benches[0], Outcome::Expired), 3, "the link was down when they came");
    chain.cut.clear();
    chain.wait_ms(15_000);
    assert_eq!(ended(&chain.benches[0], Outcome::Expired), 43);
    assert!(chain.inboxes[2].is_empty());
}

#[test]
fn a_command_that_an_adapter_is_carrying_out_is_its_to_end() {
    let mut chain = Chain::of(&CODES);
    chain.adapter = None; // it takes its time
    chain.publish(0, "video.dispatch", VILLAGE, Some(2_000));
    let id = chain.last_id();
    chain.wait_ms(5_000);
    assert!(chain.is_open(0, &id, 2), "it may be done at this moment");
    let (lane, leg, result) = (Lane::Routine, 1, Attempted::Done(None));
    chain.tell(2, Input::Attempted { lane, leg, id, result });
    chain.wait_ms(1_000);
    assert_eq!(ended(&chain.benches[0], Outcome::Delivered), 1);
    assert_eq!(ended(&chain.benches[0], Outcome::Expired), 0);
}

#[test]
fn so_many_commands_are_carried_out_at_once_and_the_next_when_one_is_done() {
    let most = yizhan_core::station::ATTEMPTS_MAX;
    let mut chain = Chain::of(&CODES);
    chain.adapter = None;
    for _ in 0..most + 2 {
        chain.publish(0, "video.dispatch", VILLAGE, Some(60_000));
    }
    chain.wait_ms(100);
    assert_eq!(chain.asked.len(), most);
    let (lane, id) = (Lane::Routine, chain.asked[2].1.clone());
    for _ in 0..2 {
        let (id, result) = (id.clone(), Attempted::Done(None));
        // the second word about it is none
        chain.tell(2, Input::Attempted { lane, leg: 3, id, result });
        assert_eq!(chain.asked.len(), most + 1);
    }
    // what waits for its turn ends in its time, and is not asked for any more
    chain.wait_ms(61_000);
    let (id, result) = (chain.asked[0].1.clone(), Attempted::Done(None));
    chain.tell(2, Input::Attempted { lane, leg: 1, id, result });
    assert_eq!(chain.asked.len(), most + 1);
    chain.wait_ms(1_000);
    assert_eq!(ended(&chain.benches[0], Outcome::Expired), 1);
    assert_eq!(ended(&chain.benches[0], Outcome::Delivered), 2);
}
