//! The real emergency calls: the first half of the list.

use yizhan_schemas::payload::incident::{Report, Severity};

const CALLS: &str = include_str!("../../../node/data/incidents-montgomery-911.csv");

/// Reports of the first half of the rows.
pub(crate) fn reports() -> Vec<Report> {
    let mut rows = csv::Reader::from_reader(CALLS.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    rows[..rows.len().div_ceil(2)].iter().map(report).collect()
}

fn report(row: &csv::StringRecord) -> Report {
    let (title, at, township, address) = (&row[2], &row[3], &row[4], &row[5]);
    let (category, kind) = title.split_once(':').unwrap_or((title, title));
    let (day, time) = at.split_once(' ').unwrap();
    let summer = ("03-12".."11-05").contains(&&day[5..]);
    let plain = Report::plain(
        category.trim().to_owned(),
        Severity::General,
        kind.trim_end_matches('-').trim().to_owned(),
        format!("{day}T{time}:00-0{}:00", if summer { 4 } else { 5 }),
    );
    Report {
        lat: Some(row[0].parse().unwrap()),
        lng: Some(row[1].parse().unwrap()),
        address: Some(format!("{address}, {township}")),
        source_code: Some(title.to_owned()),
        ..plain
    }
}
