//! What becomes of a hello: the rows of the table in `node/core/src/station/greet.rs`.

use yizhan_core::effect::{Effect, Notice};
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::settings::Settings;
use yizhan_schemas::frame::{Beat, Frame, Hello, RefusalReason, SessionTag};
use yizhan_schemas::{Code, Lane, StoreId};

use crate::bench::{Bench, submitted};
use crate::chain::Chain;

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";

fn pair() -> Chain {
    Chain::of(&[COUNTY, TOWN])
}

fn down() -> Link {
    Link::Down(Code::parse(TOWN).unwrap())
}

fn report(chain: &mut Chain, count: usize) {
    for _ in 0..count {
        chain.publish(1, "incident.report", "up", None);
    }
}

fn direct(chain: &mut Chain, count: usize) {
    for _ in 0..count {
        chain.publish(0, "directive.issue", TOWN, None);
    }
}

/// Everything that was published is in its inbox once, in whatever order.
fn assert_whole(chain: &Chain, at: usize, count: usize) {
    let mut ids = chain.inboxes[at].clone();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), chain.inboxes[at].len()), (count, count), "each once");
}

fn renumbered(chain: &Chain, at: usize) -> usize {
    let new = |n: &&(usize, Notice)| n.0 == at && matches!(n.1, Notice::Renumbered { .. });
    chain.notices.iter().filter(new).count()
}

fn refusal(answer: Option<Frame>) -> RefusalReason {
    match answer {
        Some(Frame::Refused(refused)) => refused.reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn both_sides_go_on_where_they_stood() {
    let mut chain = pair();
    report(&mut chain, 3);
    chain.cut.insert(1);
    report(&mut chain, 4);
    direct(&mut chain, 2);
    chain.tell(1, Input::Disconnected);
    chain.cut.clear();
    chain.tell(1, Input::Connected);
    chain.wait_ms(200);
    assert_whole(&chain, 0, 7);
    assert_whole(&chain, 1, 2);
    assert_eq!((renumbered(&chain, 0), renumbered(&chain, 1)), (0, 0));
}

#[test]
fn two_new_stores_adopt_each_others_numbering() {
    let mut chain = pair();
    assert!(chain.has_session(1));
    report(&mut chain, 1);
    direct(&mut chain, 1);
    assert_eq!((renumbered(&chain, 0), renumbered(&chain, 1)), (0, 0));
    let lane = |at: usize, link: Link| {
        let kept = chain.benches[at].station.kept();
        kept.inbound(&link, Lane::Routine).unwrap().link_epoch
    };
    let numbering = |at: usize, link: Link| {
        let kept = chain.benches[at].station.kept();
        kept.outbound(&link, Lane::Routine).unwrap().link_epoch
    };
    assert_eq!(lane(0, down()), numbering(1, Link::Up));
    assert_eq!(lane(1, Link::Up), numbering(0, down()));
}

#[test]
fn a_child_that_lost_its_disk_is_offered_all_that_is_held() {
    let mut chain = pair();
    direct(&mut chain, 5);
    assert_whole(&chain, 1, 5);
    let said = chain.benches[1].lose_store();
    chain.inboxes[1].clear();
    chain.wait_ms(11_000); // the county must have missed the old store first
    chain.said(1, said);
    chain.open_inbox(1);
    chain.tell(1, Input::Connected);
    chain.wait_ms(12_000);
    assert_whole(&chain, 1, 5);
    assert!(chain.notices.iter().any(|(_, n)| matches!(n, Notice::StoreReplaced { .. })));
}

#[test]
fn a_parent_restored_from_a_copy_numbers_anew_what_was_not_acked() {
    let mut chain = pair();
    direct(&mut chain, 3);
    let copy = chain.benches[0].log.clone();
    direct(&mut chain, 4);
    let said = chain.benches[0].restore(copy);
    chain.said(0, said);
    chain.open_inbox(0);
    chain.wait_ms(2_000);
    direct(&mut chain, 2);
    chain.wait_ms(2_000);
    assert_whole(&chain, 1, 9);
    assert!(renumbered(&chain, 0) > 0, "the town knew more than the county");
}

#[test]
fn a_child_restored_from_a_copy_gets_again_what_it_forgot() {
    let mut chain = pair();
    direct(&mut chain, 3);
    let (copy, inbox) = (chain.benches[1].log.clone(), chain.inboxes[1].clone());
    direct(&mut chain, 4);
    report(&mut chain, 2);
    let said = chain.benches[1].restore(copy);
    chain.inboxes[1] = inbox;
    chain.said(1, said);
    chain.open_inbox(1);
    chain.tell(1, Input::Connected);
    chain.wait_ms(2_000);
    assert_whole(&chain, 1, 7);
    assert_whole(&chain, 0, 2);
    report(&mut chain, 2);
    chain.wait_ms(2_000);
    assert_whole(&chain, 0, 4);
}

#[test]
fn when_both_were_restored_all_is_offered_again() {
    let mut chain = pair();
    direct(&mut chain, 2);
    let (county, town) = (chain.benches[0].log.clone(), chain.benches[1].log.clone());
    let inboxes = chain.inboxes.clone();
    direct(&mut chain, 3);
    let said = chain.benches[0].restore(county);
    chain.said(0, said);
    direct(&mut chain, 4); // other messages under the same leg numbers
    let said = chain.benches[1].restore(town);
    chain.inboxes = inboxes;
    chain.open_inbox(0);
    chain.said(1, said);
    chain.open_inbox(1);
    chain.tell(1, Input::Connected);
    chain.wait_ms(3_000);
    assert_whole(&chain, 1, 6);
}

#[test]
fn a_second_station_under_the_same_code_is_refused_while_the_first_lives() {
    let mut chain = pair();
    let hello = other_store(&chain);
    assert_eq!(refusal(chain.answer(1, hello)), RefusalReason::StoreConflict);
    assert!(chain.has_session(1), "the first goes on");
    report(&mut chain, 1);
    assert_whole(&chain, 0, 1);
}

fn other_store(chain: &Chain) -> Hello {
    let hello = chain.hellos.last().unwrap().clone();
    let epoch = yizhan_schemas::Epoch::from_random(4_711);
    Hello { store: StoreId::from_random(4_711), epoch, ..hello }
}

#[test]
fn a_replacement_is_admitted_after_the_old_store_went_quiet() {
    let mut chain = pair();
    let hello = other_store(&chain);
    chain.cut.insert(1);
    chain.wait_ms(11_000);
    assert!(matches!(chain.answer(1, hello), Some(Frame::Welcome(_))));
}

#[test]
fn a_replaced_store_is_refused_for_good() {
    let mut chain = pair();
    let old = chain.hellos.last().unwrap().clone();
    let said = chain.benches[1].lose_store();
    chain.wait_ms(11_000);
    chain.said(1, said);
    chain.tell(1, Input::Connected);
    chain.wait_ms(12_000);
    assert!(chain.has_session(1));
    chain.cut.insert(1);
    chain.wait_ms(11_000);
    let again = Hello { counter: old.counter + 100, ..old };
    assert_eq!(refusal(chain.answer(1, again)), RefusalReason::StoreReplaced);
}

#[test]
fn an_old_hello_is_refused() {
    let mut chain = pair();
    let hello = chain.hellos.last().unwrap().clone();
    assert_eq!(refusal(chain.answer(1, hello.clone())), RefusalReason::Stale, "same counter");
    let said = chain.benches[1].restart();
    chain.said(1, said);
    chain.tell(1, Input::Connected);
    let late = Hello { counter: hello.counter + 9, ..hello };
    assert_eq!(refusal(chain.answer(1, late)), RefusalReason::Stale, "its epoch is over");
}

#[test]
fn a_hello_that_comes_late_does_not_end_the_session_that_stands() {
    let mut chain = pair();
    let hello = chain.hellos.last().unwrap().clone();
    // said by a life of the town between two that were heard: its epoch was never seen
    let unseen = Hello { epoch: yizhan_schemas::Epoch::from_random(99), counter: 1, ..hello };
    assert!(matches!(chain.answer(1, unseen), Some(Frame::Welcome(_))));
    report(&mut chain, 2);
    direct(&mut chain, 2);
    assert!(chain.has_session(1));
    assert_whole(&chain, 0, 2);
    assert_whole(&chain, 1, 2);
    // and it does not make the living epoch an old one
    chain.tell(1, Input::Disconnected);
    chain.tell(1, Input::Connected);
    assert!(chain.has_session(1));
}

#[test]
fn a_frame_that_belongs_to_no_session_asks_for_a_hello() {
    let mut chain = pair();
    let said = chain.benches[0].restart();
    drop(said); // the nudge is lost on the way
    chain.open_inbox(0);
    let hellos = chain.hellos.len();
    let (link, session) = (down(), SessionTag([7; 8]));
    let beat = Beat::of(session, 5);
    chain.tell(0, Input::Beat { link, beat });
    chain.wait_ms(1_100);
    assert!(chain.hellos.len() > hellos && chain.has_session(1));
}

#[test]
fn a_welcome_that_a_newer_numbering_overtook_begins_no_session() {
    let mut chain = pair();
    direct(&mut chain, 3);
    let copy = chain.benches[0].log.clone();
    direct(&mut chain, 4);
    drop(chain.benches[0].restore(copy)); // its nudge is lost
    chain.open_inbox(0);
    chain.tell(1, Input::Disconnected);
    let first = welcomed(&mut chain, Input::Connected);
    let beat = chain.benches[1].tell(first);
    // a second hello is answered before the sign of life that begins the new numbering arrives
    let second = welcomed(&mut chain, Input::Nudged);
    chain.said(1, beat);
    assert!(renumbered(&chain, 0) > 0, "the town knew more than the county");
    chain.tell(1, second);
    chain.wait_ms(2_000);
    let offered = chain.benches[0].station.kept().outbound(&down(), Lane::Routine).unwrap();
    let taken = chain.benches[1].station.kept().inbound(&Link::Up, Lane::Routine).unwrap();
    assert_eq!(taken.link_epoch, offered.link_epoch);
    assert!(chain.has_session(1));
    direct(&mut chain, 2);
    chain.wait_ms(2_000);
    assert_whole(&chain, 1, 9);
}

/// What the town hears in answer to the hello that this makes it say.
fn welcomed(chain: &mut Chain, moved_by: Input) -> Input {
    let said = chain.benches[1].tell(moved_by);
    let hello = said.into_iter().find_map(|effect| match effect {
        Effect::Hello(hello) => Some(*hello),
        _ => None,
    });
    match chain.answer(1, hello.unwrap()) {
        Some(Frame::Welcome(welcome)) => {
            let marks = chain.benches[1].marks(&Link::Up, &welcome.haves);
            Input::Welcomed { welcome: Box::new(welcome), marks }
        }
        other => panic!("not welcomed: {other:?}"),
    }
}

#[test]
fn a_version_that_is_not_spoken_here_is_refused() {
    let mut chain = pair();
    let hello = chain.hellos.last().unwrap().clone();
    let hello = Hello { version: 0, counter: hello.counter + 1, ..hello };
    assert_eq!(refusal(chain.answer(1, hello)), RefusalReason::Version);
}

#[test]
fn an_older_version_is_spoken_with_an_older_station() {
    let old = Settings { version: 1, ..Settings::default() };
    let mut chain = Chain::with(vec![Bench::new(COUNTY), Bench::with(TOWN, old)]);
    report(&mut chain, 3);
    let id = chain.last_id();
    chain.wait_ms(1_000);
    assert_whole(&chain, 0, 3);
    assert!(chain.is_open(1, &id, 0), "the older version has no receipts");
    assert!(!chain.benches[0].station.kept().owing.is_empty(), "they wait");
    // the town is upgraded
    chain.benches[1].set_version(yizhan_schemas::frame::VERSION);
    let said = chain.benches[1].restart();
    chain.said(1, said);
    chain.tell(1, Input::Connected);
    chain.wait_ms(1_000);
    assert!(!chain.is_open(1, &id, 0), "now it is told");
    assert_whole(&chain, 0, 3);
}

#[test]
fn a_station_that_is_no_child_here_is_refused() {
    let mut county = Bench::new(COUNTY);
    let mut chain = pair();
    let hello = chain.hellos.last().unwrap().clone();
    let stranger = Code::parse("510722.777").unwrap();
    let said = county.tell(Input::Greeted {
        from: stranger.clone(),
        hello: Box::new(Hello { code: stranger, ..hello }),
        ticket: yizhan_core::input::Ticket(1),
        marks: crate::chain::no_marks(),
    });
    let answer = said.into_iter().find_map(|effect| match effect {
        Effect::Answer { frame, .. } => Some(*frame),
        _ => None,
    });
    assert_eq!(refusal(answer), RefusalReason::UnknownStation);
    chain.wait_ms(50);
}

#[test]
fn a_renamed_station_hands_over_what_it_took_under_its_old_code() {
    // in the old topology the village was 099; what it took then is in its directory
    let mut village = Bench::new("510722.101.099");
    for ticket in 0..3 {
        village.tell(submitted(ticket, "incident.report", "up", None));
    }
    village.rename(VILLAGE);
    let mut chain = Chain::with(vec![Bench::new(COUNTY), Bench::new(TOWN), village]);
    chain.wait_ms(2_000);
    assert_whole(&chain, 0, 3);
    assert!(chain.inboxes[0].iter().all(|id| id.origin.as_str() == "510722.101.099"));
    let kept = chain.benches[2].station.kept();
    assert_eq!((kept.outcomes.taken, kept.outcomes.open()), (3, 0), "its receipts found it");
}
