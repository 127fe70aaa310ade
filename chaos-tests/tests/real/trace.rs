//! Traces: one message through every hop, asked for at any station, also while some are dark.

use serde_json::{Value, json};

use crate::asking::{linked, page, page_until, text, yizhan};
use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::publisher::{Event, accepted, connect, publish};
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const WEST: &str = "510722.101.002";
const CROSS: &str = "510722.101.003";

async fn county() -> County {
    let county = Plan::of(&[COUNTY, TOWN, WEST, CROSS]).start().await;
    for code in [TOWN, WEST, CROSS] {
        linked(county.station(code)).await;
    }
    county
}

/// Each hop's station and state.
fn hops(page: &Value) -> Vec<(String, String)> {
    let word = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    let hops = page["hops"].as_array().unwrap().iter();
    hops.map(|hop| (word(hop, "station"), word(hop, "state"))).collect()
}

fn hop(station: &str, state: &str) -> (String, String) {
    (station.to_owned(), state.to_owned())
}

/// Every hop of a report that has arrived.
fn arrived() -> [(String, String); 3] {
    [WEST, TOWN, COUNTY].map(|station| hop(station, "passed"))
}

/// The events of a hop.
fn events(page: &Value, station: &str) -> Vec<String> {
    let hop = page["hops"].as_array().unwrap().iter().find(|hop| hop["station"] == station);
    let events = hop.unwrap()["events"].as_array().unwrap().iter();
    events.map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_whole_way_is_told_wherever_one_asks_and_only_to_those_on_it() {
    let county = county().await;
    let nats = connect(county.station(WEST)).await;
    let report = accepted(&publish(&nats, &Event::report(1).keyed("1")).await);
    let path = format!("/v1/trace/{report}");
    let way = arrived();
    for code in [WEST, TOWN, COUNTY] {
        let page = page_until(county.station(code), &path, "the whole way", |page| {
            hops(page) == way && page["complete"] == true
        })
        .await;
        assert_eq!(events(&page, WEST)[..2], ["accepted", "handed_over"], "{page}");
        assert_eq!(events(&page, TOWN)[..2], ["received", "handed_over"], "{page}");
        assert_eq!(page["holders"][0]["station"], COUNTY, "{page}");
    }
    let told = page_until(county.station(COUNTY), &path, "delivered", |page| {
        events(page, COUNTY).iter().any(|event| event == "delivered")
    });
    told.await;
    let said = yizhan(county.station(WEST), &["trace", &report, "--lang", "en"]);
    let words = text(&said);
    assert!(said.status.success() && words.contains("handed_over → 510722.101"), "{words}");
    let zh = text(&yizhan(county.station(WEST), &["trace", &report, "--lang", "zh"]));
    assert!(zh.contains("已移交"), "{zh}");
    let foreign = page(county.station(CROSS), &path).await;
    assert_eq!(foreign, None, "a village has no business with its neighbour's report");

    // an order, seen from one of its targets: the branch to the other is none of its business
    let root = connect(county.station(COUNTY)).await;
    let event = Event::directive(1, "tier:village@510722").keyed("order");
    let order = accepted(&publish(&root, &event).await);
    let path = format!("/v1/trace/{order}");
    let way = [hop(COUNTY, "passed"), hop(TOWN, "passed"), hop(WEST, "passed")];
    let page =
        page_until(county.station(WEST), &path, "the way of an order", |page| hops(page) == way)
            .await;
    assert!(!page.to_string().contains(CROSS), "{page}");
    let way = [&way[..], &[hop(CROSS, "passed")]].concat();
    page_until(county.station(COUNTY), &path, "both branches", |page| hops(page) == way).await;
}

#[tokio::test]
async fn while_a_township_is_down_the_last_proven_holder_is_named_and_then_why_it_took_long() {
    let mut county = county().await;
    let nats = connect(county.station(WEST)).await;
    let report = accepted(&publish(&nats, &Event::report(1).keyed("1")).await);
    let path = format!("/v1/trace/{report}");
    page_until(county.station(WEST), &path, "at the county", |page| hops(page) == arrived()).await;
    county.station_mut(TOWN).kill().await;
    let dark = [hop(WEST, "passed"), hop(TOWN, "dark")];
    let page =
        page_until(county.station(WEST), &path, "the township is dark", |page| hops(page) == dark)
            .await;
    let holder = &page["holders"][0];
    // the receipt may have come before the township went
    let proven = [json!(TOWN), json!(COUNTY)];
    assert!(proven.contains(&holder["station"]) && holder["proven_by"] == WEST, "{page}");
    let dark = [hop(TOWN, "dark"), hop(COUNTY, "passed")];
    page_until(county.station(COUNTY), &path, "from above", |page| hops(page) == dark).await;

    // one that waits at the village for the link
    let waiting = accepted(&publish(&nats, &Event::report(2).keyed("2")).await);
    let path = format!("/v1/trace/{waiting}");
    let page = page_until(county.station(WEST), &path, "the wait has its reason", |page| {
        page["hops"][0]["waits"][0]["why"] == "link_down"
    })
    .await;
    assert_eq!(hops(&page), [hop(WEST, "holding"), hop(TOWN, "dark")]);
    assert_eq!(page["holders"], json!([{ "station": WEST, "proven_by": WEST }]));
    let words = text(&yizhan(county.station(WEST), &["trace", &waiting, "--lang", "en"]));
    assert!(words.contains(&format!("last proven holder: {WEST}")), "{words}");
    county.station_mut(TOWN).start();
    county.station_mut(TOWN).ready().await;
    let page =
        page_until(county.station(COUNTY), &path, "it went on", |page| hops(page) == arrived())
            .await;
    let handed = &page["hops"][0]["events"][1];
    assert_eq!(handed["waits"][0]["why"], "link_down", "{page}");
}

#[tokio::test]
async fn a_question_to_a_village_that_hangs_ends_and_the_rest_of_the_way_is_told() {
    let county = county().await;
    let nats = connect(county.station(WEST)).await;
    let report = accepted(&publish(&nats, &Event::report(1).keyed("1")).await);
    let path = format!("/v1/trace/{report}");
    page_until(county.station(COUNTY), &path, "the whole way", |page| hops(page) == arrived())
        .await;
    let pid = county.station(WEST).pid().unwrap();
    chaos_tests::real::station::signal(pid, rustix::process::Signal::STOP);
    // an answer comes while the link still counts as up, and after that
    let page = until(SOON, "an answer without the village", || async {
        page(county.station(COUNTY), &path).await.filter(|page| page["complete"] == false)
    })
    .await;
    chaos_tests::real::station::signal(pid, rustix::process::Signal::CONT);
    assert_eq!(hops(&page), [hop(WEST, "dark"), hop(TOWN, "passed"), hop(COUNTY, "passed")]);
}
