//! What messages mean: incidents, cases, what waits, what is counted.

use serde_json::{Value, json};
use yizhan_core::draft::Draft;
use yizhan_core::effect::Verdict;
use yizhan_core::input::{Input, Ticket};
use yizhan_core::matter::Stage;
use yizhan_core::matters::Standing;
use yizhan_schemas::payload::stats::{Counts, Day, Measure};
use yizhan_schemas::{Code, Lane, MessageId, Outcome};

use crate::bench::{Bench, draft};
use crate::chain::Chain;

pub(crate) const COUNTY: usize = 0;
pub(crate) const TOWN: usize = 1;
pub(crate) const VILLAGE: usize = 2;
const HOUR_MS: u64 = 3_600_000;

pub(crate) fn county() -> Chain {
    let codes = ["510722", "510722.101", "510722.101.002"];
    let mut chain = Chain::with(codes.map(Bench::governed).into());
    chain.wait_ms(1_000);
    chain
}

pub(crate) fn hand_in(chain: &mut Chain, at: usize, draft: Draft) -> Option<MessageId> {
    let before = chain.heard.len();
    chain.tell(at, Input::Submitted { ticket: Ticket(7), draft: Box::new(draft) });
    let verdict = chain.heard.get(before).cloned();
    chain.wait_ms(500);
    match verdict {
        Some(Verdict::Accepted(accepted)) => Some(accepted.id),
        _ => None,
    }
}

pub(crate) fn say(chain: &mut Chain, at: usize, kind: &str, body: &Value) -> Option<MessageId> {
    let mut draft = draft(kind, serde_json::to_vec(body).unwrap().into());
    draft.severity = body["severity"].as_str().map(str::to_owned);
    hand_in(chain, at, draft)
}

pub(crate) fn report(chain: &mut Chain, severity: &str) -> MessageId {
    let body = json!({"category": "积水", "severity": severity, "description": "路口",
        "occurred_at": "2026-11-23T08:30:00+08:00"});
    say(chain, VILLAGE, "incident.report", &body).unwrap()
}

/// The id that a station's next routine message gets.
pub(crate) fn next_id(chain: &Chain, at: usize) -> MessageId {
    let kept = chain.benches[at].station.kept();
    let sequence = kept.issued.get(Lane::Routine) + 1;
    MessageId { origin: chain.code(at), epoch: kept.epoch.unwrap(), lane: Lane::Routine, sequence }
}

pub(crate) fn update(chain: &mut Chain, at: usize, subject: &MessageId, step: &str) -> MessageId {
    let body = json!({"subject": subject, "step": step, "reason": "不属本站"});
    say(chain, at, "incident.update", &body).unwrap()
}

pub(crate) fn stage(chain: &Chain, at: usize, id: &MessageId) -> &'static str {
    match chain.benches[at].station.kept().matters.standing(id) {
        Standing::Untouched => "untouched",
        Standing::Live(matter) => matter.stage.word(),
        Standing::Ended => "ended",
        Standing::Unknown => "unknown",
    }
}

pub(crate) fn ended(chain: &Chain, at: usize, outcome: Outcome) -> u64 {
    chain.benches[at].station.kept().outcomes.ended(outcome)
}

pub(crate) fn count(chain: &Chain, at: usize, measure: Measure) -> u64 {
    let station = &chain.benches[at].station;
    let days = station.kept().tally.days().into_iter();
    let tables = days.map(|day: Day| station.kept().tally.sum(day, station.depth()));
    let of = |counts: &Counts| counts.get(measure);
    tables
        .map(|table| {
            let families = table.values().flat_map(|families| families.values());
            families.flat_map(|categories| categories.values()).map(of).sum::<u64>()
        })
        .sum()
}

#[test]
fn an_incident_goes_its_way_and_what_is_illegal_is_rejected_and_delivered_to_nobody() {
    let mut chain = county();
    let report = report(&mut chain, "general");
    assert_eq!(stage(&chain, VILLAGE, &report), "untouched");
    update(&mut chain, VILLAGE, &report, "handled");
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 1);
    assert_eq!(chain.inboxes[VILLAGE], std::slice::from_ref(&report));
    for step in ["accepted", "dispatched", "handled", "verified", "closed"] {
        update(&mut chain, VILLAGE, &report, step);
    }
    assert_eq!(stage(&chain, VILLAGE, &report), "ended");
    update(&mut chain, VILLAGE, &report, "accepted");
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 2, "it has ended");
    assert_eq!(chain.inboxes[VILLAGE].len(), 6);
    assert_eq!(count(&chain, VILLAGE, Measure::Closed), 1);
    assert_eq!(count(&chain, VILLAGE, Measure::Refused), 2);
    assert!(chain.inboxes[COUNTY].is_empty() && chain.inboxes[TOWN].is_empty());
}

#[test]
fn the_village_hears_that_the_county_took_a_step_it_may_not_take() {
    let mut chain = county();
    let report = report(&mut chain, "critical");
    assert_eq!(stage(&chain, COUNTY, &report), "untouched");
    let step = json!({"subject": report, "step": "closed", "severity": "critical"});
    let step = say(&mut chain, VILLAGE, "incident.update", &step).unwrap();
    chain.wait_ms(1_000);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 1);
    assert!(!chain.inboxes[COUNTY].contains(&step));
    assert!(chain.benches.iter().all(|bench| bench.station.audit().is_none()));
}

#[test]
fn who_is_not_above_a_report_has_no_say_in_it() {
    let mut chain = county();
    let body = json!({"category": "火情", "severity": "critical", "description": "x",
        "occurred_at": "2026-11-23T08:30:00+08:00"});
    let of_town = say(&mut chain, TOWN, "incident.report", &body).unwrap();
    let step = json!({"subject": of_town, "step": "accepted", "severity": "critical"});
    say(&mut chain, VILLAGE, "incident.update", &step).unwrap();
    chain.wait_ms(1_000);
    assert_eq!(stage(&chain, COUNTY, &of_town), "untouched");
    assert_eq!(ended(&chain, VILLAGE, Outcome::Rejected), 1);
}

#[test]
fn a_step_that_overtakes_its_report_waits_for_it_over_a_restart() {
    let mut chain = county();
    let first = next_id(&chain, VILLAGE);
    let body = json!({"subject": first, "step": "accepted", "severity": "critical"});
    let mut flash = draft("incident.update", serde_json::to_vec(&body).unwrap().into());
    (flash.severity, flash.precedence) = (Some("critical".into()), Some(Lane::Flash));
    let step = hand_in(&mut chain, VILLAGE, flash).unwrap();
    let waiting = |chain: &Chain| chain.benches[COUNTY].station.kept().matters.parked().count();
    assert_eq!((waiting(&chain), chain.inboxes[COUNTY].len()), (1, 0));
    let said = chain.benches[COUNTY].restart();
    chain.said(COUNTY, said);
    chain.open_inbox(COUNTY);
    assert_eq!(report(&mut chain, "critical"), first);
    let report = first;
    chain.wait_ms(15_000);
    assert_eq!((waiting(&chain), stage(&chain, COUNTY, &report)), (0, "accepted"));
    assert_eq!(chain.inboxes[COUNTY], [report, step]);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Delivered), 2);
}

#[test]
fn a_step_whose_report_never_comes_ends_with_its_time_to_live() {
    let mut chain = county();
    let ghost = MessageId::parse("510722.101.002-aaaaaa-r9").unwrap();
    let body = json!({"subject": ghost, "step": "accepted"});
    let mut step = draft("incident.update", serde_json::to_vec(&body).unwrap().into());
    step.ttl_ms = Some(60_000);
    hand_in(&mut chain, VILLAGE, step).unwrap();
    assert_eq!(ended(&chain, VILLAGE, Outcome::Expired), 0);
    chain.wait_ms(61_000);
    assert_eq!(ended(&chain, VILLAGE, Outcome::Expired), 1);
    assert!(chain.inboxes[VILLAGE].is_empty());
}

#[test]
fn a_cancel_ends_a_late_original_as_superseded() {
    let mut chain = county();
    let order = next_id(&chain, COUNTY);
    let body = json!({"title": "撤销", "text": "x", "requires": "delivered",
        "msgType": "Cancel", "references": [order]});
    let mut cancel = draft("directive.issue", serde_json::to_vec(&body).unwrap().into());
    (cancel.to, cancel.precedence) = (Some("510722.101".parse().unwrap()), Some(Lane::Flash));
    // flash overtakes what waits on a thin link
    let cancel = hand_in(&mut chain, COUNTY, cancel).unwrap();
    let body = json!({"title": "撤离", "text": "x", "requires": "delivered"});
    let mut late = draft("directive.issue", serde_json::to_vec(&body).unwrap().into());
    late.to = Some("510722.101".parse().unwrap());
    assert_eq!(hand_in(&mut chain, COUNTY, late), Some(order));
    chain.wait_ms(1_000);
    assert_eq!(chain.inboxes[TOWN], [cancel]);
    assert_eq!(ended(&chain, COUNTY, Outcome::Superseded), 1);
    assert_eq!(ended(&chain, COUNTY, Outcome::Delivered), 1);
}

#[test]
fn a_broadcast_that_was_taken_back_before_it_came_is_not_said_by_loudspeakers() {
    let mut chain = county();
    chain.tell(TOWN, Input::Loudspeakers(true));
    let alert = next_id(&chain, COUNTY);
    let issue = |word: &str, references: &[&MessageId]| {
        let body = json!({"text": "x", "msgType": word, "references": references});
        let plain = draft("broadcast.issue", serde_json::to_vec(&body).unwrap().into());
        Draft { to: Some("510722.101".parse().unwrap()), ..plain }
    };
    let cancel = Draft { precedence: Some(Lane::Flash), ..issue("Cancel", &[&alert]) };
    let cancel = hand_in(&mut chain, COUNTY, cancel).unwrap();
    assert_eq!(hand_in(&mut chain, COUNTY, issue("Alert", &[])), Some(alert));
    chain.wait_ms(1_000);
    assert_eq!((&chain.asked, &chain.inboxes[TOWN]), (&vec![(TOWN, cancel)], &vec![]));
    assert_eq!(ended(&chain, COUNTY, Outcome::Superseded), 1);
}

#[test]
fn a_directive_leaves_at_its_hour_unless_it_is_taken_back_before() {
    let mut chain = county();
    let hour_ms = chain.benches[COUNTY].now.wall_ms + HOUR_MS;
    let order = |references: &[&MessageId], not_before_ms| {
        let word = if references.is_empty() { "Alert" } else { "Cancel" };
        let body = json!({"title": "巡查", "text": "x", "requires": "delivered",
            "msgType": word, "references": references});
        let to = Some("510722.101.002".parse().unwrap());
        let plain = draft("directive.issue", serde_json::to_vec(&body).unwrap().into());
        Draft { to, not_before_ms, ..plain }
    };
    let first = hand_in(&mut chain, COUNTY, order(&[], Some(hour_ms))).unwrap();
    let second = hand_in(&mut chain, COUNTY, order(&[], Some(hour_ms))).unwrap();
    let cancel = hand_in(&mut chain, COUNTY, order(&[&first], None)).unwrap();
    assert_eq!(chain.inboxes[VILLAGE], std::slice::from_ref(&cancel));
    assert_eq!(ended(&chain, COUNTY, Outcome::Cancelled), 1);
    let said = chain.benches[COUNTY].restart();
    chain.said(COUNTY, said);
    chain.wait_long_ms(HOUR_MS + 60_000);
    assert_eq!(chain.inboxes[VILLAGE], [cancel, second]);
    assert_eq!(ended(&chain, COUNTY, Outcome::Delivered), 2);
    assert!(chain.benches.iter().all(|bench| bench.station.audit().is_none()));
}

#[test]
fn what_nobody_handles_gets_its_cards_and_goes_up_and_what_is_closed_above_is_closed_below() {
    let mut chain = county();
    let report = report(&mut chain, "significant");
    chain.wait_long_ms(HOUR_MS / 2 + 60_000);
    assert_eq!(count(&chain, VILLAGE, Measure::Yellow), 1);
    assert_eq!((chain.inboxes[TOWN].len(), chain.inboxes[VILLAGE].len()), (1, 2));
    let said = chain.benches[VILLAGE].restart();
    chain.said(VILLAGE, said);
    chain.open_inbox(VILLAGE);
    chain.tell(VILLAGE, Input::Connected);
    chain.wait_long_ms(HOUR_MS / 2 + 60_000);
    assert_eq!(count(&chain, VILLAGE, Measure::Red), 1);
    chain.wait_long_ms(HOUR_MS + 60_000);
    assert_eq!(stage(&chain, VILLAGE, &report), "risen");
    let above = chain.inboxes[TOWN].last().unwrap().clone();
    assert_eq!(stage(&chain, TOWN, &above), "reported");
    for step in ["accepted", "dispatched", "handled", "verified", "closed"] {
        update(&mut chain, TOWN, &above, step);
    }
    chain.wait_ms(1_000);
    assert_eq!((stage(&chain, TOWN, &above), stage(&chain, VILLAGE, &report)), ("ended", "ended"));
    chain.wait_long_ms(2 * HOUR_MS);
    for at in [VILLAGE, TOWN, COUNTY] {
        assert_eq!(count(&chain, at, Measure::Raised), 1);
        let closed = count(&chain, at, Measure::Closed);
        assert_eq!(closed, u64::from(at != VILLAGE), "it was closed in the township");
    }
}

pub(crate) fn attempt(chain: &mut Chain, at: usize, case: &MessageId) -> MessageId {
    let body = json!({"subject": case, "who": "调解员", "at": "2026-11-23T08:30:00+08:00",
        "outcome": "failed"});
    let mut draft = draft("case.attempt", serde_json::to_vec(&body).unwrap().into());
    draft.to = Some(chain.code(at).as_str().parse().unwrap());
    hand_in(chain, at, draft).unwrap()
}

pub(crate) fn apply(
    chain: &mut Chain,
    at: usize,
    case: &MessageId,
    history: &[MessageId],
) -> Option<MessageId> {
    let history: Vec<Value> = history.iter().map(|id| json!({"id": id})).collect();
    let body = json!({"subject": case, "reason": "三次未成", "history": history});
    say(chain, at, "case.apply", &body)
}

pub(crate) fn answer(chain: &mut Chain, at: usize, kind: &str, case: &MessageId) {
    let body = json!({"subject": case, "reason": "材料不全", "outcome": "settled"});
    let mut draft = draft(kind, serde_json::to_vec(&body).unwrap().into());
    draft.to = Some(chain.code(at).as_str().parse().unwrap());
    hand_in(chain, at, draft).unwrap();
    chain.wait_ms(1_000);
}

#[test]
fn a_case_climbs_by_application_after_three_attempts_and_leaves_none_behind() {
    let mut chain = county();
    let body = json!({"category": "邻里纠纷", "class": "general", "description": "墙"});
    let case = say(&mut chain, VILLAGE, "case.open", &body).unwrap();
    let mut tried = vec![attempt(&mut chain, VILLAGE, &case), attempt(&mut chain, VILLAGE, &case)];
    assert_eq!(apply(&mut chain, VILLAGE, &case, &tried), None, "two attempts are too few");
    tried.push(attempt(&mut chain, VILLAGE, &case));
    assert_eq!(apply(&mut chain, VILLAGE, &case, &tried[..2]), None, "one is left out");
    let at_town = apply(&mut chain, VILLAGE, &case, &tried).unwrap();
    assert_eq!(stage(&chain, TOWN, &at_town), "proposed");
    assert_eq!(stage(&chain, VILLAGE, &case), "applied");
    answer(&mut chain, TOWN, "case.return", &at_town);
    assert_eq!(stage(&chain, VILLAGE, &case), "open", "back, with a reason");
    let at_town = apply(&mut chain, VILLAGE, &case, &tried).unwrap();
    answer(&mut chain, TOWN, "case.accept", &at_town);
    assert_eq!(stage(&chain, VILLAGE, &case), "risen");
    assert_eq!(apply(&mut chain, TOWN, &at_town, &tried), None, "the township has not tried");
    tried.extend((0..3).map(|_| attempt(&mut chain, TOWN, &at_town)));
    let at_county = apply(&mut chain, TOWN, &at_town, &tried).unwrap();
    answer(&mut chain, COUNTY, "case.accept", &at_county);
    answer(&mut chain, COUNTY, "case.close", &at_county);
    let stages = [(COUNTY, &at_county), (TOWN, &at_town), (VILLAGE, &case)];
    for (at, id) in stages {
        assert_eq!(stage(&chain, at, id), "ended", "{id}");
    }
    assert_eq!(apply(&mut chain, COUNTY, &at_county, &tried), None, "nobody is above the root");
    chain.wait_long_ms(3 * HOUR_MS);
    assert_eq!(count(&chain, COUNTY, Measure::Attempts), 6);
    assert_eq!(count(&chain, COUNTY, Measure::Closed), 1);
}

#[test]
fn counts_of_a_county_are_the_sum_of_its_stations_and_go_up_once_an_hour() {
    let mut chain = county();
    for _ in 0..20 {
        let report = report(&mut chain, "general");
        for step in ["accepted", "dispatched", "handled", "verified", "closed"] {
            update(&mut chain, VILLAGE, &report, step);
        }
    }
    chain.wait_long_ms(3 * HOUR_MS);
    assert_eq!(count(&chain, COUNTY, Measure::Closed), 20);
    assert_eq!(count(&chain, COUNTY, Measure::Taken), 20);
    // a parent that lost its disk is told everything again
    let said = chain.benches[TOWN].lose_store();
    chain.said(TOWN, said);
    chain.open_inbox(TOWN);
    chain.wait_long_ms(4 * HOUR_MS);
    assert_eq!(count(&chain, TOWN, Measure::Closed), 20);
    assert_eq!(count(&chain, COUNTY, Measure::Closed), 20);
}

#[test]
fn a_matter_is_what_it_was_after_a_restart() {
    let mut chain = county();
    let report = report(&mut chain, "significant");
    update(&mut chain, VILLAGE, &report, "accepted");
    let before = chain.benches[VILLAGE].station.kept().matters.clone();
    assert_eq!(before.get(&report).map(|matter| matter.stage), Some(Stage::Accepted));
    let said = chain.benches[VILLAGE].restart();
    chain.said(VILLAGE, said);
    assert_eq!(chain.benches[VILLAGE].station.kept().matters, before);
    let code: Code = chain.code(VILLAGE);
    assert_eq!(report.origin, code);
}

#[test]
fn a_policy_of_the_root_counts_from_its_hour_on_and_an_older_one_never() {
    let mut chain = Chain::with(vec![Bench::keyed("510722")]);
    chain.wait_ms(1_000);
    let set = |version: u64, policy: &str, effective_at: Option<&str>| {
        let mut body = json!({"version": version, "policy": policy});
        if let Some(at) = effective_at {
            body["effective_at"] = at.into();
        }
        let plain = draft("policy.set", serde_json::to_vec(&body).unwrap().into());
        Draft { to: Some("510722.>".parse().unwrap()), ..plain }
    };
    let orders = "[policy]\nfamilies = [\"directive\", \"policy\"]\n";
    let reports = "[policy]\nfamilies = [\"incident\", \"policy\"]\n";
    // the benches' clocks say 2023-11-14T22:13:20Z
    let later = set(5, orders, Some("2023-11-15T00:00:00Z"));
    assert!(hand_in(&mut chain, COUNTY, later).is_some());
    assert!(hand_in(&mut chain, COUNTY, set(4, reports, None)).is_none(), "5 is known");
    let broken = "[policy]\n[[policy.route]]\nkind = \"*\"\nhandle_at = \"nowhere\"\n";
    assert!(hand_in(&mut chain, COUNTY, set(6, broken, None)).is_none(), "no such tier");
    let report = |chain: &mut Chain| {
        let body = json!({"category": "火情", "severity": "general"});
        say(chain, COUNTY, "incident.report", &body)
    };
    assert!(report(&mut chain).is_some(), "its hour has not come");
    let said = chain.benches[COUNTY].restart();
    chain.said(COUNTY, said);
    chain.open_inbox(COUNTY);
    chain.wait_long_ms(2 * HOUR_MS);
    assert_eq!(report(&mut chain), None);
    assert_eq!(chain.benches[COUNTY].station.policy_version(), 5);
    assert!(hand_in(&mut chain, COUNTY, set(6, reports, None)).is_some());
    assert!(report(&mut chain).is_some());
    let said = chain.benches[COUNTY].restart();
    chain.said(COUNTY, said);
    assert_eq!(chain.benches[COUNTY].station.policy_version(), 6, "over a restart");
}
