//! Promises 2 and 3 under kill -9: nothing accepted is lost, and nothing enters an inbox twice.

use rustix::process::Signal;

use crate::inbox::holds_exactly;
use crate::load::Load;
use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::Event;
use chaos_tests::real::station::{gone, signal};
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const WEST: &str = "510722.101.002";
const CROSS: &str = "510722.101.003";
const ALL: [&str; 4] = [COUNTY, TOWN, WEST, CROSS];
/// Messages accepted between two blows: enough for all lanes of all links to be at work.
const BETWEEN: usize = 60;

/// Reports up from both villages and directives down to everybody, while all this happens.
struct Traffic {
    up: Load,
    down: Load,
}

impl Traffic {
    fn start(county: &County) -> Self {
        let place = |code| Place::clone(county.station(code));
        let up = Load::start(&[place(WEST), place(CROSS)], Event::report);
        let down = Load::start(&[place(COUNTY)], |n| Event::directive(n, "510722.>"));
        Self { up, down }
    }

    async fn goes_on(&self) {
        tokio::join!(self.up.goes_on(BETWEEN), self.down.goes_on(BETWEEN));
    }

    /// Stops, and demands that every inbox holds exactly what belongs into it.
    async fn settle(self, county: &County) {
        let (up, down) = (self.up.stop().await, self.down.stop().await);
        holds_exactly(county.station(COUNTY), up.iter().chain(&down)).await;
        for code in [TOWN, WEST, CROSS] {
            holds_exactly(county.station(code), &down).await;
        }
    }
}

#[tokio::test]
async fn killing_any_node_under_load_loses_nothing_and_doubles_nothing() {
    let mut county = Plan::of(&ALL).start().await;
    let traffic = Traffic::start(&county);
    for victim in [WEST, TOWN, COUNTY, TOWN] {
        traffic.goes_on().await;
        let station = county.station_mut(victim);
        station.kill().await;
        station.start();
        station.ready().await;
    }
    traffic.goes_on().await;
    traffic.settle(&county).await;
}

#[tokio::test]
async fn killing_any_nats_server_under_load_loses_nothing_and_doubles_nothing() {
    let county = Plan::of(&ALL).start().await;
    let traffic = Traffic::start(&county);
    for victim in [WEST, TOWN, COUNTY, TOWN] {
        traffic.goes_on().await;
        let station = county.station(victim);
        let old = station.bus_pid().unwrap();
        signal(old, Signal::KILL);
        let what = format!("another nats-server of {victim}");
        until(SOON, what, || async { station.bus_pid().filter(|new| *new != old) }).await;
    }
    traffic.goes_on().await;
    traffic.settle(&county).await;
}

#[tokio::test]
async fn a_bus_that_hangs_for_a_while_holds_its_children_up_and_loses_nothing() {
    let county = Plan::of(&ALL).start().await;
    let traffic = Traffic::start(&county);
    traffic.goes_on().await;
    let bus = county.station(TOWN).bus_pid().unwrap();
    signal(bus, Signal::STOP);
    let village = county.station(WEST);
    until(SOON, "the village misses its parent", || async {
        let status = village.status().await?;
        let up = status["links"].as_array()?.iter().find(|link| link["link"] == "up")?.clone();
        (up["up"] == false).then_some(())
    })
    .await;
    // what is accepted now waits at the village
    traffic.goes_on().await;
    signal(bus, Signal::CONT);
    traffic.goes_on().await;
    traffic.settle(&county).await;
}

#[tokio::test]
async fn a_node_and_its_bus_that_are_killed_together_come_back_with_all_they_had() {
    let mut county = Plan::of(&ALL).start().await;
    let traffic = Traffic::start(&county);
    for victim in [COUNTY, TOWN] {
        traffic.goes_on().await;
        let station = county.station_mut(victim);
        let bus = station.bus_pid().unwrap();
        signal(bus, Signal::KILL);
        station.kill().await;
        gone(bus, SOON).await;
        station.start();
        station.ready().await;
    }
    traffic.goes_on().await;
    traffic.settle(&county).await;
}
