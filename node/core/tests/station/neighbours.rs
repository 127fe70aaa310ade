//! Neighbours that break the rules, by a defect, by another topology or on purpose.

use yizhan_core::effect::{Effect, Notice};
use yizhan_core::input::{Input, Ticket};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_core::seal::{Checked, NoKeys};
use yizhan_schemas::frame::{self, Ack, Body, Chain, Frame, LaneAck, SessionTag, Skip, SkipReason};
use yizhan_schemas::{Code, Lane, PerLane};

use crate::bench::Bench;
use crate::misplaced::{carried, header};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";

/// A county and its township with a session between them.
pub(crate) fn linked() -> (Bench, Bench, SessionTag) {
    linked_as(Bench::new)
}

/// The same of stations made otherwise.
pub(crate) fn linked_as(new: fn(&str) -> Bench) -> (Bench, Bench, SessionTag) {
    let (mut county, mut town) = (new(COUNTY), new(TOWN));
    let hello = town.tell(Input::Connected).into_iter().find_map(|effect| match effect {
        Effect::Hello(hello) => Some(hello),
        _ => None,
    });
    let hello = hello.unwrap();
    let (from, ticket, marks) = (hello.code.clone(), Ticket(1), PerLane::default());
    let answer = county.tell(Input::Greeted { from, hello: hello.clone(), ticket, marks });
    let welcome = answer.into_iter().find_map(|effect| match effect {
        Effect::Answer { frame, .. } => match *frame {
            Frame::Welcome(welcome) => Some(welcome),
            other => panic!("{other:?}"),
        },
        _ => None,
    });
    let welcome = welcome.unwrap();
    let tag = SessionTag::of(&hello, &welcome);
    town.tell(Input::Welcomed { welcome: Box::new(welcome), marks: PerLane::default() });
    (county, town, tag)
}

pub(crate) fn batch(
    link: Link,
    session: SessionTag,
    first: u64,
    records: Vec<frame::Record>,
) -> Input {
    let body = Checked::of(Body { records, seals: Vec::new() }, &NoKeys);
    Input::Batch { link, session, lane: Lane::Routine, first, sent_ms: 0, body }
}

pub(crate) fn from_town() -> Link {
    Link::Down(Code::parse(TOWN).unwrap())
}

pub(crate) fn acked(effects: &[Effect]) -> Option<u64> {
    effects.iter().find_map(|effect| match effect {
        Effect::Ack { ack, .. } => ack.lanes.first().map(|lane| lane.through),
        _ => None,
    })
}

#[test]
fn a_skip_that_contradicts_its_place_is_taken_by_its_place_and_harms_nobody() {
    let (mut county, _, tag) = linked();
    let skip = |from, through| {
        let (reason, chain) = (SkipReason::Damaged, Chain::default());
        frame::Record::Skip(Skip { from, through, reason, chain })
    };
    // it ends before it begins; it claims legs of long ago; it says that it spans two legs
    for (first, from, through, expected) in [(1, 9, 2, 1), (2, 1, 1, 2), (3, 700, 701, 4)] {
        let said = county.tell(batch(from_town(), tag, first, vec![skip(from, through)]));
        assert_eq!(acked(&said), Some(expected));
    }
    assert_eq!(county.station.kept().gaps, 4);
}

#[test]
fn an_ack_of_more_than_there_is_ends_the_session_and_the_child_says_hello_at_once() {
    let (mut county, mut town, tag) = linked();
    let overshoot = |link| {
        let lane =
            LaneAck { lane: Lane::Flash, through: 99, gap: false, full: false, beyond: Vec::new() };
        Input::Ack { link, ack: Ack { session: tag, lanes: vec![lane], echo_ms: None } }
    };
    let down = |said: &[Effect]| {
        let ended = |effect: &&Effect| matches!(effect, Effect::Notice(Notice::LinkDown { .. }));
        said.iter().filter(ended).count()
    };
    let hellos =
        |said: &[Effect]| said.iter().filter(|effect| matches!(effect, Effect::Hello(_))).count();
    let said = town.tell(overshoot(Link::Up));
    assert_eq!((down(&said), hellos(&said)), (1, 1));
    let said = county.tell(overshoot(from_town()));
    assert_eq!((down(&said), hellos(&said)), (1, 0), "a parent waits for its child's hello");
}

#[test]
fn a_message_for_a_station_that_is_not_known_here_is_put_aside_and_counted() {
    let (_, mut town, tag) = linked();
    let strange = header(COUNTY, "directive.issue", "510722.101.999", 1);
    let said = town.tell(batch(Link::Up, tag, 1, vec![carried(strange, b"{}", 0)]));
    let why = said.iter().find_map(|effect| match effect {
        Effect::Notice(Notice::Quarantined { why, .. }) => Some(why.clone()),
        _ => None,
    });
    let why = why.unwrap();
    assert!(why.ends_with("is for `510722.101.999`, which is no station known here"), "{why}");
    assert_eq!(acked(&said), Some(1), "what follows is not held up");
    assert_eq!(town.station.kept().quarantined, 1);
    assert!(town.records().iter().any(|record| matches!(record, Record::Quarantined(_))));
}
