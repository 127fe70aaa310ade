//! Applications and revoked keys: what their values must be, and how they fit the stations.

use std::collections::BTreeMap;

use yizhan_schemas::Code;

use crate::application::{Application, Revoked, Right};
use crate::file::Key;
use crate::problem::{At, Fault, Report, shown};
use crate::tree::Station;

/// Longest name of an application, in bytes: it stands in subjects and file names.
pub const APPLICATION_BYTES_MAX: usize = 64;
/// Most rights of one application.
pub(crate) const RIGHTS_MAX: usize = Right::ALL.len();

pub(crate) fn application(text: &str) -> Result<String, Fault> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !text.is_empty() && text.len() <= APPLICATION_BYTES_MAX && text.bytes().all(good) {
        return Ok(text.to_owned());
    }
    let valid = format!("valid is 1 to {APPLICATION_BYTES_MAX} letters, digits, `_` or `-`");
    Err(Fault::new(format!("{} cannot name an application", shown(text)), valid))
}

pub(crate) fn right(text: &str) -> Result<Right, Fault> {
    if let Some(right) = Right::ALL.into_iter().find(|right| right.word() == text) {
        return Ok(right);
    }
    let words = Right::ALL.map(Right::word);
    let near = words.into_iter().min_by_key(|word| strsim::damerau_levenshtein(text, word));
    let near = near.filter(|word| strsim::damerau_levenshtein(text, word) <= 3);
    let valid = match near {
        Some(near) => format!("did you mean {near}? Valid are {}", words.join(", ")),
        None => format!("valid are {}", words.join(", ")),
    };
    Err(Fault::new(format!("{} is not a right", shown(text)), valid))
}

/// A moment with its offset; kept as it was written.
pub(crate) fn moment(text: &str) -> Result<String, Fault> {
    if text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(text.to_owned());
    }
    let valid = "valid is RFC 3339 with an offset, as in 2026-11-26T00:00:00+08:00";
    Err(Fault::new(format!("{} is not a moment", shown(text)), valid))
}

/// An application lives at a station that there is, under a name that no other has there.
pub(crate) fn applications(
    applications: &[At<Application>],
    stations: &BTreeMap<Code, At<Station>>,
    report: &mut Report,
) {
    let mut first: BTreeMap<(&Code, &str), usize> = BTreeMap::new();
    for At { line, it: application } in applications {
        let (station, name) = (&application.station, application.name.as_str());
        if !stations.contains_key(station) {
            let what = format!("application {name} stands at {station}, which is no station");
            let text = station.as_str();
            let distance = |code: &&Code| strsim::damerau_levenshtein(text, code.as_str());
            let near = stations.keys().min_by_key(distance).filter(|code| distance(code) <= 2);
            let valid = match near {
                Some(near) => format!("did you mean {near}?"),
                None => "valid is the code of a [[station]] of this file".to_owned(),
            };
            report.add(*line, what, valid);
        }
        if let Some(first) = first.insert((station, name), *line) {
            let what = format!("station {station} has a second application {name}");
            report.add(*line, what, format!("give it another name than on line {first}"));
        }
    }
}

/// A revoked key is nobody's any more.
pub(crate) fn revoked(revoked: &[At<Revoked>], keys: &[At<Key>], report: &mut Report) {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for At { line, it } in revoked {
        let first = *lines.entry(&it.key).or_insert(*line);
        if first != *line {
            let what = format!("the key {} is revoked twice", it.key);
            report.add(*line, what, format!("remove it here or on line {first}"));
        }
    }
    for At { line, it: Key { owner, text } } in keys {
        if let Some(revoked) = lines.get(text.as_str()) {
            let what = format!("{owner} lists the key {text}, which is revoked (line {revoked})");
            let valid = "remove the key from its list; `yizhan topology keys` makes new ones";
            report.add(*line, what, valid);
        }
    }
}
