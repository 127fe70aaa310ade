//! A neighbour that is not there: what is owed to it waits, and goes when it comes.

use crate::inbox::holds_exactly;
use chaos_tests::real::county::Plan;
use chaos_tests::real::publisher::{Event, accepted, connect, post, publish};
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";

#[tokio::test]
async fn a_village_that_starts_before_its_township_exists_takes_reports_and_hands_them_over_later()
{
    let mut county = Plan::of(&[COUNTY, TOWN, VILLAGE]).laid_out();
    county.station_mut(VILLAGE).start();
    county.station_mut(VILLAGE).ready().await;
    let nats = connect(county.station(VILLAGE)).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(accepted(&publish(&nats, &Event::report(n).keyed(&n.to_string())).await));
    }
    let status = county.station(VILLAGE).status().await.unwrap();
    let up = status["links"].as_array().unwrap().iter().find(|link| link["link"] == "up").unwrap();
    assert_eq!(up["up"], false, "{status}");
    for code in [COUNTY, TOWN] {
        county.station_mut(code).start();
        county.station_mut(code).ready().await;
    }
    holds_exactly(county.station(COUNTY), &ids).await;
}

#[tokio::test]
async fn a_directive_waits_for_a_village_that_is_away_and_holds_up_nobody_else() {
    const OTHER: &str = "510722.101.003";
    let mut county = Plan::of(&[COUNTY, TOWN, VILLAGE, OTHER]).start().await;
    county.station_mut(VILLAGE).kill().await;
    let nats = connect(county.station(COUNTY)).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(accepted(&publish(&nats, &Event::directive(n, "tier:village@510722")).await));
    }
    let there = county.station(OTHER);
    until(SOON, "the other village has them", || async {
        (crate::inbox::read(there).await.len() == ids.len()).then_some(())
    })
    .await;
    county.station_mut(VILLAGE).start();
    county.station_mut(VILLAGE).ready().await;
    for code in [VILLAGE, OTHER] {
        holds_exactly(county.station(code), &ids).await;
    }
}

/// Promise 5: what is too old when it could go on does not go on, and what is not, does.
#[tokio::test]
async fn a_message_that_expires_while_the_parent_is_down_enters_no_inbox_and_later_ones_do() {
    let mut county = Plan::of(&[COUNTY, TOWN, VILLAGE]).start().await;
    county.station_mut(TOWN).kill().await;
    let nats = connect(county.station(VILLAGE)).await;
    let mut lasting = Vec::new();
    for n in 0..10 {
        let short = Event::report(n).with("Yz-Ttl", "1s").keyed(&format!("short-{n}"));
        accepted(&publish(&nats, &short).await);
        let long = Event::report(n).with("Yz-Ttl", "1h").keyed(&format!("long-{n}"));
        lasting.push(accepted(&publish(&nats, &long).await));
        let event = Event::report(n).with("Yz-Ttl", "900ms");
        let (status, answer) = post(county.station(VILLAGE), &event, &format!("post-{n}")).await;
        assert_eq!(status, 202, "{answer}");
    }
    let village = county.station(VILLAGE);
    until(SOON, "twenty messages have expired", || async {
        let expired = village.metric("yizhan_ended_total", "reason=\"expired\"").await?;
        (expired >= 20.0).then_some(())
    })
    .await;
    county.station_mut(TOWN).start();
    county.station_mut(TOWN).ready().await;
    for n in 0..10 {
        lasting.push(accepted(&publish(&nats, &Event::report(n).with("Yz-Ttl", "1m")).await));
    }
    holds_exactly(county.station(COUNTY), &lasting).await;
    assert_eq!(county.station(VILLAGE).metric("yizhan_ended_total", "expired").await, Some(20.0));
}
