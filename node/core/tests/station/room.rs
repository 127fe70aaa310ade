//! What is taken while the disk fills up, and what is not.

use yizhan_core::effect::{Effect, Notice, Verdict};
use yizhan_core::input::Input;
use yizhan_core::kept::PUT_BYTES;
use yizhan_core::record::Record;
use yizhan_schemas::frame::{self, Carried, SessionTag};
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Envelope, Lane};

use crate::bench::{Bench, submitted};
use crate::neighbours::{acked, batch, from_town, linked};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";

/// The disk of these tests, and what of it is for messages other than flash.
const MAX_BYTES: u64 = 10_000;
const ORDINARY_BYTES: u64 = 9_500;
/// What each direction is guaranteed of that.
const SHARE_BYTES: u64 = 2_375;

fn disk(held_bytes: u64) -> Input {
    Input::Disk { held_bytes, max_bytes: MAX_BYTES }
}

fn message(kind: &str, to: &str, precedence: Option<Lane>) -> Input {
    let mut input = submitted(1, kind, to, None);
    if let Input::Submitted { draft, .. } = &mut input {
        draft.precedence = precedence;
    }
    input
}

/// Why a publisher's messages were not taken, one by one.
fn refusals(said: Vec<Effect>) -> Vec<Option<Refusal>> {
    let verdict = |effect| match effect {
        Effect::Reply { verdict: Verdict::Accepted(_), .. } => Some(None),
        Effect::Reply { verdict: Verdict::Refused(refusal), .. } => Some(Some(refusal)),
        _ => None,
    };
    said.into_iter().filter_map(verdict).collect()
}

fn is_taken(bench: &mut Bench, input: Input) -> bool {
    match &refusals(bench.tell(input))[..] {
        [None] => true,
        [Some(refusal)] if refusal.code == ErrorCode::SpoolFull => false,
        other => panic!("{other:?}"),
    }
}

fn last_put(bench: &Bench) -> Envelope {
    let put = bench.records().iter().rev().find_map(|record| match record {
        Record::Put(put) => Some(put.envelope.clone()),
        _ => None,
    });
    put.unwrap()
}

/// Bytes on disk of a message like this one.
fn bytes_of(at: &str, input: Input) -> u64 {
    let mut bench = Bench::new(at);
    bench.tell(input);
    last_put(&bench).bytes().len() as u64 + PUT_BYTES
}

#[test]
fn ordinary_messages_leave_the_last_bytes_to_flash() {
    for (precedence, limit_bytes) in [
        (None, ORDINARY_BYTES),
        (Some(Lane::Immediate), ORDINARY_BYTES),
        (Some(Lane::Flash), MAX_BYTES),
    ] {
        let report = || message("incident.report", "up", precedence);
        let bytes = bytes_of(TOWN, report());
        let mut town = Bench::new(TOWN);
        town.tell(disk(limit_bytes - bytes));
        assert!(!is_taken(&mut town, report()), "{precedence:?}");
        town.tell(disk(limit_bytes - bytes - 1));
        assert!(is_taken(&mut town, report()), "{precedence:?}");
    }
}

#[test]
fn a_publisher_is_told_how_full_it_is() {
    let mut town = Bench::new(TOWN);
    town.tell(disk(9_999));
    let refused = refusals(town.tell(message("incident.report", "up", None)));
    let [Some(refusal)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(refusal.code, ErrorCode::SpoolFull);
    assert!(refusal.message.starts_with("the spool holds 9999 of 10000 bytes"), "{refusal:?}");
}

#[test]
fn what_was_just_taken_counts_before_the_disk_says_so() {
    let report = || message("incident.report", "up", None);
    let bytes = bytes_of(TOWN, report());
    let room_for_two = disk(ORDINARY_BYTES - 2 * bytes - 1);
    // one after the other
    let mut town = Bench::new(TOWN);
    town.tell(room_for_two.clone());
    assert!(is_taken(&mut town, report()));
    assert!(is_taken(&mut town, report()));
    // and in one step
    let mut town = Bench::new(TOWN);
    town.tell(room_for_two);
    let said = town.tell_all(vec![report(), report(), report()]);
    let taken: Vec<_> = refusals(said).iter().map(Option::is_none).collect();
    assert_eq!(taken, [true, true, false]);
}

#[test]
fn a_direction_that_is_full_leaves_the_others_theirs() {
    let directions =
        [("incident.report", COUNTY), ("directive.issue", VILLAGE), ("directive.issue", TOWN)];
    let half_bytes = ORDINARY_BYTES - 2 * SHARE_BYTES;
    for full in directions {
        let mut town = Bench::new(TOWN);
        town.tell(disk(0));
        let mut fill = |direction: (&str, &str)| {
            let input = || message(direction.0, direction.1, None);
            let bytes = bytes_of(TOWN, input());
            let mut taken_bytes = 0;
            while is_taken(&mut town, input()) {
                taken_bytes += bytes;
            }
            (taken_bytes, bytes)
        };
        let (full_bytes, bytes) = fill(full);
        assert_eq!(full_bytes / bytes, half_bytes / bytes, "{full:?} leaves two shares");
        let mut all_bytes = full_bytes;
        for other in directions.into_iter().filter(|other| *other != full) {
            let (other_bytes, bytes) = fill(other);
            assert!(other_bytes + bytes > SHARE_BYTES, "{other:?} beside {full:?}");
            all_bytes += other_bytes;
        }
        assert!(all_bytes <= ORDINARY_BYTES, "{all_bytes}");
    }
}

#[test]
fn a_message_for_many_is_owed_in_parts_as_it_is_stored_once() {
    // to a child, and into the own inbox
    let all = || message("directive.issue", "510722.>", None);
    let bytes = bytes_of(COUNTY, all());
    let mut county = Bench::new(COUNTY);
    county.tell(disk(0));
    let taken = refusals(county.tell_all((0..40).map(|_| all()).collect()));
    let taken = taken.iter().filter(|refusal| refusal.is_none()).count() as u64;
    // both directions grow alike, and leave the third its share
    let expected = (ORDINARY_BYTES - SHARE_BYTES) / bytes;
    assert!((expected - 1..=expected).contains(&taken), "{taken} of {expected}");
}

/// Whether a county whose disk holds so much takes a report from its township, if its own inbox
/// is owed so many messages already.
fn takes_from_neighbour(held_bytes: impl Fn(u64) -> u64, owed: usize) -> bool {
    let (mut county, mut town, tag) = linked();
    for _ in 0..owed {
        assert!(is_taken(&mut county, message("directive.issue", COUNTY, None)));
    }
    town.tell(message("incident.report", "up", None));
    let envelope = last_put(&town).bytes().clone();
    let held_bytes = held_bytes(envelope.len() as u64 + PUT_BYTES);
    county.tell(disk(held_bytes));
    let said = county.tell(report_from_town(tag, envelope));
    let full = said.iter().any(|e| matches!(e, Effect::Notice(Notice::Full { .. })));
    assert_eq!(acked(&said), Some(u64::from(!full)), "what is not taken is not acked");
    !full
}

fn report_from_town(tag: SessionTag, envelope: bytes::Bytes) -> Input {
    let carried = Carried { envelope, age_ms: 0, age_unknown: false, hops: 0 };
    batch(from_town(), tag, 1, vec![frame::Record::Carried(carried)])
}

#[test]
fn a_neighbour_is_helped_beyond_the_limit_within_what_is_guaranteed_to_the_direction() {
    let beyond_bytes = ORDINARY_BYTES + ORDINARY_BYTES / 8;
    assert!(takes_from_neighbour(|bytes| beyond_bytes - bytes - 1, 0));
    assert!(!takes_from_neighbour(|bytes| beyond_bytes - bytes, 0));
    // the inbox has its share already: what is for it waits like all the rest
    let report_bytes = bytes_of(TOWN, message("incident.report", "up", None));
    let owed_bytes = bytes_of(COUNTY, message("directive.issue", COUNTY, None));
    let owed = ((SHARE_BYTES - report_bytes) / owed_bytes) as usize;
    assert!(takes_from_neighbour(|bytes| beyond_bytes - bytes - 1, owed));
    assert!(!takes_from_neighbour(|bytes| beyond_bytes - bytes - 1, owed + 1));
    assert!(takes_from_neighbour(|bytes| ORDINARY_BYTES - bytes - 1, owed + 1));
    assert!(!takes_from_neighbour(|bytes| ORDINARY_BYTES - bytes, owed + 1));
}

#[test]
fn flash_in_a_flood_is_refused_and_nothing_else_is() {
    let mut town = Bench::new(TOWN);
    let flash = || message("incident.report", "up", Some(Lane::Flash));
    let mut burst = |count| {
        let refused = refusals(town.tell_all((0..count).map(|_| flash()).collect()));
        let limited: Vec<_> = refused.iter().flatten().collect();
        assert!(limited.iter().all(|refusal| refusal.code == ErrorCode::RateLimited));
        let routine = message("incident.report", "up", None);
        assert_eq!(refusals(town.tell(routine)), [None], "it may be sent less urgently");
        town.wait_ms(1_000);
        refused.len() - limited.len()
    };
    assert_eq!(burst(150), 100);
    assert_eq!(burst(50), 10, "ten a second from then on");
    assert_eq!(burst(0), 0);
    assert_eq!(burst(50), 20);
    let said = refusals(town.tell_all((0..20).map(|_| flash()).collect())).pop().flatten();
    let said = said.unwrap().message;
    assert!(said.starts_with("510722.101 has sent 100 flash messages in a burst; 10"), "{said}");
    // a quiet day saves up no more than a burst
    town.wait_ms(86_400_000);
    assert_eq!(
        refusals(town.tell_all((0..150).map(|_| flash()).collect())).iter().flatten().count(),
        50
    );
}

#[test]
fn what_was_handed_over_makes_room_and_a_restart_does_not() {
    let directive = || message("directive.issue", COUNTY, None);
    let mut county = Bench::new(COUNTY);
    county.tell(disk(0));
    let mut taken = 0;
    while is_taken(&mut county, directive()) {
        taken += 1;
    }
    county.restart();
    county.tell(disk(0));
    assert!(!is_taken(&mut county, directive()), "it is owed as before");
    let (created_ns, present_sequence, last_sequence) = (77, 0, 0);
    let opened = Input::InboxOpened { opening: 1, created_ns, present_sequence, last_sequence };
    county.tell(opened);
    county.tell(Input::Delivered { through: taken });
    county.tell(Input::Released { through: taken, ids: Vec::new() });
    assert!(is_taken(&mut county, directive()));
}
