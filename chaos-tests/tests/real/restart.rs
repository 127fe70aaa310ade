//! What is on disk is there again after a restart, of one station or of all.

use rustix::process::Signal;

use crate::inbox::{at_rest, holds_exactly, read};
use chaos_tests::real::county::Plan;
use chaos_tests::real::publisher::{Event, accepted, connect, publish};
use chaos_tests::real::station::signal;
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";
const ALL: [&str; 3] = [COUNTY, TOWN, VILLAGE];

#[tokio::test]
async fn a_tree_that_was_stopped_and_started_again_has_all_that_it_had_and_takes_more() {
    let mut county = Plan::of(&ALL).start().await;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for round in 0..3 {
        let (village, root) = (connect(county.station(VILLAGE)).await, county.station(COUNTY));
        let root = connect(root).await;
        for n in 0..10 {
            let event = Event::report(n).keyed(&format!("{round}-{n}"));
            up.push(accepted(&publish(&village, &event).await));
            let event = Event::directive(n, "510722.101.>").keyed(&format!("{round}-{n}"));
            down.push(accepted(&publish(&root, &event).await));
        }
        // the last of them are still under way
        for code in if round == 1 { [VILLAGE, TOWN, COUNTY] } else { ALL } {
            let ended = county.station_mut(code).terminate().await;
            assert_eq!(ended.code(), Some(0), "{code}: {}", county.station(code).log_tail());
        }
        for code in ALL {
            county.station_mut(code).start();
        }
        for code in ALL {
            county.station_mut(code).ready().await;
        }
        holds_exactly(county.station(COUNTY), &up).await;
        for code in [TOWN, VILLAGE] {
            holds_exactly(county.station(code), &down).await;
        }
    }
}

#[tokio::test]
async fn what_was_in_the_inbox_when_the_node_was_killed_is_accounted_for_without_a_further_message()
{
    let mut county = Plan::of(&[COUNTY, TOWN]).start().await;
    let nats = connect(county.station(COUNTY)).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(accepted(&publish(&nats, &Event::directive(n, COUNTY)).await));
    }
    let station = county.station_mut(COUNTY);
    until(SOON, "all are in the stream", || async {
        (read(station).await.len() == ids.len()).then_some(())
    })
    .await;
    station.kill().await;
    station.start();
    station.ready().await;
    at_rest(station, 20).await;
    holds_exactly(station, &ids).await;
}

#[tokio::test]
async fn an_inbox_that_was_lost_is_filled_again_with_all_that_is_kept() {
    let mut county = Plan::of(&[COUNTY, TOWN]).start().await;
    let nats = connect(county.station(COUNTY)).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(accepted(&publish(&nats, &Event::directive(n, COUNTY)).await));
    }
    holds_exactly(county.station(COUNTY), &ids).await;
    let station = county.station_mut(COUNTY);
    assert_eq!(station.terminate().await.code(), Some(0));
    std::fs::remove_dir_all(station.data().join("bus/jetstream")).unwrap();
    station.start();
    station.ready().await;
    holds_exactly(station, &ids).await;
    assert!(station.log_text().contains("inbox_lost"), "an operator is told");
    let bus = station.bus_pid().unwrap();
    signal(bus, Signal::KILL);
    until(SOON, "another nats-server", || async { station.bus_pid().filter(|new| *new != bus) })
        .await;
    holds_exactly(station, &ids).await;
}
