//! `yizhan audit`: what an auditor reads.

use std::fs;
use std::path::Path;

use serde_json::Value;
use yizhan::audit::End;
use yizhan::audit::hash::Hash;
use yizhan::audit::line::Line;

use super::{assert_golden, err, out, yizhan_in};

/// A day at a station, as its log has it.
fn day(dir: &Path) {
    let said = [
        ("started", "510722.101", "version 0.1.0", End::Done, "", None),
        ("issued", "grid@510722.101", "incident", End::Done, "", Some(("r1", "r1042", 1042))),
        ("issued", "desk", "510722.101-b7k2qf-p7", End::Done, "directive.issue", None),
        (
            "bus_refused",
            "UDZKHB3M76RIRXGB2M4UDFFTLNMSLSFESTD33D4WTTZVGG6HVUPKBMZM",
            "",
            End::Refused,
            "auth: from 10.72.3.9: authentication error",
            None,
        ),
        (
            "http_refused",
            "10.72.3.9",
            "GET /v1/stations",
            End::Refused,
            "rate_limited: from 10.72.3.9: too many wrong tokens came from this address",
            Some(("", "", 988)),
        ),
        ("config_changed", "510722.101", "audit.retain", End::Done, "now 2y", None),
        // somebody wrote this line who wants the reader's terminal to do something
        ("issued", "\u{1b}[2Jeve", "\u{202e}x", End::Done, "", None),
    ];
    let mut prev = Hash::NONE;
    let mut text = Vec::new();
    for (n, (event, who, what, outcome, detail, many)) in said.into_iter().enumerate() {
        let id = |end: &str| (!end.is_empty()).then(|| format!("510722.101-b7k2qf-{end}"));
        let line = Line {
            seq: n as u64 + 1,
            at: format!("2026-11-26T03:00:{n:02}.5Z").parse().unwrap(),
            event: event.to_owned(),
            who: who.to_owned(),
            what: what.to_owned(),
            outcome,
            detail: detail.to_owned(),
            count: many.map(|(_, _, count)| count),
            since: None,
            first: many.and_then(|(first, _, _)| id(first)),
            last: many.and_then(|(_, last, _)| id(last)),
            prev,
        };
        let (bytes, hash) = line.write().unwrap();
        text.extend(bytes);
        prev = hash;
    }
    fs::create_dir_all(dir.join("audit")).unwrap();
    fs::write(dir.join("audit/000000000001-2026-11-26.jsonl"), text).unwrap();
}

fn audit(dir: &Path, args: &[&str]) -> std::process::Output {
    yizhan_in(dir, &[&["audit"], args, &["--data", "."]].concat(), &[])
}

#[test]
fn lines_are_shown_within_a_hundred_columns_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    day(dir.path());
    for lang in ["en", "zh"] {
        let shown = audit(dir.path(), &["show", "--lang", lang]);
        assert!(shown.status.success(), "{}", err(&shown));
        assert_golden(&format!("audit.{lang}.txt"), &out(&shown));
    }
}

#[test]
fn lines_are_chosen_by_time_event_and_name_and_their_json_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    day(dir.path());
    let seqs = |args: &[&str]| -> Vec<u64> {
        let shown = audit(dir.path(), &[&["show", "--json"], args].concat());
        let lines: Vec<Value> = serde_json::from_str(&out(&shown)).unwrap();
        lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(&["--limit", "2"]), [6, 7]);
    assert_eq!(seqs(&["--event", "issued"]), [2, 3, 7]);
    assert_eq!(seqs(&["--who", "10.72"]), [5]);
    assert_eq!(seqs(&["--since", "2026-11-26T11:00:05+08:00"]), [6, 7]);
    let wrong = audit(dir.path(), &["show", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("valid is a time such as"), "{}", err(&wrong));
}

#[test]
fn a_log_without_a_head_or_without_a_directory_is_not_called_good() {
    let dir = tempfile::tempdir().unwrap();
    let none = audit(dir.path(), &["verify"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(err(&none).contains("cannot read ./audit"), "{}", err(&none));
    day(dir.path());
    let headless = audit(dir.path(), &["verify"]);
    assert_eq!(headless.status.code(), Some(1));
    assert!(out(&headless).contains("head.json: is missing"), "{}", out(&headless));
    let wrong = audit(dir.path(), &["verify", "--head", "7:md5:00"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("valid is sha256"), "{}", err(&wrong));
}
