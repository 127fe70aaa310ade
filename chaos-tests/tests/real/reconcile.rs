//! Reconciliation: clean first; then a village's record of one report is gone, and it is named.

use std::process::Command;

use serde_json::{Value, json};

use crate::asking::{linked, page_until, text, yizhan};
use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::place::Place;
use chaos_tests::real::programs;
use chaos_tests::real::publisher::{Event, accepted, connect, publish};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const WEST: &str = "510722.101.002";
const CROSS: &str = "510722.101.003";
const REPORTS: usize = 12;
const PATH: &str = "/v1/reconcile";

/// The links of an answer as (child, state, up, down).
fn links(page: &Value) -> Vec<(String, String, u64, u64)> {
    let link = |it: &Value| {
        let word = |name: &str| it[name].as_str().unwrap().to_owned();
        let count = |name: &str| it[name].as_u64().unwrap();
        (word("child"), word("state"), count("up"), count("down"))
    };
    let mut links: Vec<_> = page["links"].as_array().unwrap().iter().map(link).collect();
    links.sort();
    links
}

fn agreed(child: &str, up: u64, down: u64) -> (String, String, u64, u64) {
    (child.to_owned(), "agreed".to_owned(), up, down)
}

/// Reports of a village and an order to all; the reports' ids.
async fn traffic(county: &County) -> Vec<String> {
    let west = connect(county.station(WEST)).await;
    let mut ids = Vec::new();
    for n in 0..REPORTS {
        ids.push(accepted(&publish(&west, &Event::report(n).keyed(&n.to_string())).await));
    }
    let root = connect(county.station(COUNTY)).await;
    accepted(&publish(&root, &Event::directive(1, "510722.>").keyed("order")).await);
    ids
}

fn forget(station: &Place, id: &str) -> (bool, String) {
    let mut command = Command::new(programs::yizhan());
    command.args(["spool", "forget", id, "--yes-i-mean-it", "--data"]).arg(station.data());
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_clean_day_agrees_at_every_link_and_a_record_that_is_gone_below_is_named() {
    let mut county = Plan::of(&[COUNTY, TOWN, WEST, CROSS]).start().await;
    for code in [TOWN, WEST, CROSS] {
        linked(county.station(code)).await;
    }
    let ids = traffic(&county).await;
    let all = REPORTS as u64;
    let wanted = [agreed(TOWN, all, 1), agreed(WEST, all, 1), agreed(CROSS, 0, 1)];
    page_until(county.station(COUNTY), PATH, "every link agrees", |page| {
        links(page) == wanted && page["state"] == "agreed"
    })
    .await;
    let said = yizhan(county.station(COUNTY), &["reconcile", "--lang", "en"]);
    assert!(said.status.success() && text(&said).contains("agreed"), "{}", text(&said));

    let (done, why) = forget(county.station(WEST), &ids[4]);
    assert!(!done && why.contains("in use"), "a station that runs is left alone: {why}");
    county.station_mut(WEST).terminate().await;
    let dark = page_until(county.station(COUNTY), PATH, "the village is dark", |page| {
        page["state"] == "dark"
    })
    .await;
    let of_west = dark["links"].as_array().unwrap().iter().find(|it| it["child"] == WEST).unwrap();
    assert_eq!((&of_west["state"], &of_west["why"]), (&json!("dark"), &json!("the link is down")));

    let (done, why) = forget(county.station(WEST), &ids[4]);
    assert!(done, "{why}");
    county.station_mut(WEST).start();
    county.station_mut(WEST).ready().await;
    let page =
        page_until(county.station(COUNTY), PATH, "the gap is named", |page| page["state"] == "gap")
            .await;
    let gaps: Vec<&Value> = page["links"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["gaps"].as_array())
        .flatten()
        .collect();
    assert_eq!(gaps.len(), 1, "one record is gone, and no other is blamed: {page}");
    let gap = gaps[0];
    assert_eq!((&gap["kind"], &gap["id"]), (&json!("missing_below"), &json!(ids[4])));
    assert_eq!(gap["count"], 1);
    let said = yizhan(county.station(COUNTY), &["reconcile", "--lang", "en", "--station", WEST]);
    assert_eq!(said.status.code(), Some(1));
    let words = text(&said);
    assert!(words.contains("missing_below") && words.contains(&ids[4]), "{words}");
    assert!(!words.contains(CROSS), "only the links that were asked for: {words}");
    let other = yizhan(county.station(COUNTY), &["reconcile", "--station", CROSS]);
    assert!(other.status.success(), "the other village's link agrees");
    let differences = "yizhan_reconcile_differences";
    assert_eq!(county.station(TOWN).metric(differences, WEST).await, Some(1.0));
    assert_eq!(county.station(TOWN).metric(differences, CROSS).await, Some(0.0));
}
