//! Keys that change while a county runs, as `ops/deploy.md` has it: the operator's desk makes the
//! change, the root tells it, and no station restarts but the one whose box is new.

use std::fs;

use serde_json::Value;

use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::{Event, accepted, post, publish};
use chaos_tests::real::rendered::{Applicant, Rendered};
use chaos_tests::real::until::{SOON, until};

use crate::rendered::online;

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";
const ALL: [&str; 4] = [COUNTY, TOWN, VILLAGE, "510722.101.003"];
const GRID: Applicant = (COUNTY, "grid", "[\"publisher\"]");

async fn all_online(county: &Rendered, count: usize) {
    let top = county.station(COUNTY);
    until(SOON, format!("{count} stations online"), || async {
        online(top).await.filter(|online| *online == count)
    })
    .await;
}

/// Makes a change at the desk, and has the root tell everybody.
async fn told(county: &Rendered, change: &[&str]) -> (u16, Value) {
    let file = county.topology_file().with_file_name("change.json");
    county.keys(&[change, &["--policy", file.to_str().unwrap()]].concat());
    let body = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let event = Event::new("policy.set", &body).with("Yz-To", "510722.>");
    post(county.station(COUNTY), &event, &change.join(" ")).await
}

/// Whether a station's bus turned somebody away after so many bytes of its log.
async fn turned_away(station: &Place, before_bytes: usize) {
    let log = station.data().join("bus/nats-server.log");
    until(SOON, "somebody is turned away", || async {
        let log = fs::read_to_string(&log).unwrap();
        log.get(before_bytes..)?.contains("authentication error").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stolen_box_is_cut_off_when_the_root_says_so_and_the_box_after_it_is_let_in() {
    let mut county = Rendered::start(&ALL, &[]).await;
    all_online(&county, ALL.len()).await;
    let town = county.station(TOWN).bus_pid();
    let before = fs::read_to_string(county.station(TOWN).data().join("bus/nats-server.log"));
    let before_bytes = before.unwrap().len();
    let (status, answer) = told(&county, &["--revoke", VILLAGE, "--why", "箱体被盗"]).await;
    assert_eq!(status, 202, "{answer}");
    turned_away(county.station(TOWN), before_bytes).await;
    all_online(&county, ALL.len() - 1).await;
    // what was told outlives a restart on the old file
    let before = fs::read_to_string(county.station(TOWN).data().join("bus/nats-server.log"));
    let before_bytes = before.unwrap().len();
    county.station_mut(TOWN).terminate().await;
    county.station_mut(TOWN).start();
    county.station_mut(TOWN).ready().await;
    assert_ne!(county.station(TOWN).bus_pid(), town);
    turned_away(county.station(TOWN), before_bytes).await;
    all_online(&county, ALL.len() - 1).await;
    // the box after it, with a kit that was made anew; nobody else has a new file
    county.station_mut(VILLAGE).kill().await;
    fs::remove_dir_all(county.kit(VILLAGE)).unwrap();
    county.render();
    county.copy(VILLAGE);
    county.station_mut(VILLAGE).start();
    county.station_mut(VILLAGE).ready().await;
    all_online(&county, ALL.len()).await;
    let (status, answer) = post(county.station(VILLAGE), &Event::report(1), "1").await;
    assert_eq!(status, 202, "{answer}");
    let (top, id) = (county.station(COUNTY), answer["id"].as_str().unwrap().to_owned());
    until(SOON, "a report under the new key is delivered", || async {
        let url = format!("{}/v1/messages/{id}", top.url()?);
        let page: Value = top.http.get(url).send().await.ok()?.json().await.ok()?;
        page["trail"].as_array()?.iter().find(|step| step["event"] == "delivered").map(drop)
    })
    .await;
    assert_eq!(top.metric("yizhan_quarantined_total", "").await, Some(0.0));
}

#[tokio::test]
async fn a_key_is_rotated_with_an_overlap_and_no_message_is_refused() {
    let mut county = Rendered::start(&ALL, &[]).await;
    all_online(&county, ALL.len()).await;
    let (status, answer) = told(&county, &["--rotate", TOWN]).await;
    assert_eq!(status, 202, "{answer}");
    // under the old key still
    let (status, answer) = post(county.station(TOWN), &Event::report(1), "1").await;
    assert_eq!(status, 202, "{answer}");
    county.render();
    county.copy(TOWN);
    county.station_mut(TOWN).terminate().await;
    county.station_mut(TOWN).start();
    county.station_mut(TOWN).ready().await;
    all_online(&county, ALL.len()).await;
    let (status, answer) = told(&county, &["--drop-old", TOWN]).await;
    assert_eq!(status, 202, "{answer}");
    let (status, answer) = post(county.station(TOWN), &Event::report(2), "2").await;
    assert_eq!(status, 202, "{answer}");
    let wait = format!(
        "{}/v1/messages/{}?wait=delivered&timeout=20s",
        county.station(TOWN).url().unwrap(),
        answer["id"].as_str().unwrap()
    );
    let page: Value =
        county.station(TOWN).http.get(wait).send().await.unwrap().json().await.unwrap();
    assert_eq!(page["targets"][0]["outcome"], "delivered", "{page}");
    all_online(&county, ALL.len()).await;
    for station in county.stations.values() {
        assert_eq!(
            station.metric("yizhan_quarantined_total", "").await,
            Some(0.0),
            "{}",
            station.code
        );
    }
}

#[tokio::test]
async fn an_application_may_not_change_keys_though_it_may_publish() {
    let county = Rendered::start(&[COUNTY], &[GRID]).await;
    let top = county.station(COUNTY);
    let grid = county.application(COUNTY, "grid").connect(&top.bus).await.unwrap();
    let body = serde_json::json!({"keys": {"510722": [format!("U{}", "B".repeat(55))]}});
    let event = Event::new("policy.set", &body).with("Yz-To", "510722.>");
    let answer = publish(&grid, &event).await;
    assert_eq!(answer["error"]["code"], "forbidden", "{answer}");
    accepted(&publish(&grid, &Event::report(1)).await);
}
