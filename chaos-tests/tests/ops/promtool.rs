//! Prometheus's own tools, and what it is given to read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::dashboards::{dashboards, queries};
use crate::tree::{files, root};

/// Prometheus's own checker; where there is none, the words of `get-promtool` say how to get one.
fn promtool() -> Command {
    let got = Command::new(root().join("ops/prometheus/get-promtool"))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&got.stderr).into_owned();
    assert!(got.status.success(), "no promtool, so the alerts are not tested: {said}");
    let mut promtool = Command::new(String::from_utf8(got.stdout).unwrap().trim());
    promtool.current_dir(root().join("ops/prometheus"));
    promtool
}

fn succeeds(promtool: &mut Command) {
    let done = promtool.output().unwrap();
    let text = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(done.status.success(), "{promtool:?}:\n{}", text.concat());
}

fn paths(folder: &str) -> Vec<PathBuf> {
    files(folder, "yml").into_iter().map(|(name, _)| root().join(name)).collect()
}

#[test]
fn promtool_takes_the_rules_and_their_tests() {
    succeeds(promtool().args(["check", "rules"]).args(paths("ops/prometheus/rules")));
    for config in ["prometheus.yml", "demo.yml"] {
        succeeds(promtool().args(["check", "config", "--syntax-only", config]));
    }
    succeeds(promtool().args(["test", "rules"]).args(paths("ops/prometheus/tests")));
}

#[test]
fn promtool_takes_every_query_of_the_dashboards() {
    let all = dashboards().into_iter().flat_map(|(_, dashboard)| queries(&dashboard));
    let rule = |(number, (_, query))| json!({ "record": format!("query:{number}"), "expr": query });
    let rules: Vec<_> = all.enumerate().map(rule).collect();
    assert!(
        rules.len() > 50,
        "only {} queries: the test reads the dashboards wrongly",
        rules.len()
    );
    // JSON is YAML
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("queries-of-dashboards.yml");
    let text = json!({ "groups": [{ "name": "queries", "rules": rules }] }).to_string();
    fs::write(&file, text).unwrap();
    succeeds(promtool().args(["check", "rules"]).arg(&file));
}

#[test]
fn the_list_of_targets_says_where_each_station_is_in_the_tree() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("targets.toml");
    let town = "[[station]]\ncode = \"5.1\"\nname = \"镇\"\nhttp = \"10.0.0.2:8080\"\n";
    let text = format!(
        "[county]\nname = \"县\"\ntiers = [\"county\", \"township\", \"village\"]\n\
         [[station]]\ncode = \"5\"\nname = \"县\"\nhttp = \"10.0.0.1:8080\"\n{town}\
         [[station]]\ncode = \"5.1.1\"\nname = \"村\"\n"
    );
    fs::write(&file, text).unwrap();
    let done = Command::new(root().join("ops/prometheus/stations")).arg(&file).output().unwrap();
    let targets: Value = serde_json::from_slice(&done.stdout).unwrap();
    let target = |at: &str, station: &str, tier: &str, parent: &str| {
        let labels = json!({ "station": station, "tier": tier, "parent": parent });
        json!({ "targets": [at], "labels": labels })
    };
    // the village listens on its own loopback only
    let wanted = [
        target("10.0.0.1:8080", "5", "county", ""),
        target("10.0.0.2:8080", "5.1", "township", "5"),
    ];
    assert_eq!(targets, json!(wanted));
}
