//! Wrong usage is found before anything is done.

use super::{err, out, yizhan};

#[test]
fn wrong_usage_ends_with_status_2_and_says_what_is_valid() {
    let report = ["publish", "incident.report", "--data", "{}"];
    let with = |more: &[&'static str]| [&report, more].concat();
    let cases: [(Vec<&str>, &str); 30] = [
        (vec![], "Usage: yizhan"),
        (vec!["fly"], "unrecognized subcommand 'fly'"),
        (vec!["publish"], "<KIND>"),
        (vec!["publish", "incident.report"], "--file <FILE>|--data <JSON>"),
        (vec!["publish", "Incident", "--data", "{}"], "valid is <family>.<name>"),
        (with(&["--file", "-"]), "cannot be used with '--file <FILE>'"),
        (with(&["--to", "510722.>.1"]), "is not a selector"),
        (with(&["--precedence", "urgent"]), "valid are flash, immediate, priority and routine"),
        (with(&["--ttl", "soon"]), "expected number at 0"),
        (with(&["--wait", "sent"]), "valid are accepted, relayed:CODE and delivered"),
        (with(&["--server", "ftp://a"]), "valid is, for example, http://127.0.0.1:8080"),
        (vec!["watch", "--kind", "*"], "valid is a kind or a family"),
        (vec!["watch", "--origin", "up"], "is not a station code"),
        (vec!["watch", "--count", "-1"], "unexpected argument"),
        (vec!["status", "510722.101", "--tree"], "cannot be used with"),
        (vec!["status", "a b"], "valid is a message id"),
        (vec!["ack", "510722.101"], "valid is a message id"),
        (vec!["ack", "510722-b7k2qf-r1", "--status", "seen"], "acknowledged, completed, failed"),
        (vec!["adapter", "--device", "51072210001320000001"], "--fake"),
        (
            vec!["adapter", "--fake", "--device", "a.b"],
            "it has 3 characters; valid are the 20 digits of GB/T 28181",
        ),
        (vec!["topology", "check"], "<FILE>"),
        (vec!["catalogue", "show", "c.csv"], "<ID>"),
        (vec!["catalogue", "synthesize", "--count", "0"], "a whole number from 1 to 1000000"),
        (vec!["topology", "show", "t.toml", "--depth", "all"], "invalid digit"),
        (vec!["topology", "keys", "t.toml"], "--out <DIR>"),
        (vec!["topology", "render", "t.toml", "--out", "o"], "--station <CODE>"),
        (vec!["topology", "keys", "t.toml", "--out", "o", "--rotate", "@"], "NAME@CODE"),
        (vec!["config"], "Usage: yizhan config"),
        (vec!["config", "show", "--log-format", "xml"], "[possible values: auto, human, json]"),
        (vec!["completions", "cmd"], "[possible values: bash"),
    ];
    for (args, says) in cases {
        let output = yizhan(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(says), "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{args:?}");
    }
}

#[test]
fn help_and_version_are_done_and_not_errors() {
    let version = yizhan(&["--version"]);
    assert_eq!((version.status.code(), out(&version)), (Some(0), "yizhan 0.1.0\n".to_owned()));
    for command in
        ["publish", "watch", "status", "ack", "adapter", "topology", "config", "completions"]
    {
        let output = yizhan(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(out(&output).contains("--lang"), "{command}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = yizhan(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(out(&output).contains("publish"), "{shell}");
    }
}
