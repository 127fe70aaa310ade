//! Prometheus's own tools, and what it is given to read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chaos_tests::real::programs;
use serde_json::{Value, json};

use crate::dashboards::{dashboards, queries};
use crate::tree::{files, root};

/// Gives promtool these words, and these files.
fn takes(words: &[&str], files: &[PathBuf]) {
    let Some(promtool) = programs::promtool() else { return };
    let done = Command::new(promtool)
        .current_dir(root().join("ops/prometheus"))
        .args(words)
        .args(files)
        .output()
        .unwrap();
    let text = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(done.status.success(), "promtool {words:?}:\n{}", text.concat());
}

fn paths(folder: &str) -> Vec<PathBuf> {
    files(folder, "yml").into_iter().map(|(name, _)| root().join(name)).collect()
}

#[test]
fn promtool_takes_the_rules_and_their_tests() {
    takes(&["check", "rules"], &paths("ops/prometheus/rules"));
    for config in ["prometheus.yml", "demo.yml"] {
        takes(&["check", "config", "--syntax-only", config], &[]);
    }
    takes(&["test", "rules"], &paths("ops/prometheus/tests"));
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
    takes(&["check", "rules"], &[file]);
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
