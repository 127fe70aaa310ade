//! `yizhan ack`.

use serde_json::{Value, json};

use super::pretend::Pretend;
use super::{err, out, yizhan};

const MESSAGE: &str = "510722.101.002-b7k2qf-f1";

#[test]
fn what_is_said_to_a_message_reaches_the_station_and_is_said_back() {
    let station = Pretend::answering(200, r#"{"ok":true}"#);
    let ack = |more: &[&str]| {
        let args = ["ack", MESSAGE, "--status", "completed", "--server", &station.url];
        yizhan(&[&args, more].concat())
    };
    let output = ack(&["--note", "已处置", "--lang", "zh"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(out(&output), format!("{MESSAGE} 已办结\n"));
    let body: Value = serde_json::from_slice(&station.seen().body).unwrap();
    assert_eq!(body, json!({ "status": "completed", "note": "已处置" }));
    let printed: Value = serde_json::from_slice(&ack(&["--json"]).stdout).unwrap();
    assert_eq!(printed, json!({ "ok": true }));
}

#[test]
fn a_message_that_was_never_there_is_refused_in_the_stations_words() {
    let problem = r#"{"code":"not_found","detail":"it was never here"}"#;
    let station = Pretend::answering(404, problem);
    let output = yizhan(&["ack", MESSAGE, "--status", "failed", "--server", &station.url]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(err(&output), "error: not_found: it was never here\n");
}
