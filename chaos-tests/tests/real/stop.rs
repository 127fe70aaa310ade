//! How a station ends: cleanly when told to, and without leaving anything behind in any case.

use std::time::Duration;

use rustix::process::Signal;

use crate::load::Load;
use chaos_tests::real::county::Plan;
use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::Event;
use chaos_tests::real::station::{gone, runs, signal};
use chaos_tests::real::until::SOON;

const COUNTY: &str = "510722";
const VILLAGE: &str = "510722.101";
/// The kernel kills the server with its node; this is for a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_station_told_to_stop_under_load_ends_with_status_0_and_takes_its_nats_server_along() {
    let mut county = Plan::of(&[COUNTY, VILLAGE]).start().await;
    let load = Load::start(&[Place::clone(county.station(VILLAGE))], Event::report);
    load.goes_on(50).await;
    for code in [COUNTY, VILLAGE] {
        let bus = county.station(code).bus_pid().unwrap();
        assert!(runs(bus));
        let ended = county.station_mut(code).terminate().await;
        assert_eq!(ended.code(), Some(0), "{}", county.station(code).log_tail());
        assert!(!runs(bus), "{code} waits until its nats-server is gone");
    }
}

#[tokio::test]
async fn a_station_that_is_killed_leaves_no_nats_server_behind() {
    let mut county = Plan::of(&[COUNTY, VILLAGE]).start().await;
    let bus = county.station(COUNTY).bus_pid().unwrap();
    county.station_mut(COUNTY).kill().await;
    gone(bus, AT_ONCE).await;
}

#[tokio::test]
async fn a_station_told_to_stop_while_its_nats_server_hangs_still_ends() {
    let mut county = Plan::of(&[COUNTY, VILLAGE]).start().await;
    let bus = county.station(COUNTY).bus_pid().unwrap();
    signal(bus, Signal::STOP);
    let ended = county.station_mut(COUNTY).terminate().await;
    assert_eq!(ended.code(), Some(0));
    gone(bus, AT_ONCE).await;
    assert!(SOON > AT_ONCE);
}
