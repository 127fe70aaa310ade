//! What `ops/` says, held against the sources and against Prometheus's own tools: an alert that
//! cannot fire, a page that nobody is led to and a metric that is nowhere are found here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alerts;
mod dashboards;
mod events;
mod metrics;
mod promtool;
#[path = "../tree/mod.rs"]
mod tree;

use std::fs;

use tree::root;

/// Cells of the rows of a page's tables that begin with a name in code.
pub(crate) fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let cells = |row: &str| {
        let (name, rest) = row.split_once("` | ").unwrap();
        (name.to_owned(), rest.split(" | ").map(|cell| cell.trim().to_owned()).collect())
    };
    rows.map(cells).collect()
}
