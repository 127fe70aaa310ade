//! `yizhan spool`, beside a running station: what is held, what was put aside, what is damaged.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Command, Output};

use serde_json::Value;

use chaos_tests::real::county::Plan;
use chaos_tests::real::place::Place;
use chaos_tests::real::programs;
use chaos_tests::real::publisher::{Event, accepted, connect, publish};

const COUNTY: &str = "510722";

fn spool(station: &Place, args: &[&str]) -> Output {
    let mut command = Command::new(programs::yizhan());
    command.arg("spool").args(args).arg("--data").arg(station.data());
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_log_is_counted_listed_exported_and_checked_beside_its_station() {
    let county = Plan::of(&[COUNTY, "510722.101"]).start().await;
    let town = county.station("510722.101");
    let nats = connect(town).await;
    let ids = [
        accepted(&publish(&nats, &Event::report(1).keyed("1")).await),
        accepted(&publish(&nats, &Event::report(2).keyed("2").with("Yz-To", "510722.101")).await),
    ];
    let stat = json(&spool(town, &["stat", "--json"]));
    assert_eq!((&stat["accepted"], &stat["damage"]), (&2.into(), &0.into()), "{stat}");
    let up = stat["lanes"].as_array().unwrap().iter().find(|lane| lane["link"] == "up").unwrap();
    assert_eq!((&up["lane"], &up["taken"]), (&"routine".into(), &1.into()));
    let table = spool(town, &["ls"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(ids.iter().all(|id| table.contains(id)), "{table}");
    let width = table.lines().map(|line| line.chars().count()).max();
    assert!(width.unwrap() <= 100, "{table}");
    let listed = json(&spool(town, &["ls", "--json", "--limit", "1"]));
    assert_eq!(listed[0]["id"], ids[1].as_str(), "the last one: {listed}");
    let exported = json(&spool(town, &["export", &ids[0]]));
    assert_eq!(exported["payload"]["n"], 1, "{exported}");
    let gone = spool(town, &["export", "510722.101-aaaaaa-r7"]);
    let said = String::from_utf8(gone.stderr).unwrap();
    assert!(!gone.status.success() && said.contains("510722.101-aaaaaa-r7 is not there"), "{said}");
    assert!(spool(town, &["verify"]).status.success());
}

#[tokio::test]
async fn one_flipped_byte_is_found_and_named() {
    let mut county = Plan::of(&[COUNTY]).start().await;
    let nats = connect(county.station(COUNTY)).await;
    accepted(&publish(&nats, &Event::report(1).keyed("1")).await);
    // so that a good commit lies behind the one that is harmed
    accepted(&publish(&nats, &Event::report(2).keyed("2")).await);
    county.station_mut(COUNTY).terminate().await;
    let station = county.station(COUNTY);
    let report = json(&spool(station, &["verify", "--json"]));
    let segment = report["segments"].as_array().unwrap().last().unwrap()["file"].clone();
    let mut file =
        OpenOptions::new().read(true).write(true).open(segment.as_str().unwrap()).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let text = "第1号".as_bytes();
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[bytes[at] ^ 1]).unwrap();
    let checked = spool(station, &["verify"]);
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("damaged") && said.contains("are lost"), "{said}");
}

#[test]
fn a_directory_without_a_log_is_named_with_what_would_be_valid() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("bus")).unwrap();
    let mut command = Command::new(programs::yizhan());
    let output = command.args(["spool", "stat", "--data"]).arg(dir.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("data.dir"), "{said}");
}
