//! Time without power counts as age, as far as a neighbour can tell it.

use yizhan_core::input::Input;
use yizhan_schemas::Outcome;

use crate::chain::Chain;

const CODES: [&str; 2] = ["510722", "510722.101"];

/// The town loses its power for so long while it holds a report for the county.
fn hold_over_a_power_cut(ttl_ms: u64, off_ms: u64) -> Chain {
    let mut chain = Chain::of(&CODES);
    chain.wait_ms(1_000);
    chain.cut.insert(1);
    chain.tell(1, Input::Disconnected);
    chain.publish(1, "incident.report", "up", Some(ttl_ms));
    chain.wait_ms(1_000);
    chain.benches[0].wait_ms(off_ms);
    let said = chain.benches[1].lose_power(off_ms);
    chain.said(1, said);
    chain.open_inbox(1);
    chain.cut.clear();
    chain.tell(1, Input::Connected);
    chain.wait_ms(2_000);
    chain
}

fn outcome(chain: &Chain, outcome: Outcome) -> u64 {
    chain.benches[1].station.kept().outcomes.ended(outcome)
}

#[test]
fn a_message_that_was_held_over_a_short_power_cut_is_still_delivered() {
    let chain = hold_over_a_power_cut(600_000, 60_000);
    assert_eq!(chain.inboxes[0].len(), 1);
    assert_eq!(outcome(&chain, Outcome::Delivered), 1);
}

#[test]
fn a_message_whose_time_ran_out_while_the_power_was_off_is_not_delivered() {
    let chain = hold_over_a_power_cut(600_000, 700_000);
    assert!(chain.inboxes[0].is_empty());
    assert_eq!(outcome(&chain, Outcome::Expired), 1);
}

#[test]
fn what_is_for_a_stations_own_inbox_is_held_until_a_neighbour_tells_how_long_it_was_off() {
    let mut chain = Chain::of(&CODES);
    chain.wait_ms(1_000);
    chain.tell(1, Input::InboxClosed);
    chain.publish(0, "directive.issue", "510722.101", Some(600_000));
    chain.wait_ms(1_000);
    chain.cut.insert(1);
    chain.benches[0].wait_ms(60_000);
    let said = chain.benches[1].lose_power(60_000);
    chain.said(1, said);
    chain.open_inbox(1);
    chain.wait_ms(5_000);
    assert!(chain.inboxes[1].is_empty(), "nobody knows how old it is");
    chain.cut.clear();
    chain.tell(1, Input::Connected);
    chain.wait_ms(1_000);
    assert_eq!(chain.inboxes[1].len(), 1);
}

#[test]
fn what_nobody_can_tell_the_age_of_ends_as_expired_and_holds_up_the_inbox_for_half_a_minute() {
    let mut chain = Chain::of(&CODES);
    chain.wait_ms(1_000);
    chain.tell(1, Input::InboxClosed);
    chain.publish(0, "directive.issue", "510722.101", Some(600_000));
    chain.publish(0, "directive.issue", "510722.101", None);
    chain.wait_ms(1_000);
    chain.cut.insert(1);
    let said = chain.benches[1].lose_power(60_000);
    chain.said(1, said);
    chain.open_inbox(1);
    chain.wait_ms(29_000);
    assert!(chain.inboxes[1].is_empty());
    chain.wait_ms(2_000);
    assert_eq!(chain.inboxes[1].len(), 1, "the one without a time to live");
}

#[test]
fn a_neighbour_that_lost_its_power_too_cannot_help_and_nothing_stale_is_delivered() {
    let mut chain = Chain::of(&CODES);
    chain.wait_ms(1_000);
    chain.cut.insert(1);
    chain.tell(1, Input::Disconnected);
    chain.publish(1, "incident.report", "up", Some(600_000));
    let said = chain.benches[0].lose_power(60_000);
    chain.said(0, said);
    let said = chain.benches[1].lose_power(60_000);
    chain.said(1, said);
    chain.open_inbox(0);
    chain.open_inbox(1);
    chain.cut.clear();
    chain.tell(1, Input::Connected);
    chain.wait_ms(3_000);
    assert!(chain.inboxes[0].is_empty(), "it may be an hour old");
    assert_eq!(outcome(&chain, Outcome::Expired), 1);
}

#[test]
fn what_cannot_leave_after_a_power_cut_ends_when_its_time_is_over_by_a_neighbours_clock() {
    let mut chain = Chain::of(&["510722", "510722.101", "510722.101.002"]);
    chain.wait_ms(1_000);
    chain.cut.insert(1);
    chain.tell(1, Input::Disconnected);
    chain.publish(1, "incident.report", "up", Some(300_000));
    chain.wait_ms(1_000);
    chain.benches[0].wait_ms(60_000);
    chain.benches[2].wait_ms(60_000);
    let said = chain.benches[1].lose_power(60_000);
    chain.said(1, said);
    // the village tells the township how long it was off; the county is still away
    chain.wait_ms(234_000);
    assert_eq!(outcome(&chain, Outcome::Expired), 0, "295 of 300 seconds");
    chain.wait_ms(10_000);
    assert_eq!(outcome(&chain, Outcome::Expired), 1);
}

#[test]
fn what_is_for_others_waits_for_the_next_neighbour_however_late_it_comes() {
    let mut chain = Chain::of(&CODES);
    chain.wait_ms(1_000);
    chain.cut.insert(1);
    chain.tell(1, Input::Disconnected);
    chain.publish(1, "incident.report", "up", Some(600_000));
    chain.benches[0].wait_ms(60_000);
    let said = chain.benches[1].lose_power(60_000);
    chain.said(1, said);
    // nobody is there to say how long the power was off
    chain.wait_ms(120_000);
    assert_eq!(outcome(&chain, Outcome::Expired), 0);
    chain.cut.clear();
    chain.tell(1, Input::Connected);
    chain.wait_ms(5_000);
    assert_eq!(chain.inboxes[0].len(), 1);
    assert_eq!(outcome(&chain, Outcome::Delivered), 1);
}
