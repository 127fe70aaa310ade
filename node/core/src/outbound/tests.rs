//! A lane of a link, as cursors: whatever happens, the count holds.

use yizhan_schemas::Lane;

use super::*;

fn with_legs(count: u64) -> Outbound {
    let mut lane = Outbound::default();
    for sequence in 1..=count {
        lane.opened(sequence, Chain([0; 8]), (None, Lane::Routine), 1);
    }
    lane
}

#[test]
fn every_leg_is_held_handed_over_or_ended_whatever_happens() {
    let mut lane = with_legs(10);
    assert!(!lane.end(4, 5, SkipReason::Expired).is_empty());
    assert!(lane.end(5, 6, SkipReason::Expired).is_empty(), "five has ended already");
    lane.handed_over(4);
    assert_eq!((lane.held(), lane.tally.handed_over, lane.tally.ended), (5, 3, 2));
    assert!(lane.balances());
    lane.handed_over(8);
    assert!(lane.balances());
    lane.rewound(2);
    assert_eq!(lane.held(), 8);
    assert!(lane.balances());
}

#[test]
fn a_run_cut_by_an_ack_keeps_its_open_part() {
    let mut lane = with_legs(9);
    assert!(!lane.end(3, 7, SkipReason::Cancelled).is_empty());
    lane.handed_over(5);
    let runs = lane.ended_runs(1, 9);
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].from, runs[0].through), (6, 7));
    assert!(lane.balances());
}

#[test]
fn legs_lost_to_damage_end_as_damaged_and_stay_in_the_count() {
    let mut lane = with_legs(3);
    lane.opened(6, Chain([1; 8]), (None, Lane::Routine), 1);
    assert_eq!(lane.next, 7);
    assert_eq!(lane.ended_runs(1, 6)[0].reason, SkipReason::Damaged);
    assert!(lane.balances());
}

#[test]
fn an_ack_beyond_what_was_offered_moves_nothing() {
    let mut lane = with_legs(3);
    lane.handed_over(4);
    assert_eq!(lane.acked, 0);
}

#[test]
fn legs_owed_again_that_the_log_has_no_more_end_by_whether_they_were_passed_on() {
    let mut lane = with_legs(10);
    lane.handed_over(8);
    lane.passed_on(&[(1, 3)]);
    lane.evicted(1, 5, Chain([5; 8]));
    let (again, gone) = lane.rewound(0);
    let sum = |legs: &Counted| legs.iter().map(|(_, n)| n).sum::<u64>();
    assert_eq!((sum(&again), sum(&gone)), (8, 5));
    assert!(lane.balances());
    let runs = lane.ended_runs(1, 10);
    let told: Vec<_> = runs.iter().map(|run| (run.from, run.through, run.reason)).collect();
    assert_eq!(told, [(1, 3, SkipReason::Passed), (4, 5, SkipReason::Evicted)]);
    assert_eq!(runs[1].chain, Some(Chain([5; 8])));
    assert_eq!(lane.open_runs(1, 10), [(6, 10)]);
}

#[test]
fn what_was_written_anew_is_still_given_when_all_around_it_is_gone() {
    let mut lane = with_legs(10);
    lane.handed_over(9);
    lane.evicted(1, 3, Chain([3; 8]));
    lane.evicted(6, 7, Chain([7; 8]));
    assert_eq!(lane.refill_from(), 1);
    lane.rewound(0);
    assert!(lane.balances());
    assert_eq!(lane.open_runs(1, 10), [(4, 5), (8, 10)]);
    let runs = lane.ended_runs(1, 10);
    let told: Vec<_> = runs.iter().map(|run| (run.from, run.through, run.chain)).collect();
    assert_eq!(told, [(1, 3, Some(Chain([3; 8]))), (6, 7, Some(Chain([7; 8])))]);
}

#[test]
fn what_is_gone_of_legs_to_come_is_no_news() {
    let mut lane = with_legs(3);
    lane.evicted(2, 4, Chain([4; 8]));
    lane.evicted(3, 2, Chain([2; 8]));
    assert_eq!(lane.gone, Gone::default());
}
