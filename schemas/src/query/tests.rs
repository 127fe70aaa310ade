//! Answers and their limits.

use super::*;
use crate::Epoch;
use crate::Lane;

fn hop(events: usize) -> Hop {
    let station = Code::parse("510722.101").unwrap();
    let event = HopEvent {
        event: "received".to_owned(),
        station: station.clone(),
        at: "2026-11-23T08:30:00Z".to_owned(),
        held_ms: None,
        waits: vec![Wait { why: WaitReason::LinkDown, ms: 7 }],
        detail: None,
    };
    let state = HopState::Passed;
    Hop { station, state, why: None, events: vec![event; events], waits: vec![] }
}

#[test]
fn an_answer_reads_back_as_itself_and_one_beyond_a_limit_does_not() {
    let told = Told::Trace(vec![hop(EVENTS_MAX)]);
    assert_eq!(Told::decode(&told.encode().unwrap()).unwrap(), told);
    let run: Run = (Epoch::from_random(1), Lane::Routine, 1, 2);
    let ids =
        |runs| Told::Part(PartTold::Ids { moved: vec![run; runs], kept: vec![], ended: vec![] });
    assert_eq!(Told::decode(&ids(RUNS_MAX).encode().unwrap()).unwrap(), ids(RUNS_MAX));
    for long in [Told::Trace(vec![hop(EVENTS_MAX + 1)]), ids(RUNS_MAX + 1)] {
        let fault = Told::decode(&long.encode().unwrap()).unwrap_err();
        assert!(matches!(fault, CodecError::Malformed(_)), "{fault}");
    }
}

#[test]
fn words_are_those_of_the_json() {
    for state in State::ALL {
        assert_eq!(serde_json::to_value(state).unwrap(), state.word());
    }
    for kind in GapKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
    }
    for why in WaitReason::ALL {
        assert_eq!(serde_json::to_value(why).unwrap(), why.word());
    }
}
