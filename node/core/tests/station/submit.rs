//! A publisher hands the same message in again.

use yizhan_core::draft::{Draft, Known};
use yizhan_core::effect::{Effect, Verdict};
use yizhan_core::input::Input;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::reply::{Accepted, ErrorCode, Grade};
use yizhan_schemas::{MessageId, Outcome};

use crate::bench::{Bench, submitted};

const TOWN: &str = "510722.101";

/// Hands a report in under a key, with what the index said of that key.
fn hand_in(bench: &mut Bench, key: &str, body: u8, known: Known) -> Verdict {
    let mut input = submitted(7, "incident.report", "up", None);
    if let Input::Submitted { draft, .. } = &mut input {
        let (scope, body) = ("/grid/7".to_owned(), Digest([body; 16]));
        let key = Some(PublisherKey { scope, key: key.to_owned(), body });
        **draft = Draft { key, known, ..(**draft).clone() };
    }
    let said = bench.tell(input);
    let verdict = said.into_iter().find_map(|effect| match effect {
        Effect::Reply { ticket, verdict } => {
            assert_eq!(ticket.0, 7);
            Some(verdict)
        }
        _ => None,
    });
    verdict.unwrap()
}

fn accepted(verdict: Verdict) -> (MessageId, bool) {
    match verdict {
        Verdict::Accepted(Accepted { id, status, station, duplicate, timed_out }) => {
            assert_eq!((status, station.as_str(), timed_out), (Grade::Accepted, TOWN, false));
            (id, duplicate)
        }
        other => panic!("{other:?}"),
    }
}

fn not_known() -> Known {
    Known::default()
}

#[test]
fn a_retry_gets_the_id_of_the_first_try_and_is_not_taken_again() {
    let mut town = Bench::new(TOWN);
    let (id, duplicate) = accepted(hand_in(&mut town, "a", 1, not_known()));
    assert_eq!((id.origin.as_str(), id.sequence, duplicate), (TOWN, 1, false));
    assert_eq!(accepted(hand_in(&mut town, "a", 1, not_known())), (id.clone(), true));
    // also after a restart, and when only the index has it any more
    town.restart();
    assert_eq!(accepted(hand_in(&mut town, "a", 1, not_known())), (id.clone(), true));
    town.tell(Input::Indexed { through: 1 });
    let known = Known { through: 1, message: Some((id.clone(), Digest([1; 16]))) };
    assert_eq!(accepted(hand_in(&mut town, "a", 1, known)), (id, true));
    let outcomes = &town.station.kept().outcomes;
    assert_eq!((town.station.kept().accepted, outcomes.open()), (1, 1));
    assert_eq!(outcomes.ended(Outcome::Delivered), 0);
}

#[test]
fn another_body_under_the_same_key_is_refused_with_the_id_that_has_it() {
    let mut town = Bench::new(TOWN);
    let (id, _) = accepted(hand_in(&mut town, "a", 1, not_known()));
    let Verdict::Refused(refusal) = hand_in(&mut town, "a", 2, not_known()) else {
        panic!("it was taken")
    };
    assert_eq!(refusal.code, ErrorCode::IdConflict);
    let expected = format!("id `a` of source `/grid/7` was used for another body, taken as {id};");
    assert!(refusal.message.starts_with(&expected), "{}", refusal.message);
    let (other, duplicate) = accepted(hand_in(&mut town, "b", 2, not_known()));
    assert!(other != id && !duplicate, "another key is another message");
}

#[test]
fn where_the_index_was_asked_too_early_it_is_asked_again() {
    let mut town = Bench::new(TOWN);
    accepted(hand_in(&mut town, "a", 1, not_known()));
    town.tell(Input::Indexed { through: 1 });
    assert_eq!(hand_in(&mut town, "a", 1, not_known()), Verdict::LookAgain);
    let known = Known { through: 1, message: None };
    assert!(!accepted(hand_in(&mut town, "c", 1, known)).1);
    assert_eq!(town.station.kept().accepted, 2);
}
