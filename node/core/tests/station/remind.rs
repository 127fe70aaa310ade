//! Directives that want an answer: who is reminded, who is not, and what their issuer is told.

use serde_json::{Value, json};
use yizhan_core::awaited::Wants;
use yizhan_core::draft::Draft;
use yizhan_core::input::{Input, Ticket};
use yizhan_schemas::payload::directive::Requires;
use yizhan_schemas::{Answer, Envelope, Lane, MessageId};

use crate::bench::draft;
use crate::chain::Chain;
use crate::govern::{county, hand_in};

const COUNTY: usize = 0;
const TOWN: usize = 1;
const VILLAGE: usize = 2;
const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;

/// A directive of the county to township and village, due in an hour.
fn order(chain: &Chain, requires: Requires, word: &str, references: &[&MessageId]) -> Draft {
    let body = json!({"title": "巡查", "text": "x", "requires": "acknowledged",
        "msgType": word, "references": references});
    let due_ms = chain.benches[COUNTY].now.wall_ms + HOUR_MS;
    let wants = Wants { requires, due: "2026-11-23T09:00:00+08:00".to_owned(), due_ms };
    let to = Some("510722.101.>".parse().unwrap());
    let plain = draft("directive.issue", serde_json::to_vec(&body).unwrap().into());
    Draft { to, wants: Some(wants), ..plain }
}

fn answers(chain: &mut Chain, at: usize, id: &MessageId, answer: Answer) {
    let (ticket, id) = (Ticket(9), id.clone());
    chain.tell(at, Input::Answered { ticket, id, answer, remark: None });
    chain.wait_ms(500);
}

/// What this station said of its own in a kind: whom it was for, and its body.
fn said(chain: &Chain, at: usize, kind: &str) -> Vec<(String, Value)> {
    let puts = chain.benches[at].records().iter().filter_map(|record| record.put());
    let envelopes = puts.map(|put| &put.envelope);
    let ours = envelopes.filter(|it: &&Envelope| {
        it.header().kind.as_str() == kind && it.header().origin == chain.code(at)
    });
    ours.map(|it| (it.header().to.to_string(), serde_json::from_slice(it.payload()).unwrap()))
        .collect()
}

fn restart(chain: &mut Chain, at: usize) {
    let first = chain.benches[at].restart();
    chain.said(at, first);
    chain.open_inbox(at);
}

#[test]
fn who_is_silent_at_half_of_the_time_is_reminded_once_and_who_answered_is_not() {
    let mut chain = county();
    let order = order(&chain, Requires::Acknowledged, "Alert", &[]);
    let id = hand_in(&mut chain, COUNTY, order).unwrap();
    answers(&mut chain, TOWN, &id, Answer::Acknowledged);
    chain.wait_long_ms(HOUR_MS / 2 - MINUTE_MS);
    assert!(said(&chain, COUNTY, "directive.reminder").is_empty(), "half of the time is not over");
    restart(&mut chain, COUNTY);
    chain.tell(TOWN, Input::Connected);
    chain.wait_long_ms(2 * MINUTE_MS);
    let reminder = json!({"subject": id, "station": "510722", "requires": "acknowledged",
        "due": "2026-11-23T09:00:00+08:00"});
    assert_eq!(
        said(&chain, COUNTY, "directive.reminder"),
        [("510722.101.002".to_owned(), reminder)]
    );
    assert_eq!((chain.inboxes[TOWN].len(), chain.inboxes[VILLAGE].len()), (1, 2));
    assert_eq!(chain.inboxes[VILLAGE][1].lane, Lane::Priority, "ahead of what is routine");
    restart(&mut chain, COUNTY);
    chain.tell(TOWN, Input::Connected);
    answers(&mut chain, VILLAGE, &id, Answer::Completed);
    chain.wait_long_ms(HOUR_MS);
    assert_eq!(said(&chain, COUNTY, "directive.reminder").len(), 1, "once, over a restart too");
    assert!(said(&chain, COUNTY, "directive.overdue").is_empty(), "all have answered");
    assert_eq!(chain.benches[COUNTY].station.kept().awaited.len(), 0);
}

#[test]
fn a_reminder_is_for_the_post_that_its_directive_was_for() {
    let mut chain = county();
    let post = "role:综治委员@510722.101.002";
    let order = order(&chain, Requires::Acknowledged, "Alert", &[]);
    hand_in(&mut chain, COUNTY, Draft { to: Some(post.parse().unwrap()), ..order }).unwrap();
    chain.wait_long_ms(HOUR_MS / 2 + MINUTE_MS);
    let reminders = said(&chain, COUNTY, "directive.reminder");
    assert_eq!(reminders.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), [post]);
}

#[test]
fn what_is_due_and_not_answered_is_said_once_to_its_issuer_with_those_who_are_missing() {
    let mut chain = county();
    let order = order(&chain, Requires::Completed, "Alert", &[]);
    let id = hand_in(&mut chain, COUNTY, order).unwrap();
    answers(&mut chain, TOWN, &id, Answer::Failed);
    chain.wait_long_ms(HOUR_MS + 2 * MINUTE_MS);
    let reminders = said(&chain, COUNTY, "directive.reminder");
    assert_eq!(reminders.len(), 1);
    assert_eq!(reminders[0].0, "510722.101.002", "the township said that it cannot");
    let overdue = said(&chain, COUNTY, "directive.overdue");
    assert_eq!(overdue.len(), 1);
    let (to, card) = &overdue[0];
    assert_eq!(to, "510722");
    assert_eq!(card["subject"], json!(id));
    assert_eq!(card["missing"], json!(["510722.101", "510722.101.002"]));
    assert_eq!(card["missing_count"], 2);
    assert_eq!(chain.inboxes[COUNTY].len(), 1);
    restart(&mut chain, COUNTY);
    chain.wait_long_ms(2 * HOUR_MS);
    assert_eq!(said(&chain, COUNTY, "directive.overdue").len(), 1);
}

#[test]
fn nobody_is_reminded_of_what_was_taken_back_or_could_not_be_answered_in_time() {
    let mut chain = county();
    let first = order(&chain, Requires::Acknowledged, "Alert", &[]);
    let first = hand_in(&mut chain, COUNTY, first).unwrap();
    let cancel = order(&chain, Requires::Delivered, "Cancel", &[&first]);
    hand_in(&mut chain, COUNTY, Draft { wants: None, ..cancel }).unwrap();
    let mut late = order(&chain, Requires::Acknowledged, "Alert", &[]);
    late.wants.as_mut().unwrap().due_ms -= HOUR_MS + MINUTE_MS;
    hand_in(&mut chain, COUNTY, late).unwrap();
    assert_eq!(chain.benches[COUNTY].station.kept().awaited.len(), 0);
    chain.wait_long_ms(2 * HOUR_MS);
    assert!(said(&chain, COUNTY, "directive.reminder").is_empty());
    assert!(said(&chain, COUNTY, "directive.overdue").is_empty());
}
