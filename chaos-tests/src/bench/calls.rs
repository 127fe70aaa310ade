//! [`distinct`]: real emergency calls as payloads of `incident.report`.
//!
//! They come from the second half of the list in `node/data`: a dictionary for thin links is made
//! of the first half, and a benchmark of compression must not measure with what was learnt from.

use std::collections::HashSet;

use bytes::Bytes;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use yizhan_schemas::payload::incident::{Report, Severity};

/// The list; `node/data/README.md` says where it comes from.
const CALLS: &str = include_str!("../../../node/data/incidents-montgomery-911.csv");
/// The rule of Pennsylvania's clocks since 2007: not every machine has a list of zones.
const PENNSYLVANIA: &str = "EST5EDT,M3.2.0,M11.1.0";
/// In later rounds through the list, a call's place is taken from this many rows further on.
const STRIDE: usize = 211;

#[derive(Debug, Clone, Deserialize)]
struct Call {
    lat: f64,
    lng: f64,
    title: String,
    reported_at: String,
    township: String,
    address: String,
}

/// So many reports, no two alike. Where the second half of the list does not suffice, time and
/// kind of one call meet the place of another: as real, and no exact repetition.
///
/// # Errors
/// The list cannot be read, or is used up.
pub fn distinct(count: usize) -> Result<Vec<Bytes>, String> {
    let calls = second_half()?;
    let zone = TimeZone::posix(PENNSYLVANIA).map_err(|why| why.to_string())?;
    let (mut known, mut reports) = (HashSet::new(), Vec::with_capacity(count));
    for round in 0..calls.len() / STRIDE {
        let places = calls.iter().cycle().skip(round * STRIDE);
        for (what, place) in calls.iter().zip(places) {
            if reports.len() == count {
                return Ok(reports);
            }
            let report = report(what, place, &zone)?;
            if known.insert(report.clone()) {
                reports.push(report);
            }
        }
    }
    match reports.len() == count {
        true => Ok(reports),
        false => {
            Err(format!("{count} different reports are too many; {} are there", reports.len()))
        }
    }
}

fn second_half() -> Result<Vec<Call>, String> {
    let mut rows = csv::Reader::from_reader(CALLS.as_bytes());
    let calls: Result<Vec<Call>, _> = rows.deserialize().collect();
    let mut calls = calls.map_err(|why| why.to_string())?;
    Ok(calls.split_off(calls.len().div_ceil(2)))
}

fn report(what: &Call, place: &Call, zone: &TimeZone) -> Result<Bytes, String> {
    let at = DateTime::strptime("%Y-%m-%d %H:%M", &what.reported_at)
        .and_then(|at| zone.to_ambiguous_zoned_datetime(at).compatible())
        .map_err(|why| why.to_string())?;
    let (category, kind) = what.title.split_once(':').unwrap_or((&what.title, &what.title));
    let plain = Report::plain(
        category.trim().to_owned(),
        Severity::General,
        kind.trim_end_matches('-').trim().to_owned(),
        at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    );
    let report = Report {
        lat: Some(place.lat),
        lng: Some(place.lng),
        address: Some(format!("{}, {}", place.address, place.township)),
        source_code: Some(what.title.clone()),
        ..plain
    };
    serde_json::to_vec(&report).map(Bytes::from).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_distinct_and_none_is_of_the_first_half() {
        let reports = distinct(2_003).unwrap();
        assert_eq!(reports.iter().collect::<HashSet<_>>().len(), 2_003);
        assert!(distinct(100_000).unwrap_err().contains("too many"));
        let second = second_half().unwrap();
        let rows: Vec<_> = CALLS.lines().skip(1).collect();
        assert_eq!(second.len(), rows.len() / 2);
        let first = &second[0];
        let row = rows
            .iter()
            .rposition(|row| row.contains(&first.address) && row.contains(&first.reported_at));
        assert_eq!(row, Some(rows.len().div_ceil(2)));
    }
}
