//! [`reports`]: the real emergency calls of `node/data`, as payloads of `incident.report`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use yizhan_schemas::payload::incident::{Report, Severity};

/// The rows; `node/data/README.md` says where they come from.
const CALLS: &str = include_str!("../../../data/incidents-montgomery-911.csv");
/// Pennsylvania, by the rule that has held since 2007: not every machine has a list of zones.
const PENNSYLVANIA: &str = "EST5EDT,M3.2.0,M11.1.0";

/// Why a row is no report.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadCall {
    /// Not the columns that are known.
    #[error("the calls cannot be read: {0}")]
    Row(#[from] csv::Error),
    /// Not a time.
    #[error("a call has no time of day: {0}")]
    Time(#[from] jiff::Error),
}

#[derive(Debug, Deserialize)]
struct Call {
    lat: f64,
    lng: f64,
    /// Class and kind, as in `EMS: FALL VICTIM`.
    title: String,
    /// Local time, to the minute.
    reported_at: String,
    township: String,
    address: String,
}

/// All calls, in the order of their rows.
pub(super) fn reports() -> Result<Vec<Report>, BadCall> {
    let zone = TimeZone::posix(PENNSYLVANIA)?;
    let mut rows = csv::Reader::from_reader(CALLS.as_bytes());
    rows.deserialize().map(|row| report(row?, &zone)).collect()
}

fn report(call: Call, zone: &TimeZone) -> Result<Report, BadCall> {
    let at = DateTime::strptime("%Y-%m-%d %H:%M", &call.reported_at)?;
    let at = zone.to_ambiguous_zoned_datetime(at).compatible()?;
    let at = at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let (category, kind) = call.title.split_once(':').unwrap_or((&call.title, &call.title));
    // the list has a dash behind calls of traffic
    let plain = Report::plain(
        category.trim().to_owned(),
        Severity::General,
        kind.trim_end_matches('-').trim().to_owned(),
        at,
    );
    Ok(Report {
        lat: Some(call.lat),
        lng: Some(call.lng),
        address: Some(format!("{}, {}", call.address, call.township)),
        source_code: Some(call.title),
        ..plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_a_report_that_fits_the_published_schema() {
        let schema = include_str!("../../../../schemas/json/incident.report.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&schema).unwrap();
        let reports = reports().unwrap();
        assert_eq!(reports.len(), 2451);
        for report in &reports {
            let value = serde_json::to_value(report).unwrap();
            assert!(validator.is_valid(&value), "{value}");
        }
    }

    #[test]
    fn a_call_keeps_its_local_time_its_place_and_its_title() {
        let reports = reports().unwrap();
        let (winter, summer) = (
            &reports[0],
            &reports.iter().rev().find(|report| report.occurred_at.starts_with("2018-07")),
        );
        assert_eq!(winter.category, "EMS");
        assert_eq!(winter.description, "FALL VICTIM");
        assert_eq!(winter.occurred_at, "2016-01-15T12:01:00-05:00");
        assert_eq!(winter.address.as_deref(), Some("POWELL ST & E SPRUCE ST, NORRISTOWN"));
        assert_eq!(winter.source_code.as_deref(), Some("EMS: FALL VICTIM"));
        assert!(summer.unwrap().occurred_at.ends_with("-04:00"));
        let crash = reports.iter().find(|report| report.category == "Traffic").unwrap();
        assert_eq!(crash.description, "VEHICLE ACCIDENT");
    }
}
