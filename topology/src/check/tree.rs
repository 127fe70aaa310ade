//! How the stations hang together: one root, no code or key twice, nobody without a parent, nobody
//! deeper than there are tiers.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use yizhan_schemas::Code;

use super::{STATIONS_MAX, people};
use crate::file::{Draft, Key};
use crate::problem::{At, Report};
use crate::tree::{Station, Topology};

/// Grows the tree of a draft, or reports why it is none.
pub(crate) fn grow(draft: Draft, report: &mut Report) -> Option<Topology> {
    if let Some(over) = draft.stations.get(STATIONS_MAX) {
        let what = format!("there are {} stations", draft.stations.len());
        report.add(over.line, what, format!("valid are at most {STATIONS_MAX} in one file"));
        return None;
    }
    if draft.empty {
        let valid = "add a station for the root, with code and name";
        report.add(1, "there are no stations, so the tree has no root", valid);
    }
    keys(&draft.keys, report);
    let stations = distinct(draft.stations, report);
    former_codes(&stations, report);
    people::applications(&draft.applications, &stations, report);
    people::revoked(&draft.revoked, &draft.keys, report);
    let root = root(&stations, report)?;
    let tiers = draft.tiers?;
    depths(&stations, &root, &tiers, report);
    let stations = stations.into_iter().map(|(code, station)| (code, station.it)).collect();
    let (applications, revoked) = (bare(draft.applications), bare(draft.revoked));
    let grown = || {
        let tree = Topology::grow(draft.name, tiers, root, stations, draft.policy);
        tree.with_people(applications, revoked)
    };
    report.is_clean().then(grown)
}

fn bare<T>(list: Vec<At<T>>) -> Vec<T> {
    list.into_iter().map(|one| one.it).collect()
}

/// A key names its station; with two of them nobody could say who signed.
fn keys(keys: &[At<Key>], report: &mut Report) {
    let mut first: BTreeMap<&str, &At<Key>> = BTreeMap::new();
    for key in keys {
        match first.entry(&key.it.text) {
            Entry::Vacant(place) => {
                place.insert(key);
            }
            Entry::Occupied(first) => {
                let At { line, it: Key { owner, text } } = first.get();
                let what = format!("{} has the key {text} of {owner} (line {line})", key.it.owner);
                report.add(key.line, what, "valid is a key of its own for each station");
            }
        }
    }
}

/// A former code leads to one station: not to one that is there under it, nor to two.
fn former_codes(stations: &BTreeMap<Code, At<Station>>, report: &mut Report) {
    let mut first: BTreeMap<&Code, &Code> = BTreeMap::new();
    for At { line, it: station } in stations.values() {
        for former in &station.formerly {
            let other = match stations.contains_key(former) {
                true => Some("is a station of its own".to_owned()),
                false => first
                    .insert(former, &station.code)
                    .map(|other| format!("was also the code of {other}")),
            };
            if let Some(other) = other {
                let what = format!("{} was formerly {former}, which {other}", station.code);
                report.add(*line, what, "valid is a code that only this station had before");
            }
        }
    }
}

fn distinct(stations: Vec<At<Station>>, report: &mut Report) -> BTreeMap<Code, At<Station>> {
    let mut distinct: BTreeMap<Code, At<Station>> = BTreeMap::new();
    for station in stations {
        match distinct.entry(station.it.code.clone()) {
            Entry::Vacant(place) => {
                place.insert(station);
            }
            Entry::Occupied(first) => {
                let what = format!("station {} is there already", station.it.code);
                let valid = format!("remove it here or on line {}", first.get().line);
                report.add(station.line, what, valid);
            }
        }
    }
    distinct
}

/// The one station without a parent in the file. If there are several, the one nearest the top,
/// first in the file, counts as the root and the others are reported.
fn root(stations: &BTreeMap<Code, At<Station>>, report: &mut Report) -> Option<Code> {
    let orphan = |code: &&Code| code.parent().is_none_or(|parent| !stations.contains_key(&parent));
    let orphans = stations.iter().filter(|(code, _)| orphan(code));
    let mut orphans: Vec<(&Code, usize)> = orphans.map(|(code, at)| (code, at.line)).collect();
    orphans.sort_by_key(|(code, line)| (code.tokens(), *line));
    let ((root, root_line), others) = orphans.split_first()?;
    for (code, line) in others {
        let taken = format!("the root is {root} (line {root_line})");
        let (what, valid) = match code.parent() {
            Some(parent) if root.is_above(code) => (
                format!("station {code} has no parent: {parent} is not in the file"),
                format!("add station {parent} or correct the code"),
            ),
            Some(parent) if root.parent().as_ref() == Some(&parent) => (
                format!(
                    "station {code} is a second root: {taken}, and {parent} is not in the file"
                ),
                format!("add station {parent} above both"),
            ),
            _ if code.tokens() == root.tokens() => (
                format!("station {code} is a second root: {taken}"),
                format!("remove one of them, or give it a code below {root}"),
            ),
            _ => (
                format!("station {code} is not below the root: {taken}"),
                format!("valid is a code that begins with {root}."),
            ),
        };
        report.add(*line, what, valid);
    }
    Some((*root).clone())
}

fn depths(
    stations: &BTreeMap<Code, At<Station>>,
    root: &Code,
    tiers: &[String],
    report: &mut Report,
) {
    for (code, station) in stations.iter().filter(|(code, _)| code.is_within(root)) {
        let depth = code.tokens() - root.tokens();
        if depth >= tiers.len() {
            let what = format!("station {code} stands at depth {depth} below the root");
            let deepest = tiers.len().saturating_sub(1);
            let valid = format!(
                "valid are depths 0 to {deepest} ({}), or add a tier to [county] tiers",
                tiers.join(", ")
            );
            report.add(station.line, what, valid);
        }
    }
}
