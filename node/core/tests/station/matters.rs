//! Steps and their subjects, where one does not come after the other: what waits, what was taken
//! back, what is over.

use serde_json::json;
use yizhan_core::draft::Draft;
use yizhan_core::input::Input;
use yizhan_schemas::payload::stats::Measure;
use yizhan_schemas::{Lane, MessageId, Outcome};

use crate::bench::draft;
use crate::chain::Chain;
use crate::govern::{
    COUNTY, TOWN, VILLAGE, answer, apply, attempt, count, county, ended, hand_in, next_id, report,
    say, stage, update,
};

/// A step of an incident that the county handles, in a lane of its own.
fn step(chain: &mut Chain, subject: &MessageId, step: &str, lane: Lane) -> MessageId {
    let body = json!({"subject": subject, "step": step, "severity": "critical"});
    let plain = draft("incident.update", serde_json::to_vec(&body).unwrap().into());
    let severity = Some("critical".into());
    hand_in(chain, VILLAGE, Draft { severity, precedence: Some(lane), ..plain }).unwrap()
}

fn waiting(chain: &Chain) -> usize {
    chain.benches[COUNTY].station.kept().matters.parked().count()
}

#[test]
fn steps_that_wait_go_on_in_the_order_in_which_they_came() {
    let mut chain = county();
    let first = next_id(&chain, VILLAGE);
    step(&mut chain, &first, "accepted", Lane::Priority);
    step(&mut chain, &first, "dispatched", Lane::Flash);
    step(&mut chain, &first, "handled", Lane::Immediate);
    assert_eq!(waiting(&chain), 3);
    assert_eq!(report(&mut chain, "critical"), first);
    chain.wait_ms(2_000);
    assert_eq!((waiting(&chain), stage(&chain, COUNTY, &first)), (0, "handled"));
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 0);
}

#[test]
fn a_step_that_waited_is_marked_late_if_others_have_passed_it() {
    let mut chain = county();
    let first = next_id(&chain, VILLAGE);
    step(&mut chain, &first, "accepted", Lane::Flash);
    let ghost = MessageId { sequence: 99, ..first.clone() };
    step(&mut chain, &ghost, "cancelled", Lane::Flash);
    let late = |chain: &Chain| chain.benches[COUNTY].station.kept().late;
    assert_eq!((waiting(&chain), late(&chain)), (1, 0));
    assert_eq!(report(&mut chain, "critical"), first);
    assert_eq!((waiting(&chain), late(&chain)), (0, 1));
}

#[test]
fn what_was_taken_back_before_it_came_takes_no_steps() {
    let mut chain = county();
    let first = next_id(&chain, VILLAGE);
    let early = step(&mut chain, &first, "accepted", Lane::Flash);
    step(&mut chain, &first, "cancelled", Lane::Flash);
    chain.wait_ms(1_000);
    assert_eq!(waiting(&chain), 0, "there is nothing to wait for");
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 1);
    let behind = step(&mut chain, &first, "accepted", Lane::Flash);
    assert_eq!(report(&mut chain, "critical"), first);
    let last = step(&mut chain, &first, "accepted", Lane::Flash);
    chain.wait_ms(1_000);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Superseded), 1);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 3);
    assert!(![early, behind, last].iter().any(|id| chain.inboxes[COUNTY].contains(id)));
    assert_eq!((stage(&chain, COUNTY, &first), waiting(&chain)), ("unknown", 0));
    assert_eq!(count(&chain, COUNTY, Measure::Refused), 3);
}

#[test]
fn a_case_is_open_again_if_its_application_was_taken_back_before_it_came() {
    let mut chain = county();
    let body = json!({"category": "邻里纠纷", "class": "general", "description": "墙"});
    let case = say(&mut chain, VILLAGE, "case.open", &body).unwrap();
    let tried = [(); 3].map(|()| attempt(&mut chain, VILLAGE, &case));
    let first = next_id(&chain, VILLAGE);
    update(&mut chain, TOWN, &first, "cancelled");
    assert_eq!(apply(&mut chain, VILLAGE, &case, &tried), Some(first.clone()));
    chain.wait_ms(1_000);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Superseded), 1);
    assert_eq!((stage(&chain, TOWN, &first), stage(&chain, VILLAGE, &case)), ("unknown", "open"));
    let second = apply(&mut chain, VILLAGE, &case, &tried).unwrap();
    assert_eq!(stage(&chain, TOWN, &second), "proposed");
    assert_eq!(stage(&chain, VILLAGE, &case), "applied");
}

#[test]
fn what_is_refused_or_waits_gets_none_of_the_room_that_is_left_for_flash() {
    let mut chain = county();
    let report = report(&mut chain, "general");
    let ghost = MessageId { sequence: 99, ..report.clone() };
    chain.tell(VILLAGE, Input::Disk { held_bytes: 98_000, max_bytes: 100_000 });
    for subject in [report, ghost] {
        let body = json!({"subject": subject, "step": "closed"});
        assert_eq!(say(&mut chain, VILLAGE, "incident.update", &body), None, "{subject}");
    }
}

#[test]
fn a_step_that_waited_has_its_room_already() {
    let mut chain = county();
    let first = next_id(&chain, VILLAGE);
    step(&mut chain, &first, "accepted", Lane::Priority);
    // neighbours' messages are taken still, publishers' are not
    chain.tell(COUNTY, Input::Disk { held_bytes: 96_000, max_bytes: 100_000 });
    assert_eq!(report(&mut chain, "critical"), first);
    chain.wait_ms(2_000);
    assert_eq!((waiting(&chain), stage(&chain, COUNTY, &first)), (0, "accepted"));
}

#[test]
fn only_a_case_that_was_closed_is_evaluated() {
    let mut chain = county();
    let incident = report(&mut chain, "general");
    update(&mut chain, VILLAGE, &incident, "cancelled");
    answer(&mut chain, VILLAGE, "case.evaluate", &incident);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 1, "an incident is no case");
    let body = json!({"category": "邻里纠纷", "class": "general", "description": "墙"});
    let case = say(&mut chain, VILLAGE, "case.open", &body).unwrap();
    let tried = [(); 3].map(|()| attempt(&mut chain, VILLAGE, &case));
    let at_town = apply(&mut chain, VILLAGE, &case, &tried).unwrap();
    answer(&mut chain, TOWN, "case.return", &at_town);
    answer(&mut chain, TOWN, "case.evaluate", &at_town);
    assert_eq!(ended(&chain, TOWN, Outcome::Rejected), 1, "it was sent back, not closed");
    let at_town = apply(&mut chain, VILLAGE, &case, &tried).unwrap();
    answer(&mut chain, TOWN, "case.accept", &at_town);
    answer(&mut chain, TOWN, "case.close", &at_town);
    answer(&mut chain, TOWN, "case.evaluate", &at_town);
    answer(&mut chain, VILLAGE, "case.evaluate", &case);
    assert_eq!(ended(&chain, TOWN, Outcome::Rejected), 1);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 1);
    assert_eq!(count(&chain, VILLAGE, Measure::Evaluated), 1, "it was closed above");
}
