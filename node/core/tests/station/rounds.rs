//! Directives that repeat, and what matters of other systems are counted under.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yizhan_schemas::payload::stats::Family;

use crate::bench::{Bench, draft};
use crate::chain::Chain;
use crate::govern::{county, hand_in};

/// 09:00 in Beijing on 2023-11-20, the first round of the policy.
const FIRST_MS: u64 = 1_700_442_000_000;
const DAY_MS: u64 = 86_400_000;
/// As long as an hour may go unnoticed.
const LOOK_MS: u64 = 31_000;

/// The directives that a station issued.
fn issued(bench: &Bench) -> Vec<Value> {
    let puts = bench.records().iter().filter_map(|record| record.put());
    let orders = puts.filter(|put| put.envelope.header().kind.as_str() == "directive.issue");
    orders.map(|put| serde_json::from_slice(put.envelope.payload()).unwrap()).collect()
}

#[test]
fn a_round_is_issued_once_at_its_hour_over_restarts_and_late_after_a_power_cut() {
    let (mut town, mut above) = (Bench::governed("510722.101"), Bench::governed("510722"));
    for bench in [&mut town, &mut above] {
        bench.now.wall_ms = FIRST_MS - 2 * LOOK_MS;
        bench.wait_ms(LOOK_MS);
        assert!(issued(bench).is_empty(), "its hour has not come");
        bench.wait_ms(2 * LOOK_MS);
    }
    assert!(issued(&above).is_empty(), "it is the township's");
    let order = json!({"title": "矛盾纠纷排查", "text": "", "requires": "completed",
        "due": "2023-11-21T09:00:00+08:00", "status": "Actual", "msgType": "Alert"});
    assert_eq!(issued(&town), [order]);
    assert_eq!(town.station.kept().awaited.len(), 1, "its answers are waited for");
    town.restart();
    town.wait_ms(LOOK_MS);
    town.now.wall_ms += 2 * DAY_MS;
    town.wait_ms(LOOK_MS);
    assert_eq!(issued(&town).len(), 1, "three days are not over");
    town.now.wall_ms += DAY_MS;
    town.wait_ms(LOOK_MS);
    assert_eq!(issued(&town).len(), 2);
    // two more pass while the power is off: the last of them is still worth while
    town.lose_power(7 * DAY_MS);
    town.wait_ms(LOOK_MS);
    town.wait_ms(LOOK_MS);
    assert_eq!(issued(&town).len(), 3);
}

/// The categories of a family that are counted at the village.
fn counted(chain: &Chain, family: Family) -> BTreeSet<String> {
    let kept = chain.benches[2].station.kept();
    let days = kept.tally.days().into_iter();
    let tables = days.map(|day| kept.tally.sum(day, 2)).collect::<Vec<_>>();
    let families = tables.iter().flat_map(|table| table.values());
    let categories = families.filter_map(|families| families.get(&family));
    categories.flat_map(|categories| categories.keys().cloned()).collect()
}

#[test]
fn a_matter_is_counted_under_the_countys_category_and_its_payload_stays_as_it_was() {
    let mut chain = county();
    let mut say = |kind: &str, body: Value| {
        let plain = draft(kind, serde_json::to_vec(&body).unwrap().into());
        hand_in(&mut chain, 2, plain).unwrap()
    };
    let moved = say("case.open", json!({"category": "征地拆迁"}));
    say("case.open", json!({"category": "婚姻家庭"}));
    say("case.open", json!({"category": "征地拆迁", "mapped_code": "2026.1:自然资源"}));
    let report = |category: &str, code: &str| {
        json!({"category": category, "source_code": code, "severity": "general",
            "description": "x", "occurred_at": "2026-11-23T08:30:00+08:00"})
    };
    say("incident.report", report("占道经营", "0412"));
    say("incident.report", report("积水", "0999"));
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    let check = |chain: &Chain| {
        let cases: BTreeSet<String> = names(&["城乡建设", "婚姻家庭", "自然资源"]);
        assert_eq!(counted(chain, Family::Case), cases);
        let incidents: BTreeSet<String> = names(&["市容环境", "积水"]);
        assert_eq!(counted(chain, Family::Incident), incidents);
    };
    check(&chain);
    let puts = chain.benches[2].records().iter().filter_map(|record| record.put());
    let mut first = puts.filter(|put| put.envelope.header().id() == moved);
    let kept: Value = serde_json::from_slice(first.next().unwrap().envelope.payload()).unwrap();
    assert_eq!(kept, json!({"category": "征地拆迁"}), "the original is kept");
    let said = chain.benches[2].restart();
    chain.said(2, said);
    check(&chain);
    let matters = &chain.benches[2].station.kept().matters;
    assert_eq!(matters.get(&moved).map(|matter| &*matter.category), Some("城乡建设"));
}
