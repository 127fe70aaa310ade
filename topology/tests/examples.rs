//! The examples read without problems and are what their README says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say so and stop"
)]

use std::collections::BTreeMap;
use std::fs;

use yizhan_schemas::payload::stats::Family;
use yizhan_schemas::{Code, Kind, Lane};
use yizhan_topology::file::with_keys;
use yizhan_topology::import::{Options, from_csv};
use yizhan_topology::{Summary, Topology, tree};

fn text(name: &str) -> String {
    fs::read_to_string(format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn read(name: &str) -> Topology {
    Topology::read(name, &text(name)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

#[test]
fn santai_is_the_import_of_its_list_with_tags_and_a_policy() {
    let list = "divisions-510722-santai.csv";
    let made = from_csv(list, &text(list), &Options::default()).unwrap();
    let santai = text("santai.toml");
    let (stations, _policy) = santai.split_once("\n[policy]\n").unwrap();
    let lines = stations.lines().filter(|line| !line.starts_with("tags = "));
    assert_eq!(lines.collect::<Vec<_>>(), made.lines().collect::<Vec<_>>());
}

#[test]
fn santai_has_496_stations_on_three_tiers() {
    let santai = read("santai.toml");
    assert_eq!(
        Summary::of(&santai).to_string(),
        "496 stations, 3 tiers, 0 problems\ncounty 1, township 33, village 462"
    );
    assert_eq!(santai.children(santai.root()).len(), 33);
    assert_eq!(santai.station(&code("510722.119")).unwrap().name, "郪江镇");
    let shown = tree::show(&santai, None);
    assert_eq!(shown.lines().count(), 496);
}

#[test]
fn a_critical_incident_in_santai_goes_to_the_county_by_flash() {
    let santai = read("santai.toml");
    let decide = |kind: &str, severity| {
        let decision =
            santai.decide(&Kind::parse(kind).unwrap(), severity, &code("510722.101.002"));
        (decision.handle, decision.notify, decision.precedence)
    };
    let (county, township) = (code("510722"), code("510722.101"));
    let flash = (county.clone(), vec![township], Some(Lane::Flash));
    assert_eq!(decide("incident.report", Some("critical")), flash);
    assert_eq!(decide("incident.report", Some("general")), (county, vec![], None));
    assert_eq!(decide("case.open", None), (code("510722.101.002"), vec![], None));
}

#[test]
fn the_table_of_categories_can_be_appended_to_the_county() {
    let both = text("santai.toml") + &text("categories-2026.1.toml");
    let santai = Topology::read("both.toml", &both).unwrap_or_else(|it| panic!("{it}"));
    let table = santai.categories().unwrap();
    assert_eq!(table.version(), "2026.1");
    assert_eq!(table.mapped(Family::Case, "征地拆迁"), Some("城乡建设"));
    assert_eq!(table.mapped(Family::Incident, "征地拆迁"), None, "it is a table of cases");
    assert_eq!(table.mapped(Family::Case, "婚姻家庭"), None, "nobody says what that is");
    assert!(read("santai.toml").categories().is_none());
}

#[test]
fn the_demo_is_seven_stations_of_santai_and_leaves_plain_reports_alone() {
    let (demo, santai) = (read("demo.toml"), read("santai.toml"));
    assert_eq!(
        Summary::of(&demo).to_string(),
        "7 stations, 3 tiers, 0 problems\ncounty 1, township 2, village 4"
    );
    for station in demo.stations() {
        assert_eq!(Some(&station.name), santai.station(&station.code).map(|known| &known.name));
        assert_eq!((&station.bus, &station.http), (&None, &None));
        assert!(demo.children(&station.code).len() == 2 || demo.depth(&station.code) == Some(2));
        let report = Kind::parse("incident.report").unwrap();
        let plain = demo.decide(&report, Some("general"), &station.code);
        assert_eq!((&plain.handle, plain.notify.len()), (demo.root(), 0));
        assert_eq!(plain.precedence, None);
        let worst = demo.decide(&report, Some("critical"), &station.code);
        assert_eq!((&worst.handle, worst.precedence), (demo.root(), Some(Lane::Flash)));
    }
}

#[test]
fn new_keys_change_no_other_line() {
    let santai = text("santai.toml");
    let key = |n: usize| format!("U{}{n}", "A".repeat(54));
    let stations = read("santai.toml");
    let one = stations.stations().nth(7).unwrap();
    let keys = BTreeMap::from([
        (one.code.clone().into(), key(2)),
        (stations.root().clone().into(), key(3)),
    ]);
    let written = with_keys("santai.toml", &santai, &keys).unwrap();
    let others = written.lines().filter(|line| !line.starts_with("key = "));
    assert_eq!(others.collect::<Vec<_>>(), santai.lines().collect::<Vec<_>>());
    let renewed = Topology::read("santai.toml", &written).unwrap();
    assert_eq!(renewed.station(&one.code).unwrap().keys, [key(2)]);
    assert_eq!(renewed.station(stations.root()).unwrap().keys, [key(3)]);
}
