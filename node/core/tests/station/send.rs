//! What is asked to be sent to a neighbour, and when it is sent again.

use yizhan_core::effect::{Effect, Notice, Send};
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::frame::{Ack, Beat, LaneAck, RECORDS_MAX, SessionTag, SkipReason};
use yizhan_schemas::{Lane, Outcome};

use crate::bench::{Bench, submitted};
use crate::neighbours::{from_town, linked};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";

fn directive(ttl_ms: Option<u64>, precedence: Option<Lane>) -> Input {
    let mut input = submitted(1, "directive.issue", TOWN, ttl_ms);
    if let Input::Submitted { draft, .. } = &mut input {
        draft.precedence = precedence;
    }
    input
}

fn sends(said: &[Effect]) -> Vec<Send> {
    let send = |effect: &Effect| match effect {
        Effect::Send(send) => Some(send.clone()),
        _ => None,
    };
    said.iter().filter_map(send).collect()
}

/// The legs asked for: lane, first, last.
fn asked(said: &[Effect]) -> Vec<(Lane, u64, u64)> {
    sends(said).iter().map(|send| (send.lane, send.from, send.through)).collect()
}

fn resent(said: &[Effect]) -> Vec<u64> {
    let resent = |effect: &Effect| match effect {
        Effect::Notice(Notice::Resent { from, .. }) => Some(*from),
        _ => None,
    };
    said.iter().filter_map(resent).collect()
}

/// A county with a session with its township.
struct County {
    bench: Bench,
    session: SessionTag,
}

impl County {
    fn new() -> Self {
        Self::behind(0)
    }

    /// The welcome and the answer to it take so long.
    fn behind(ms: u64) -> Self {
        let (mut bench, _, session) = linked();
        bench.wait_ms(ms);
        // the first frame of a session confirms it
        let beat = Beat::of(session, bench.now.boot_ms());
        bench.tell(Input::Beat { link: from_town(), beat });
        Self { bench, session }
    }

    fn publish(&mut self, count: usize) -> Vec<Effect> {
        self.bench.tell_all((0..count).map(|_| directive(None, None)).collect())
    }

    fn sent(&mut self, lane: Lane, from: u64, through: u64, bytes: u64) -> Vec<Effect> {
        let (link, session) = (from_town(), self.session);
        self.bench.tell(Input::Sent { link, session, lane, from, through, bytes })
    }

    fn acked(&mut self, through: u64, gap: bool) -> Vec<Effect> {
        let lane = LaneAck { lane: Lane::Routine, through, gap, full: false, beyond: Vec::new() };
        let ack = Ack { session: self.session, lanes: vec![lane], echo_ms: None };
        self.bench.tell(Input::Ack { link: from_town(), ack })
    }
}

#[test]
fn the_next_legs_are_asked_for_when_the_last_ones_have_left() {
    let mut county = County::new();
    assert_eq!(asked(&county.publish(2)), [(Lane::Routine, 1, 2)]);
    assert_eq!(asked(&county.publish(3)), [], "one thing after the other");
    // a word from another session is none
    let (link, session) = (from_town(), SessionTag([9; 8]));
    let (lane, from, through, bytes) = (Lane::Routine, 1, 2, 10);
    let said = county.bench.tell(Input::Sent { link, session, lane, from, through, bytes });
    assert_eq!(asked(&said), []);
    // only the first fitted
    assert_eq!(asked(&county.sent(Lane::Routine, 1, 1, 10)), [(Lane::Routine, 2, 5)]);
    // a late word about others moves nothing
    assert_eq!(asked(&county.sent(Lane::Routine, 4, 5, 10)), [(Lane::Routine, 2, 5)]);
    assert_eq!(asked(&county.sent(Lane::Routine, 2, 5, 10)), []);
}

#[test]
fn no_more_is_asked_for_at_once_than_a_frame_holds_and_little_where_it_may_still_end() {
    let mut county = County::new();
    let frame = RECORDS_MAX as u64;
    assert_eq!(asked(&county.publish(RECORDS_MAX + 1)), [(Lane::Routine, 1, frame)]);
    let mut county = County::new();
    let perishable = || directive(Some(60_000), None);
    let said = county.bench.tell_all((0..40).map(|_| perishable()).collect());
    assert_eq!(asked(&said), [(Lane::Routine, 1, 16)]);
}

#[test]
fn flash_goes_out_over_a_full_window() {
    // 750 bytes in 750 ms: two and a half seconds of such a line are 2,500
    let mut county = County::behind(750);
    let portion = |said: &[Effect]| sends(said).first().map(|send| send.max_bytes);
    assert_eq!(portion(&county.publish(1)), Some(800), "one frame at a time");
    county.sent(Lane::Routine, 1, 1, 1_000);
    assert_eq!(portion(&county.publish(1)), Some(800));
    county.sent(Lane::Routine, 2, 2, 701);
    assert_eq!(asked(&county.publish(1)), [], "what is left of the window is worth no frame");
    let flash = |county: &mut County| county.bench.tell(directive(None, Some(Lane::Flash)));
    assert_eq!(asked(&flash(&mut county)), [(Lane::Flash, 1, 1)]);
    assert_eq!(asked(&county.sent(Lane::Flash, 1, 1, 10)), []);
    // what is acked makes room
    assert_eq!(asked(&county.acked(1, false)), [(Lane::Routine, 3, 3)]);
    // flash has a window too: more than that would only wait in the modem
    county.sent(Lane::Routine, 3, 3, 10);
    assert_eq!(asked(&flash(&mut county)), [(Lane::Flash, 2, 2)]);
    county.sent(Lane::Flash, 2, 2, 1 << 21);
    assert_eq!(asked(&flash(&mut county)), []);
}

#[test]
fn what_shows_no_progress_for_a_second_is_sent_again_from_the_ack_on() {
    let mut county = County::new();
    county.publish(3);
    county.sent(Lane::Routine, 1, 3, 30);
    county.bench.wait_ms(500);
    county.acked(1, false);
    let said = county.bench.wait_ms(1_000);
    assert_eq!((resent(&said), asked(&said)), (vec![], vec![]));
    // and as long as the line takes for it
    let said = county.bench.wait_ms(1);
    assert_eq!((resent(&said), asked(&said)), (vec![2], vec![(Lane::Routine, 2, 3)]));
}

#[test]
fn what_the_neighbour_misses_is_sent_again_at_once() {
    let mut county = County::new();
    county.publish(3);
    county.sent(Lane::Routine, 1, 3, 30);
    let said = county.acked(1, false);
    assert_eq!((resent(&said), asked(&said)), (vec![], vec![]), "the rest is on its way");
    let said = county.acked(1, true);
    assert_eq!((resent(&said), asked(&said)), (vec![2], vec![(Lane::Routine, 2, 3)]));
}

#[test]
fn an_ack_of_the_last_leg_is_taken_and_of_one_more_is_not_believed() {
    let mut county = County::new();
    county.publish(3);
    let down = |said: &[Effect]| {
        said.iter().any(|effect| matches!(effect, Effect::Notice(Notice::LinkDown { .. })))
    };
    assert!(!down(&county.acked(3, false)));
    let acked = |county: &County| {
        county.bench.station.kept().outbound(&from_town(), Lane::Routine).unwrap().acked
    };
    assert_eq!(acked(&county), 3);
    assert!(down(&county.acked(4, false)));
    assert_eq!(acked(&county), 3);
}

#[test]
fn what_the_log_cannot_give_back_ends_as_damaged_and_what_follows_goes_on() {
    let mut county = County::new();
    county.publish(5);
    let link = from_town();
    let unreadable = |from, through| {
        let (link, lane, id) = (link.clone(), Lane::Routine, None);
        Input::Unreadable { link, lane, from, through, id }
    };
    let ended = |said: &[Effect]| {
        let ended = |effect: &Effect| match effect {
            Effect::Notice(Notice::Ended { legs, reason, .. }) => Some((*legs, *reason)),
            _ => None,
        };
        said.iter().filter_map(ended).collect::<Vec<_>>()
    };
    let damaged = SkipReason::Damaged;
    let said = county.bench.tell(unreadable(2, 3));
    assert_eq!(ended(&said), [(2, damaged)]);
    let runs = |said: &[Effect]| {
        let send = sends(said).pop().unwrap();
        send.ended.iter().map(|run| (run.from, run.through, run.reason)).collect::<Vec<_>>()
    };
    assert_eq!(runs(&said), [(2, 3, damaged)]);
    // the same again, what was never made, and nothing at all
    for (from, through) in [(2, 3), (3, 4), (6, 9), (5, 4)] {
        assert_eq!(ended(&county.bench.tell(unreadable(from, through))), []);
    }
    county.acked(3, false);
    assert_eq!(ended(&county.bench.tell(unreadable(1, 99))), [(2, damaged)], "4 and 5");
    let tally = county.bench.station.kept().outbound(&link, Lane::Routine).unwrap().tally;
    assert_eq!((tally.taken, tally.handed_over, tally.ended), (5, 1, 4));
}

#[test]
fn an_origin_is_told_of_what_was_unreadable_for_an_inbox_and_not_of_what_others_may_have() {
    for (to, link, outcome) in [(COUNTY, Link::Inbox, 1), (TOWN, from_town(), 0)] {
        let mut county = County::new();
        county.bench.tell(submitted(1, "directive.issue", to, None));
        let id = county.bench.records().iter().rev().find_map(|record| match record {
            Record::Put(put) => Some(put.envelope.header().id()),
            _ => None,
        });
        county.bench.tell(Input::Unreadable { link, lane: Lane::Routine, from: 1, through: 1, id });
        let outcomes = &county.bench.station.kept().outcomes;
        assert_eq!(outcomes.ended(Outcome::DeadLettered), outcome, "for {to}");
    }
}

#[test]
fn a_child_asks_for_a_sign_of_life_every_three_seconds_idle_or_busy() {
    for busy in [false, true] {
        let (_, mut town, _) = linked();
        let beats = |said: Vec<Effect>| {
            said.iter().filter(|effect| matches!(effect, Effect::Beat { .. })).count()
        };
        for _ in 0..2 {
            assert_eq!(beats(town.wait_ms(1_500)), 0);
            if busy {
                let said = town.tell(submitted(1, "incident.report", "up", None));
                assert_eq!(beats(said), 0);
            }
            assert_eq!(beats(town.wait_ms(1_499)), 0, "busy: {busy}");
            assert_eq!(beats(town.wait_ms(1)), 1, "busy: {busy}");
        }
    }
}

#[test]
fn a_round_trip_is_measured_by_what_comes_back() {
    let mut county = County::new();
    county.bench.wait_ms(700);
    let echo_ms = Some(county.bench.now.boot_ms() - 300);
    let ack = Ack { session: county.session, lanes: Vec::new(), echo_ms };
    let said = county.bench.tell(Input::Ack { link: from_town(), ack });
    let rtt_us = said.iter().find_map(|effect| match effect {
        Effect::Notice(Notice::RoundTrip { rtt_us, .. }) => Some(*rtt_us),
        _ => None,
    });
    assert_eq!(rtt_us, Some(300_000));
}

#[test]
fn a_lane_that_was_idle_gets_its_share_and_no_more_when_it_comes_back() {
    let mut county = County::new();
    let mut said = county.publish(300);
    // one message after the other leaves, and is acked
    let serve = |county: &mut County, said: &mut Vec<Effect>, turns: usize| {
        let mut priority = 0;
        for _ in 0..turns {
            let [send] = &sends(said)[..] else { panic!("one send: {said:?}") };
            let (lane, from) = (send.lane, send.from);
            priority += usize::from(lane == Lane::Priority);
            let ack = LaneAck { lane, through: from, gap: false, full: false, beyond: Vec::new() };
            let ack = Ack { session: county.session, lanes: vec![ack], echo_ms: None };
            *said = county.sent(lane, from, from, 1_000);
            said.extend(county.bench.tell(Input::Ack { link: from_town(), ack }));
        }
        priority
    };
    serve(&mut county, &mut said, 100);
    let bulk = (0..100).map(|_| directive(None, Some(Lane::Priority))).collect();
    county.bench.tell_all(bulk);
    let priority = serve(&mut county, &mut said, 51);
    assert!((39..=42).contains(&priority), "{priority} of 50: four to one");
}

#[test]
fn an_ack_that_says_nothing_new_writes_nothing() {
    let mut county = County::new();
    county.publish(3);
    county.sent(Lane::Routine, 1, 3, 30);
    let mut ack = |beyond: &[(u64, u64)]| {
        let beyond = beyond.to_vec();
        let lane = LaneAck { lane: Lane::Routine, through: 3, gap: false, full: false, beyond };
        let ack = Ack { session: county.session, lanes: vec![lane], echo_ms: None };
        let before = county.bench.records().len();
        county.bench.tell(Input::Ack { link: from_town(), ack });
        county.bench.records().len() - before
    };
    assert_eq!(ack(&[]), 1, "three were handed over");
    assert_eq!(ack(&[]), 0, "said again for want of anything else");
    assert_eq!(ack(&[(1, 2)]), 1, "two are durable one hop further");
    assert_eq!(ack(&[(1, 2)]), 0);
    assert_eq!(ack(&[(1, 2), (3, 3)]), 1);
}
