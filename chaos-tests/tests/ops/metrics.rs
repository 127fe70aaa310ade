//! Metrics: those that are spoken of are there, and the page of metrics lists them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::alerts::rules;
use crate::dashboards::{dashboards, queries};
use crate::rows;
use crate::tree::{assert_none, files, root};

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
    let described: BTreeSet<_> = described.into_keys().collect();
    let never: BTreeSet<_> = described.difference(&set).collect();
    assert!(never.is_empty(), "described and set by nothing, an alert on it is silent: {never:?}");
    let dark: BTreeSet<_> = set.difference(&described).collect();
    assert!(dark.is_empty(), "set and not described, nobody knows what it means: {dark:?}");
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
