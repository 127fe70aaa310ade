//! Ingest: every answer that a publisher can get before a station is asked, word for word.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

mod any_request;
mod body;
mod cloudevent;
mod door;
mod nats;
mod structured;

use yizhan::ingest::{Bodies, Headers};
use yizhan_schemas::reply::{ErrorCode, Refusal};

/// Longest payload in these tests, bytes.
const PAYLOAD_BYTES_MAX: usize = 4096;

/// A report that is in order, with white space that must survive.
const REPORT: &str = r#"{ "category": "road",  "severity": "major",
  "description": "路面塌陷，联系人𠮷田", "occurred_at": "2026-11-23T08:30:00+08:00", "own": {"x": [1, 2]} }"#;

fn bodies() -> Bodies {
    Bodies::new(PAYLOAD_BYTES_MAX)
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().copied().collect()
}

fn refusal(code: ErrorCode, message: &str, pointer: Option<&str>) -> Refusal {
    Refusal { code, message: message.to_owned(), pointer: pointer.map(str::to_owned) }
}

/// The report with one member replaced by JSON text, or left away.
fn report_with(name: &str, json: Option<&str>) -> String {
    let mut report: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(REPORT).unwrap();
    match json {
        Some(json) => report.insert(name.to_owned(), serde_json::from_str(json).unwrap()),
        None => report.shift_remove(name),
    };
    serde_json::to_string(&report).unwrap()
}
