//! Alerts: each has a page and is shown to fire and to keep still.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::tree::{assert_none, files, root};

/// One alert or recording rule: its name, and its text in the file.
pub(crate) struct Rule {
    pub(crate) name: String,
    text: String,
}

/// All rules whose first line is `- <sort>: NAME`.
pub(crate) fn rules(sort: &str) -> Vec<Rule> {
    let mut found = Vec::new();
    for (_, text) in files("ops/prometheus/rules", "yml") {
        let starts = format!("\n      - {sort}: ");
        for piece in text.split("\n      - ").skip(1) {
            let piece = format!("\n      - {piece}");
            if let Some(rule) = piece.strip_prefix(&starts) {
                let name = rule.lines().next().unwrap_or_default().trim().to_owned();
                found.push(Rule { name, text: rule.to_owned() });
            }
        }
    }
    assert!(!found.is_empty(), "no {sort} found: the test reads the rules wrongly");
    found
}

#[test]
fn every_alert_says_what_it_means_and_has_a_runbook_and_no_runbook_is_left_over() {
    let mut faults = Vec::new();
    let alerts = rules("alert");
    for Rule { name, text } in &alerts {
        let page = format!("ops/runbooks/{name}.md");
        let severity = match text {
            text if text.contains("severity: page") => "**Page.**",
            text if text.contains("severity: ticket") => "**Ticket.**",
            _ => "(no severity: page or ticket)",
        };
        for part in ["summary:", "description:", &format!("runbook: {page}")] {
            if !text.contains(part) {
                faults.push(format!("{name} has no `{part}`"));
            }
        }
        let text = fs::read_to_string(root().join(&page)).unwrap_or_default();
        for part in
            [&format!("# {name} "), severity, "## Look", "## Do", "**Never**", "**Over when**"]
        {
            if !text.contains(part) {
                faults.push(format!("{page} has no `{part}`"));
            }
        }
    }
    for (page, _) in files("ops/runbooks", "md") {
        let name = Path::new(&page).file_stem().unwrap().to_string_lossy().into_owned();
        if name != "README" && !alerts.iter().any(|alert| alert.name == name) {
            faults.push(format!("{page} is the page of no alert"));
        }
    }
    assert_none(&faults, "an alert without a page leaves whoever is woken alone");
}

#[test]
fn every_alert_is_shown_to_fire_and_to_keep_still() {
    let mut shown: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for (_, text) in files("ops/prometheus/tests", "yml") {
        for check in text.split("- expr: ").skip(1) {
            let Some((_, rest)) = check.split_once("ALERTS{alertname=\"") else { continue };
            let name = rest.split('"').next().unwrap_or_default().to_owned();
            let (fires, still) = shown.entry(name).or_default();
            match check.contains("exp_samples: []") {
                true => *still = true,
                false => *fires = true,
            }
        }
    }
    let lacking =
        rules("alert").into_iter().filter_map(|Rule { name, .. }| match shown.remove(&name) {
            Some((true, true)) => None,
            Some((false, _)) => Some(format!("{name} is never shown to fire")),
            Some((_, false)) => Some(format!("{name} is never shown to keep still")),
            None => Some(format!("{name} has no test")),
        });
    let mut faults: Vec<_> = lacking.collect();
    faults.extend(shown.into_keys().map(|name| format!("{name} is tested and is no alert")));
    assert_none(&faults, "write the case into ops/prometheus/tests");
}
