//! Promise 4: in order per origin and lane, at each target.

use std::collections::BTreeMap;

use crate::inbox::holds_exactly;
use crate::load::Load;
use chaos_tests::real::county::Plan;
use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::Event;

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGES: [&str; 2] = ["510722.101.002", "510722.101.003"];

#[tokio::test]
async fn each_origins_lane_arrives_in_the_order_in_which_it_was_accepted_also_across_a_kill() {
    let mut county = Plan::of(&[COUNTY, TOWN, VILLAGES[0], VILLAGES[1]]).start().await;
    let places = VILLAGES.map(|code| Place::clone(county.station(code)));
    let load = Load::start(&places, Event::report);
    load.goes_on(200).await;
    county.station_mut(TOWN).kill().await;
    load.goes_on(200).await;
    county.station_mut(TOWN).start();
    county.station_mut(TOWN).ready().await;
    load.goes_on(200).await;
    let ids = load.stop().await;
    let inbox = holds_exactly(county.station(COUNTY), &ids).await;
    let mut last: BTreeMap<(&str, char), u64> = BTreeMap::new();
    for message in &inbox {
        // <origin>-<epoch>-<lane><sequence>
        let (stream, place) = message.id().rsplit_once('-').unwrap();
        let (lane, sequence) = place.split_at(1);
        let lane = (stream, lane.chars().next().unwrap());
        let before = last.insert(lane, sequence.parse().unwrap()).unwrap_or_default();
        assert_eq!(last[&lane], before + 1, "{} came behind {before}", message.id());
    }
    assert_eq!(last.len(), 8, "four lanes of two villages were at work: {last:?}");
}
