//! `yizhan publish`.

use std::io::Write;
use std::process::{Command, Stdio};

use super::pretend::Pretend;
use super::{err, out, yizhan};

const ACCEPTED: &str =
    r#"{"id":"510722.101-b7k2qf-f1","status":"accepted","station":"510722.101","duplicate":false}"#;

#[test]
fn a_message_goes_out_as_a_binary_cloudevent_and_its_id_is_printed() {
    let station = Pretend::answering(202, ACCEPTED);
    let output = yizhan(&[
        "publish",
        "incident.report",
        "--server",
        &station.url,
        "--data",
        "{\"名\":1}",
        "--to",
        "tag:山洪@510722",
        "--precedence",
        "flash",
        "--ttl",
        "5m",
        "--id",
        "a 1",
        "--wait",
        "delivered;20s",
    ]);
    assert_eq!(err(&output), "");
    assert_eq!(out(&output), "510722.101-b7k2qf-f1 accepted\n");
    let seen = station.seen();
    let expected = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "a%201"),
        ("ce-source", "yz:cli"),
        ("ce-type", "incident.report"),
        ("ce-yzto", "tag:%E5%B1%B1%E6%B4%AA@510722"),
        ("ce-yzprecedence", "flash"),
        ("ce-yzttl", "300s"),
        ("yz-wait", "delivered;20s"),
    ];
    for (name, value) in expected {
        assert_eq!(seen.headers[name], value, "{name}");
    }
    assert_eq!(seen.body, "{\"名\":1}".as_bytes());
}

#[test]
fn what_is_not_said_is_not_sent_and_ids_are_drawn() {
    let station = Pretend::answering(202, ACCEPTED);
    let mut child = Command::new(env!("CARGO_BIN_EXE_yizhan"))
        .args(["publish", "incident.report", "--file", "-", "--json", "--server", &station.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"from a pipe").unwrap();
    let output = child.wait_with_output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["id"], "510722.101-b7k2qf-f1");
    let seen = station.seen();
    assert_eq!(seen.body, b"from a pipe");
    assert_eq!(seen.headers["ce-id"].len(), 32);
    for name in ["ce-yzto", "ce-yzprecedence", "ce-yzttl"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
}

#[test]
fn a_retry_that_was_recognised_is_done() {
    let station = Pretend::answering(202, &ACCEPTED.replace("false", "true"));
    let args = ["publish", "a.b", "--data", "{}", "--server", &station.url, "--lang", "zh"];
    let output = yizhan(&args);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(out(&output), "510722.101-b7k2qf-f1 已接收 (重复：此前已接收)\n");
}

#[test]
fn a_grade_that_is_not_reached_in_time_is_a_failure_that_names_the_message() {
    let station = Pretend::answering(202, &ACCEPTED.replace("false", "false,\"timed_out\":true"));
    let args = ["publish", "a.b", "--data", "{}", "--server", &station.url, "--wait", "delivered"];
    let output = yizhan(&args);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out(&output), "510722.101-b7k2qf-f1 accepted\n");
    assert_eq!(
        err(&output),
        "error: 510722.101-b7k2qf-f1 is accepted and goes on, but was not delivered in time; \
         `yizhan status 510722.101-b7k2qf-f1` says how far it is\n"
    );
}

#[test]
fn a_refusal_is_said_in_the_stations_words() {
    let problem = r#"{"type":"about:blank","title":"Bad Request","status":400,
        "code":"schema_invalid","detail":"severity is missing","pointer":"/severity"}"#;
    let station = Pretend::answering(400, problem);
    let args = ["publish", "a.b", "--data", "{}", "--server", &station.url];
    let output = yizhan(&args);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(err(&output), "error: schema_invalid: severity is missing (at /severity)\n");
    assert_eq!(out(&output), "");

    let output = yizhan(&[&args[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["error"]["code"], "schema_invalid");
    assert_eq!(printed["error"]["pointer"], "/severity");
}

#[test]
fn an_answer_that_is_not_a_stations_is_said_so() {
    for (status, body, says) in [
        (502, "<h1>Bad Gateway</h1>", "error: HTTP 502: <h1>Bad Gateway</h1>\n"),
        (503, "", "error: HTTP 503: Service Unavailable\n"),
        (200, "hello", "is it a Yizhan station?\n"),
        (200, "{}", "missing field `id`; is it a Yizhan station?\n"),
    ] {
        let station = Pretend::answering(status, body);
        let output = yizhan(&["publish", "a.b", "--data", "{}", "--server", &station.url]);
        assert_eq!(output.status.code(), Some(1), "{status}");
        assert!(err(&output).ends_with(says), "{}", err(&output));
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let station = Pretend::new();
    let output = yizhan(&["publish", "a.b", "--file", "no.json", "--server", &station.url]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(err(&output), "error: no.json: No such file or directory (os error 2)\n");
}
