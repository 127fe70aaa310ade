//! What a neighbour may bring, and what becomes of a message that came before, late or by a long
//! way.

use yizhan_core::effect::{Effect, Notice};
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_schemas::frame::{self, Ack, Beat, Carried, Chain, SessionTag, Skip, SkipReason};
use yizhan_schemas::payload::receipt::{self, Event, Fold, Note};
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, MessageId, Outcome, Selector};

use crate::bench::{Bench, submitted};
use crate::neighbours::{acked, batch, from_town, linked};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";

/// A message as some station might have written it.
pub(crate) fn header(origin: &str, kind: &str, to: &str, sequence: u64) -> Header {
    let mut bench = Bench::new(COUNTY);
    bench.tell(submitted(1, "directive.issue", COUNTY, None));
    let header = puts(&bench)[0].envelope.header().clone();
    Header {
        origin: Code::parse(origin).unwrap(),
        kind: Kind::parse(kind).unwrap(),
        to: Selector::parse(to).unwrap(),
        epoch: Epoch::from_random(5),
        sequence,
        ..header
    }
}

fn puts(bench: &Bench) -> Vec<&Put> {
    fn put(record: &Record) -> Option<&Put> {
        match record {
            Record::Put(put) => Some(put),
            _ => None,
        }
    }
    bench.records().iter().filter_map(put).collect()
}

pub(crate) fn carried(header: Header, payload: &[u8], hops: u32) -> frame::Record {
    let envelope = Envelope::make(header, payload).unwrap().bytes().clone();
    frame::Record::Carried(Carried { envelope, age_ms: 0, age_unknown: false, hops })
}

/// A fold with one note on messages of `origin`: they were delivered at `station`.
fn fold(origin: &str, station: &str) -> Vec<u8> {
    let id = MessageId {
        origin: Code::parse(origin).unwrap(),
        epoch: Epoch::from_random(6),
        lane: Lane::Routine,
        sequence: 1,
    };
    let delivered = Event::Ended { outcome: Outcome::Delivered, detail: None };
    let note = Note::of(&id, Code::parse(station).unwrap(), delivered, 0);
    Fold { notes: vec![note] }.encode().unwrap().to_vec()
}

fn quarantined(said: &[Effect]) -> Option<String> {
    said.iter().find_map(|effect| match effect {
        Effect::Notice(Notice::Quarantined { why, .. }) => Some(why.clone()),
        _ => None,
    })
}

/// One station of the pair, the link to the other, and their session.
fn side(of: &str) -> (Bench, Link, SessionTag) {
    let (county, town, tag) = linked();
    if of == COUNTY { (county, from_town(), tag) } else { (town, Link::Up, tag) }
}

#[test]
fn a_neighbour_brings_what_is_of_its_side_and_nothing_else() {
    let not_within = "but its origin is not within 510722.101";
    let within = "but its origin is within 510722.101";
    let not_its_own = "is a fold, and not of the station that sent it";
    for (at, origin, kind, to, fault) in [
        (COUNTY, TOWN, "incident.report", COUNTY, None),
        (COUNTY, VILLAGE, "incident.report", COUNTY, None),
        // from before the village was renamed, and from nobody that this county has heard of
        (COUNTY, "510722.101.099", "incident.report", COUNTY, None),
        (COUNTY, "510799.5", "incident.report", COUNTY, Some("may not send")),
        (COUNTY, COUNTY, "directive.issue", COUNTY, Some(not_within)),
        (TOWN, COUNTY, "directive.issue", TOWN, None),
        (TOWN, "510799.5", "directive.issue", TOWN, Some("may not send")),
        (TOWN, TOWN, "incident.report", TOWN, Some(within)),
        (TOWN, VILLAGE, "incident.report", TOWN, Some(within)),
        (TOWN, "510722.101.099", "incident.report", TOWN, Some(within)),
        // folds go one hop
        (COUNTY, TOWN, receipt::KIND, COUNTY, None),
        (COUNTY, VILLAGE, receipt::KIND, COUNTY, Some(not_its_own)),
        (TOWN, COUNTY, receipt::KIND, TOWN, None),
        (TOWN, "510799.5", receipt::KIND, TOWN, Some(not_its_own)),
    ] {
        let (mut bench, link, tag) = side(at);
        let spoken_for = if at == COUNTY { TOWN } else { COUNTY };
        let payload = fold(COUNTY, spoken_for);
        let record = carried(header(origin, kind, to, 1), &payload, 0);
        let said = bench.tell(batch(link, tag, 1, vec![record]));
        let why = quarantined(&said);
        let as_expected = match (&why, fault) {
            (Some(why), Some(fault)) => why.contains(fault),
            (None, None) => true,
            _ => false,
        };
        assert!(as_expected, "{kind} of {origin} at {at}: {why:?}");
        assert_eq!(acked(&said), Some(1), "what follows is not held up");
    }
}

#[test]
fn a_message_in_another_lane_than_its_own_is_put_aside() {
    let (mut county, link, tag) = side(COUNTY);
    let flash = Header { lane: Lane::Flash, ..header(TOWN, "incident.report", COUNTY, 1) };
    let said = county.tell(batch(link, tag, 1, vec![carried(flash, b"{}", 0)]));
    let why = quarantined(&said).unwrap();
    assert!(why.ends_with("came in lane routine"), "{why}");
}

#[test]
fn frames_of_no_session_change_nothing() {
    for at in [COUNTY, TOWN] {
        let (mut bench, link, _) = side(at);
        let (origin, kind) = match at {
            COUNTY => (TOWN, "incident.report"),
            _ => (COUNTY, "directive.issue"),
        };
        let record = carried(header(origin, kind, at, 1), b"{}", 0);
        let before = bench.records().len();
        let said = bench.tell(batch(link, SessionTag([9; 8]), 1, vec![record]));
        assert_eq!((acked(&said), bench.records().len()), (None, before), "{at}");
    }
}

#[test]
fn a_message_that_was_here_is_not_taken_again_but_acked() {
    let (mut county, link, tag) = side(COUNTY);
    let report = || carried(header(TOWN, "incident.report", COUNTY, 7), b"{}", 0);
    let suppressed = |said: &[Effect]| {
        let again =
            |effect: &&Effect| matches!(effect, Effect::Notice(Notice::DuplicateSuppressed { .. }));
        said.iter().filter(again).count()
    };
    let said = county.tell(batch(link.clone(), tag, 1, vec![report()]));
    assert_eq!((acked(&said), suppressed(&said)), (Some(1), 0));
    // the same frame again is no duplicate, only an ack that was lost
    let said = county.tell(batch(link.clone(), tag, 1, vec![report()]));
    assert_eq!((acked(&said), suppressed(&said)), (Some(1), 0));
    // under another number it is one
    let said = county.tell(batch(link.clone(), tag, 2, vec![report()]));
    assert_eq!((acked(&said), suppressed(&said)), (Some(2), 1));
    assert_eq!(puts(&county).len(), 1);
    // both ends agree on what was said, or they would number anew at the next hello
    let id = puts(&county)[0].envelope.header().id();
    let chain = county.station.kept().inbound(&link, Lane::Routine).unwrap().chain;
    assert_eq!(chain, Chain::default().then(1, &id).then(2, &id));
}

#[test]
fn what_is_missed_in_a_batch_is_asked_for_and_what_follows_is_not_taken() {
    let (mut county, link, tag) = side(COUNTY);
    let report = |sequence| carried(header(TOWN, "incident.report", COUNTY, sequence), b"{}", 0);
    let gap = |said: &[Effect]| {
        said.iter().find_map(|effect| match effect {
            Effect::Ack { ack, .. } => ack.lanes.first().map(|lane| (lane.through, lane.gap)),
            _ => None,
        })
    };
    let said = county.tell(batch(link.clone(), tag, 1, vec![report(1), report(2)]));
    assert_eq!(gap(&said), Some((2, false)));
    let said = county.tell(batch(link.clone(), tag, 4, vec![report(4), report(5)]));
    assert_eq!(gap(&said), Some((2, true)));
    // a batch that begins with what is known and goes on with what is not
    let said = county.tell(batch(link, tag, 2, vec![report(2), report(3), report(4)]));
    assert_eq!(gap(&said), Some((4, false)));
    assert_eq!(puts(&county).len(), 4);
}

#[test]
fn a_message_behind_a_later_one_of_its_origin_is_told_as_late() {
    let (mut county, link, tag) = side(COUNTY);
    let report = |sequence| carried(header(TOWN, "incident.report", COUNTY, sequence), b"{}", 0);
    let said = county.tell(batch(link, tag, 1, vec![report(1), report(3), report(2), report(4)]));
    let late: Vec<_> = said
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notice(Notice::Late { id, .. }) => Some(id.sequence),
            _ => None,
        })
        .collect();
    assert_eq!((late, county.station.kept().late), (vec![2], 1));
}

#[test]
fn an_origin_is_told_of_custody_beyond_its_first_hop_while_the_message_is_on_its_way() {
    for (to, hops, relayed) in [
        // the first hop's ack says it
        (VILLAGE, 0, false),
        (VILLAGE, 1, true),
        (VILLAGE, 2, true),
        // it goes no further
        (TOWN, 1, false),
    ] {
        let (mut town, link, tag) = side(TOWN);
        let record = carried(header(COUNTY, "directive.issue", to, 1), b"{}", hops);
        town.tell(batch(link, tag, 1, vec![record]));
        let notes = town.records().iter().filter(|record| match record {
            Record::Noted(routed) => routed.note.event == Event::Relayed,
            _ => false,
        });
        assert_eq!(notes.count(), usize::from(relayed), "to {to} after {hops} hops");
        assert_eq!(puts(&town)[0].hops, hops + 1);
    }
}

#[test]
fn a_skip_is_listed_as_a_loss_only_for_what_was_still_expected() {
    let (mut county, link, tag) = side(COUNTY);
    let skip = |first, from, through, reason| {
        let skip = Skip { from, through, reason, chain: Chain::default() };
        batch(link.clone(), tag, first, vec![frame::Record::Skip(skip)])
    };
    let report = carried(header(TOWN, "incident.report", COUNTY, 1), b"{}", 0);
    county.tell(batch(link.clone(), tag, 1, vec![report]));
    let gaps = |said: &[Effect]| {
        let gap = |effect: &Effect| match effect {
            Effect::Notice(Notice::Gap { from, through, .. }) => Some((*from, *through)),
            _ => None,
        };
        said.iter().filter_map(gap).collect::<Vec<_>>()
    };
    // the first of its legs was taken
    let said = county.tell(skip(1, 1, 3, SkipReason::Evicted));
    assert_eq!((gaps(&said), acked(&said)), (vec![(2, 3)], Some(3)));
    // it says other numbers than those of its place
    let said = county.tell(skip(4, 70, 71, SkipReason::Damaged));
    assert_eq!((gaps(&said), acked(&said)), (vec![(4, 5)], Some(5)));
    let said = county.tell(skip(6, 6, 9, SkipReason::Expired));
    assert_eq!((gaps(&said), acked(&said)), (vec![], Some(9)));
    assert_eq!(county.station.kept().gaps, 4);
}

/// What a fold that tells of `origin`'s message at `station` leads to: whether it was refused,
/// and what is owed to whom.
fn after_fold(at: &str, origin: &str, station: &str) -> (bool, Vec<Link>, bool) {
    let (mut bench, link, tag) = side(at);
    let teller = if at == COUNTY { TOWN } else { COUNTY };
    let record = carried(header(teller, receipt::KIND, at, 1), &fold(origin, station), 0);
    let said = bench.tell(batch(link, tag, 1, vec![record]));
    let astray = said.iter().any(|e| matches!(e, Effect::Notice(Notice::Astray { .. })));
    let owing = bench.station.kept().owing.keys().cloned().collect();
    (quarantined(&said).is_some(), owing, astray)
}

#[test]
fn a_neighbour_speaks_for_its_own_side_only_and_notes_go_on_toward_their_origins() {
    let down = |code| vec![Link::Down(Code::parse(code).unwrap())];
    // a child speaks for its subtree
    assert_eq!(after_fold(COUNTY, COUNTY, VILLAGE), (false, vec![], false));
    assert_eq!(after_fold(COUNTY, COUNTY, COUNTY), (true, vec![], false));
    // a parent for all the rest
    assert_eq!(after_fold(TOWN, VILLAGE, COUNTY), (false, down(VILLAGE), false));
    assert_eq!(after_fold(TOWN, VILLAGE, TOWN), (true, vec![], false));
    assert_eq!(after_fold(TOWN, VILLAGE, VILLAGE), (true, vec![], false));
    // what came from there is not told back there
    assert_eq!(after_fold(COUNTY, VILLAGE, TOWN), (false, vec![], false));
    assert_eq!(after_fold(TOWN, "510722.102", COUNTY), (false, vec![], false));
    // nobody knows whose it is
    assert_eq!(after_fold(COUNTY, "510722.777", TOWN), (false, vec![], true));
    assert_eq!(after_fold(TOWN, "510722.101.777", COUNTY), (false, vec![], true));
}

#[test]
fn a_batch_is_as_old_as_its_time_on_the_way_makes_it() {
    let (mut county, link, tag) = side(COUNTY);
    let report = |sequence| carried(header(TOWN, "incident.report", COUNTY, sequence), b"{}", 0);
    let sent = |first, sent_ms, record| match batch(link.clone(), tag, first, vec![record]) {
        Input::Batch { link, session, lane, first, body, .. } => {
            Input::Batch { link, session, lane, first, sent_ms, body }
        }
        other => other,
    };
    // the two clocks run alike: the first frame came at once, the second waited for a minute
    county.tell(sent(1, county.now.boot_ms(), report(1)));
    let sent_ms = county.now.boot_ms();
    county.wait_ms(5_000);
    county.tell(sent(2, sent_ms, report(2)));
    let ages: Vec<_> = puts(&county).iter().map(|put| put.age_ms).collect();
    assert_eq!(ages, [0, 5_000]);
}

#[test]
fn where_nothing_bounds_the_time_on_the_way_half_a_round_trip_is_added() {
    let (mut county, link, session) = side(COUNTY);
    let report = |sequence| carried(header(TOWN, "incident.report", COUNTY, sequence), b"{}", 0);
    let sent = |first, sent_ms| match batch(link.clone(), session, first, vec![report(first)]) {
        Input::Batch { link, session, lane, first, body, .. } => {
            Input::Batch { link, session, lane, first, sent_ms, body }
        }
        other => other,
    };
    // the round trip is 400 ms; what the hello said of the clocks is forgotten after a while
    county.tell(sent(1, county.now.boot_ms()));
    for first in [2, 3] {
        for _ in 0..150 {
            county.wait_ms(5_000);
            let sent_ms = county.now.boot_ms();
            let beat = Beat::of(session, sent_ms);
            county.tell(Input::Beat { link: link.clone(), beat });
        }
        county.tell(sent(first, county.now.boot_ms()));
    }
    let echo_ms = Some(county.now.boot_ms() - 400);
    let ack = Ack { session, lanes: Vec::new(), echo_ms };
    county.tell(Input::Ack { link: link.clone(), ack });
    county.tell(sent(4, county.now.boot_ms()));
    assert_eq!(puts(&county)[3].age_ms, 200);
}
