//! `yizhan catalogue check | show | synthesize`.

use std::fs;

use serde_json::{Value, json};

use super::{err, out, yizhan_in};

const SANTAI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../topology/examples/santai.toml");

/// The most that a look-up may take on the slowest machine, nanoseconds.
const LOOKUP_NS_MAX: u64 = 1_000_000;

#[test]
fn a_countys_49000_cameras_are_made_read_and_each_found_within_a_millisecond() {
    let dir = tempfile::tempdir().unwrap();
    let make = ["catalogue", "synthesize", "--topology", SANTAI, "--out", "c.csv"];
    let output = yizhan_in(dir.path(), &make, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let output = yizhan_in(dir.path(), &make, &[]);
    assert!(err(&output).contains("c.csv: File exists"), "{}", err(&output));
    let output = yizhan_in(dir.path(), &["catalogue", "check", "c.csv", "--json"], &[]);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["kinds"], json!({ "camera": 49_000 }));
    assert_eq!(summary["networks"].as_object().unwrap().len(), 6);
    assert_eq!(summary["stations"], 463, "the county and every village");
    assert!(summary["lookup_mean_ns"].as_u64().unwrap() < LOOKUP_NS_MAX, "{summary}");
    assert!(summary["memory_bytes"].as_u64().unwrap() < 20_000_000, "{summary}");
    let output = yizhan_in(dir.path(), &["catalogue", "check", "c.csv"], &[]);
    assert!(out(&output).starts_with("49000 devices (camera 49000) under 463 stations\n"));
    let few = ["catalogue", "check", "c.csv", "--max-devices", "48999"];
    let output = yizhan_in(dir.path(), &few, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("this is more than 48999 devices"), "{}", err(&output));
}

#[test]
fn one_device_or_those_of_a_station_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "id,name,kind,network,jurisdiction,hangs_under\n\
        51072210001320000001,东门,camera,天网,510722.101.002,510722\n\
        horn-1,喇叭,loudspeaker,应急广播,510722.101.002,\n";
    fs::write(dir.path().join("c.csv"), rows).unwrap();
    let show = |args: &[&str]| {
        let args = [&["catalogue", "show", "c.csv"], args].concat();
        yizhan_in(dir.path(), &args, &[])
    };
    let printed: Value = serde_json::from_slice(&show(&["horn-1", "--json"]).stdout).unwrap();
    let horn = json!({
        "id": "horn-1", "name": "喇叭", "kind": "loudspeaker", "network": "应急广播",
        "jurisdiction": "510722.101.002", "hangs_under": "510722.101.002", "status": "on",
    });
    assert_eq!(printed, horn);
    let of = |code: &str| show(&["--station", code, "--json"]);
    let printed: Value = serde_json::from_slice(&of("510722.101.002").stdout).unwrap();
    assert_eq!(printed, json!([horn]));
    let text = out(&show(&["--station", "510722"]));
    assert!(text.contains("51072210001320000001") && !text.contains("horn-1"), "{text}");
    let check = ["catalogue", "check", "c.csv", "--topology", SANTAI];
    assert_eq!(yizhan_in(dir.path(), &check, &[]).status.code(), Some(0));
    fs::write(dir.path().join("c.csv"), rows.replace("510722.101.002,\n", "510722.1o1,\n"))
        .unwrap();
    let slip = yizhan_in(dir.path(), &check, &[]);
    assert_eq!(slip.status.code(), Some(1));
    assert!(
        err(&slip)
            .contains("1 stations that are not in the topology, the first of them 510722.1o1")
    );
    let none = show(&["horn-2"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(err(&none).contains("c.csv has no device horn-2"), "{}", err(&none));
}

#[test]
fn a_broken_catalogue_fails_with_every_problem_as_text_and_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "id,name,kind,network,jurisdiction\n1,a,camera,x,510722\nhorn,b,bell,x,510722\n";
    fs::write(dir.path().join("c.csv"), rows).unwrap();
    let output = yizhan_in(dir.path(), &["catalogue", "check", "c.csv"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: 2 problems\nc.csv:2: `id` of a camera has 1 char"));
    let output = yizhan_in(dir.path(), &["catalogue", "check", "c.csv", "--json"], &[]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["problems"][1]["line"], 3, "{printed}");
}
