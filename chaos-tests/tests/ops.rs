//! What `ops/` says, held against the sources and against Prometheus's own tools: an alert that
//! cannot fire, a page that nobody is led to and a metric that is nowhere are found here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tree::{assert_none, files, root};

/// Described, and set by nothing yet: an alert on one of these stays silent.
const NOT_SET_YET: [&str; 3] =
    ["yizhan_build_info", "yizhan_disk_free_bytes", "yizhan_spool_held_bytes"];
/// Set, and without a line that says what it means.
const NOT_DESCRIBED_YET: [&str; 1] = ["yizhan_astray_total"];

/// One alert or recording rule: its name, and its text in the file.
struct Rule {
    name: String,
    text: String,
}

/// All rules whose first line is `- <sort>: NAME`.
fn rules(sort: &str) -> Vec<Rule> {
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

/// Words that may be names of metrics.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
}

/// Names of metrics in this text that the stations themselves would have to give.
fn metrics(text: &str) -> BTreeSet<String> {
    let own = words(text).filter(|word| word.starts_with("yizhan_") && !word.contains(':'));
    let bare = |word: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        parts.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word).to_owned()
    };
    own.map(bare).collect()
}

/// Strings in quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// Metrics of the sources: those that a `describe` explains, with its words, and those that are set.
fn in_sources() -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (mut described, mut set) = (BTreeMap::new(), BTreeSet::new());
    for (_, text) in files("node/src", "rs") {
        // without chars that are quotes, and comments, so that every second piece is in quotes
        let text = text.replace("'\"'", "").replace("\\\"", "");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let (before, rest) = text.split_once("fn describe() {").unwrap_or((&text, ""));
        let (body, after) = rest.split_once("\n}").unwrap_or((rest, ""));
        let mut pairs = quoted(body);
        while let (Some(name), Some(meaning)) = (pairs.next(), pairs.next()) {
            described.insert(name.to_owned(), meaning.to_owned());
        }
        let whole = |name: &&str| name.starts_with("yizhan_") && words(name).count() == 1;
        set.extend(quoted(before).chain(quoted(after)).filter(whole).map(str::to_owned));
    }
    assert!(described.len() > 20 && set.len() > 20, "the test reads the sources wrongly");
    (described, set)
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

/// All queries of a dashboard, with the title of their panel.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let mut found: Vec<_> = panels
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap().to_owned();
            let targets = panel["targets"].as_array().into_iter().flatten();
            targets.map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
        })
        .collect();
    let variables = dashboard["templating"]["list"].as_array().into_iter().flatten();
    let asks = variables.filter(|variable| variable["type"] == "query");
    found.extend(asks.map(|variable| {
        let query = variable["query"].as_str().unwrap();
        let series = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(','));
        ("variable".to_owned(), series.unwrap().0.to_owned())
    }));
    found
}

fn dashboards() -> Vec<(String, Value)> {
    let read = |(name, text): (String, String)| {
        let value = serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        (name, value)
    };
    files("ops/grafana", "json").into_iter().map(read).collect()
}

#[test]
fn every_metric_that_is_spoken_of_is_one() {
    let (described, set) = in_sources();
    let records: BTreeSet<_> = rules("record").into_iter().map(|rule| rule.name).collect();
    let mut texts = files("ops/prometheus", "yml");
    texts.extend(files("ops", "md"));
    texts.extend(files("schemas", "md"));
    texts.extend(dashboards().into_iter().flat_map(|(name, dashboard)| {
        queries(&dashboard)
            .into_iter()
            .map(move |(title, query)| (format!("{name}: {title}"), query))
    }));
    let mut faults = Vec::new();
    for (name, text) in &texts {
        let strange = metrics(text).into_iter().filter(|metric| !described.contains_key(metric));
        faults.extend(strange.map(|metric| format!("{name}: {metric} is described nowhere")));
        let sums = words(text).filter(|word| word.trim_matches(':').contains(':'));
        let sums = sums.filter(|word| word.contains("yizhan") || word.starts_with("tier:"));
        let strange = sums.filter(|sum| !records.contains(*sum));
        faults.extend(strange.map(|sum| format!("{name}: {sum} is recorded by no rule")));
    }
    assert_none(&faults, "say what the stations give, or have them give it");
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let described: BTreeSet<_> = described.into_keys().collect();
    let never: BTreeSet<_> = described.difference(&set).cloned().collect();
    assert_eq!(never, of(&NOT_SET_YET), "described and set by nothing: an alert on it is silent");
    let dark: BTreeSet<_> = set.difference(&described).cloned().collect();
    assert_eq!(dark, of(&NOT_DESCRIBED_YET), "set and not described: nobody knows what it means");
}

/// Cells of the rows of a page's tables that begin with a name in code.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let cells = |row: &str| {
        let (name, rest) = row.split_once("` | ").unwrap();
        (name.to_owned(), rest.split(" | ").map(|cell| cell.trim().to_owned()).collect())
    };
    rows.map(cells).collect()
}

#[test]
fn the_page_of_metrics_lists_each_with_its_meaning_and_its_sums_are_those_of_its_rows() {
    let rows = rows("ops/metrics.md");
    let meanings = rows.iter().map(|(name, cells)| (name.clone(), cells.last().unwrap().clone()));
    assert_eq!(meanings.collect::<BTreeMap<_, _>>(), in_sources().0, "the help lines say the same");
    // labels, usual, rare, meaning
    let series = |column: usize, children: u64, root: bool| -> u64 {
        let neighbours = children + u64::from(!root);
        let cell = |cells: &Vec<String>| match cells[column].as_str() {
            "" => 0,
            cell => {
                let number = cell.split(' ').next().unwrap().parse().unwrap_or(1);
                number
                    * match cell.chars().last().unwrap() {
                        'L' => neighbours + 2,
                        'N' => neighbours,
                        'C' => children,
                        _ => 1,
                    }
            }
        };
        rows.iter().map(|(_, cells)| cell(cells)).sum()
    };
    let stations =
        [("the root", 1, 33, true), ("a township", 33, 14, false), ("a village", 462, 0, false)];
    let text = fs::read_to_string(root().join("ops/metrics.md")).unwrap().replace(',', "");
    let mut county = (0, 0);
    for (name, stations, children, root) in stations {
        let usual = series(1, children, root);
        let all = usual + series(2, children, root);
        county = (county.0 + stations * usual, county.1 + stations * all);
        let row = format!("| {name} | {children} | {usual} | {all} |");
        assert!(text.contains(&row), "ops/metrics.md must say: {row}");
    }
    let row = format!("| {} | {} |", county.0, county.1);
    assert!(text.contains(&row), "ops/metrics.md must say of the county: {row}");
}

#[test]
fn dashboards_ask_the_data_source_that_the_reader_chose() {
    let mut faults = Vec::new();
    for (name, dashboard) in dashboards() {
        let list = dashboard["templating"]["list"].as_array().unwrap();
        if !list.iter().any(|v| v["name"] == "datasource" && v["type"] == "datasource") {
            faults.push(format!("{name} has no variable `datasource`"));
        }
        for panel in dashboard["panels"].as_array().unwrap() {
            let row = panel["type"] == "row";
            if !row && panel["datasource"]["uid"] != "${datasource}" {
                faults.push(format!("{name}: {} is bound to one data source", panel["title"]));
            }
        }
    }
    assert_none(&faults, "a dashboard that is bound to one Prometheus works at one desk only");
}

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
