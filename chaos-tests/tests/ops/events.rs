//! Event codes of the log: the page lists exactly those of the sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::rows;
use crate::tree::{assert_none, files};

/// Event codes of log lines in the sources, each with its levels.
fn events() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in files("node/src", "rs") {
        for line in text.split("tracing::").skip(1) {
            let Some((level, rest)) = line.split_once("!(") else { continue };
            let Some(code) = rest.trim_start().strip_prefix("event = \"") else { continue };
            let code = code.split('"').next().unwrap_or_default();
            found.entry(code.to_owned()).or_default().insert(level.to_owned());
        }
        // what the audit log finds at its start is said with the code of its own line
        if file == "node/src/audit/book/open.rs" {
            let deeds = text.split("Deed::done(\"").chain(text.split("Deed::refused(\""));
            let codes =
                deeds.filter_map(|deed| deed.split_once("\", station")).map(|(code, _)| code);
            let codes = codes.filter(|code| !code.contains(char::is_whitespace));
            found.extend(codes.map(|code| (code.to_owned(), ["error".to_owned()].into())));
        }
    }
    assert!(found.len() > 20, "the test reads the sources wrongly: {found:?}");
    found
}

#[test]
fn the_page_of_events_lists_exactly_those_of_the_log() {
    let levels = |cells: Vec<String>| cells[0].split(", ").map(str::to_owned).collect();
    let rows = rows("ops/events.md").into_iter();
    let listed: BTreeMap<String, BTreeSet<String>> =
        rows.map(|(code, cells)| (code, levels(cells))).collect();
    let sources = events();
    let differ = |code: &&String| sources.get(*code) != listed.get(*code);
    let codes: BTreeSet<_> = sources.keys().chain(listed.keys()).collect();
    let said = |code: &String| {
        format!(
            "{code}: {:?} in the sources, {:?} on the page",
            sources.get(code),
            listed.get(code)
        )
    };
    let faults: Vec<_> = codes.into_iter().filter(differ).map(said).collect();
    assert_none(&faults, "ops/events.md and the sources must agree");
}

#[test]
fn every_line_of_the_log_has_a_code() {
    let mut faults = Vec::new();
    for (file, text) in files("node/src", "rs") {
        for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            for (at, _) in text.match_indices(level) {
                let rest = text[at + level.len()..].trim_start();
                // those of the audit log bring their own
                if !rest.starts_with("event = ") {
                    let line = text[..at].matches('\n').count() + 1;
                    faults.push(format!("{file}:{line}"));
                }
            }
        }
    }
    assert_none(&faults, "lines of the log without an event");
}
