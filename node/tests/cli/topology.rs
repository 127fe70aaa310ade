//! `yizhan topology check | show | import | keys`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nkeys::KeyPair;
use yizhan_topology::Topology;

use super::{err, out, yizhan, yizhan_in};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../topology/examples");

fn example(name: &str) -> String {
    format!("{EXAMPLES}/{name}")
}

#[test]
fn the_real_county_has_496_stations_and_is_checked_within_a_second() {
    let start = Instant::now();
    let output = yizhan(&["topology", "check", &example("santai.toml")]);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("496 stations, 3 tiers, 0 problems\n"), "{}", out(&output));
    let output = yizhan(&["topology", "check", "--json", &example("santai.toml")]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((printed["stations"].as_u64(), printed["problems"].as_u64()), (Some(496), Some(0)));
}

#[test]
fn a_broken_file_fails_with_every_problem_as_text_and_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[county]\nname = \"县\"\ntiers = [\"county\", \"township\"]\n\
                [[station]]\ncode = \"1\"\nname = \"一\"\n[[station]]\ncode = \"2.1\"\nname = \"二\"\n\
                [[station]]\ncode = \"up\"\nname = \"三\"\n";
    fs::write(dir.path().join("t.toml"), text).unwrap();
    for command in ["check", "show"] {
        let output = yizhan_in(dir.path(), &["topology", command, "t.toml"], &[]);
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""));
        assert!(err(&output).starts_with("error: 2 problems\nt.toml:"), "{}", err(&output));
        assert_eq!(err(&output).lines().count(), 3, "{}", err(&output));
        let output = yizhan_in(dir.path(), &["topology", command, "t.toml", "--json"], &[]);
        assert_eq!(output.status.code(), Some(1));
        let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed["problems"].as_array().unwrap().len(), 2);
    }
    let output = yizhan_in(dir.path(), &["topology", "check", "none.toml"], &[]);
    assert_eq!(err(&output), "error: none.toml: No such file or directory (os error 2)\n");
}

#[test]
fn the_tree_is_shown_as_deep_as_asked() {
    let output = yizhan(&["topology", "show", &example("demo.toml"), "--depth", "1"]);
    assert_eq!(out(&output).lines().count(), 3, "{}", out(&output));
    assert!(out(&output).contains("├─ 510722.101"), "{}", out(&output));
    let args = ["topology", "show", &example("demo.toml"), "--depth", "1", "--json"];
    let printed: serde_json::Value = serde_json::from_slice(&yizhan(&args).stdout).unwrap();
    assert_eq!(printed["stations"].as_array().unwrap().len(), 3);
    assert_eq!(printed["tiers"][2], "village");
}

#[test]
fn a_list_becomes_a_file_that_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let list = example("divisions-510722-santai.csv");
    let args = ["topology", "import", &list, "--out", "t.toml"];
    let output = yizhan_in(dir.path(), &args, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("t.toml: 496 stations, 3 tiers"), "{}", out(&output));
    let made = fs::read_to_string(dir.path().join("t.toml")).unwrap();
    let output = yizhan_in(dir.path(), &args, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(err(&output), "error: t.toml: File exists (os error 17)\n");
    assert_eq!(out(&yizhan(&args[..3])), made);
    let args = ["topology", "import", &example("demo.toml")];
    assert!(err(&yizhan(&args)).contains("the header has no column `code`"));
}

fn keys(dir: &Path, more: &[&str]) -> std::process::Output {
    yizhan_in(dir, &[&["topology", "keys", "t.toml", "--out", "keys"], more].concat(), &[])
}

fn read(dir: &Path) -> Topology {
    Topology::read("t.toml", &fs::read_to_string(dir.join("t.toml")).unwrap()).unwrap()
}

fn seed(dir: &Path, code: &str) -> KeyPair {
    let text = fs::read_to_string(dir.join(format!("keys/{code}.nk"))).unwrap();
    KeyPair::from_seed(text.trim()).unwrap()
}

#[test]
fn every_station_gets_a_seed_for_its_eyes_only_and_the_file_its_public_key() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::copy(example("demo.toml"), dir.join("t.toml")).unwrap();
    let output = keys(dir, &[]);
    assert_eq!(out(&output), "t.toml: 7 new, 0 kept\n", "{}", err(&output));
    let mut seen = BTreeSet::new();
    for station in read(dir).stations() {
        assert_eq!(station.keys, [seed(dir, station.code.as_str()).public_key()]);
        assert!(seen.insert(station.keys.clone()));
        let file = fs::metadata(dir.join(format!("keys/{}.nk", station.code))).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    let folder = fs::metadata(dir.join("keys")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let text = fs::read_to_string(dir.join("t.toml")).unwrap();
    assert!(text.starts_with("# Seven stations"), "comments stay");

    let output = keys(dir, &[]);
    assert_eq!(out(&output), "t.toml: 0 new, 7 kept; --rotate CODE makes a new one\n");
    assert_eq!(fs::read_to_string(dir.join("t.toml")).unwrap(), text);
}

#[test]
fn rotation_puts_the_new_key_first_and_keeps_the_old_one_for_what_it_signed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::copy(example("demo.toml"), dir.join("t.toml")).unwrap();
    keys(dir, &[]);
    let (old, other) = (seed(dir, "510722.101"), seed(dir, "510722"));
    let output = keys(dir, &["--rotate", "510722.101"]);
    assert_eq!(out(&output), "t.toml: 1 new, 0 kept\n", "{}", err(&output));
    let new = seed(dir, "510722.101");
    let (tree, code) = (read(dir), "510722.101".parse().unwrap());
    assert_eq!(tree.station(&code).unwrap().keys, [new.public_key(), old.public_key()]);
    assert_eq!(seed(dir, "510722").public_key(), other.public_key());

    let output = keys(dir, &["--drop-old", "510722.101", "--drop-old", "510722"]);
    assert_eq!(out(&output), "t.toml: 1 old keys dropped\n", "{}", err(&output));
    assert_eq!(read(dir).station(&code).unwrap().keys, [new.public_key()]);
    assert_eq!(seed(dir, "510722.101").public_key(), new.public_key());
}

#[test]
fn applications_get_keys_of_their_own_and_rotate_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let demo = fs::read_to_string(example("demo.toml")).unwrap();
    let desk =
        "\n[[application]]\nstation = \"510722\"\nname = \"desk\"\nrights = [\"subscriber\"]\n";
    fs::write(dir.join("t.toml"), demo + desk).unwrap();
    assert_eq!(out(&keys(dir, &[])), "t.toml: 8 new, 0 kept\n");
    let old = seed(dir, "desk@510722").public_key();
    assert_eq!(read(dir).applications()[0].keys, std::slice::from_ref(&old));
    keys(dir, &["--rotate", "desk@510722"]);
    let new = seed(dir, "desk@510722").public_key();
    assert_eq!(read(dir).applications()[0].keys, [new, old.clone()]);
    assert_eq!(
        err(&keys(dir, &["--rotate", "wall@510722"])),
        "error: t.toml has no application wall@510722; `yizhan topology show` lists the stations\n"
    );
    let revoked = format!(
        "\n[[revoked]]\nkey = \"{old}\"\nat = \"2026-11-26T00:00:00+08:00\"\nwhy = \"lost\"\n"
    );
    let text = fs::read_to_string(dir.join("t.toml")).unwrap() + &revoked;
    fs::write(dir.join("t.toml"), text).unwrap();
    let refused = err(&yizhan_in(dir, &["topology", "check", "t.toml"], &[]));
    assert!(
        refused.contains(&format!("application desk@510722 lists the key {old}, which is revoked")),
        "{refused}"
    );
}

#[test]
fn a_run_that_broke_off_is_finished_with_the_same_seeds() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::copy(example("demo.toml"), dir.join("t.toml")).unwrap();
    keys(dir, &[]);
    let first = seed(dir, "510722").public_key();
    // the power went before the topology was written, and one seed was not made yet
    fs::copy(example("demo.toml"), dir.join("t.toml")).unwrap();
    fs::remove_file(dir.join("keys/510722.101.nk")).unwrap();
    assert_eq!(out(&keys(dir, &[])), "t.toml: 7 new, 0 kept\n");
    assert_eq!(read(dir).station(&"510722".parse().unwrap()).unwrap().keys, [first]);
}

#[test]
fn a_seed_that_does_not_fit_is_neither_used_nor_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::copy(example("demo.toml"), dir.join("t.toml")).unwrap();
    keys(dir, &[]);
    let before = fs::read_to_string(dir.join("t.toml")).unwrap();
    fs::copy(dir.join("keys/510722.nk"), dir.join("keys/510722.101.nk")).unwrap();
    let output = keys(dir, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        err(&output),
        "error: keys/510722.101.nk does not fit the current key of 510722.101 in the topology: \
         put the right seed there, or make a new one with --rotate 510722.101\n"
    );
    fs::write(dir.join("keys/510722.101.nk"), "hello").unwrap();
    assert_eq!(
        err(&keys(dir, &[])),
        "error: keys/510722.101.nk: not an nkey seed; --rotate 510722.101 replaces it\n"
    );
    assert_eq!(fs::read_to_string(dir.join("keys/510722.101.nk")).unwrap(), "hello");
    assert_eq!(fs::read_to_string(dir.join("t.toml")).unwrap(), before);
    assert_eq!(
        err(&keys(dir, &["--station", "510722.9"])),
        "error: t.toml has no station 510722.9; `yizhan topology show` lists the stations\n"
    );
}
