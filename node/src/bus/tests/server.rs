use std::path::PathBuf;
use std::process::Command;

use super::*;

/// A directory with a program `nats-server` that prints one line. Written by another process, so
/// that a fork elsewhere in this one cannot hold it open while it is started ("text file busy").
fn fake(says: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let script = r#"printf '#!/bin/sh\necho "%s"\n' "$1" > "$0"; chmod 755 "$0""#;
    let path = directory.path().join("nats-server");
    let written = Command::new("sh").arg("-c").arg(script).arg(path).arg(says).status().unwrap();
    assert!(written.success());
    directory
}

fn search(path: &[&TempDir], private: &Path) -> Search {
    let path = std::env::join_paths(path.iter().map(|dir| dir.path())).unwrap();
    Search { configured: None, path, private: Some(private.to_owned()) }
}

#[tokio::test]
async fn a_missing_server_is_an_error_that_says_where_was_looked_and_what_to_do() {
    let empty = TempDir::new().unwrap();
    let error = search(&[&empty], empty.path()).find().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, BusError::ServerMissing { .. }), "{text}");
    assert!(text.contains("PATH") && text.contains(&empty.path().display().to_string()), "{text}");
    assert!(text.contains("ops/nats/get-nats-server"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_too_old_is_named_with_its_version() {
    let (old, empty) = (fake("nats-server: v2.9.25"), TempDir::new().unwrap());
    let error = search(&[&old], empty.path()).find().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, BusError::ServerTooOld { .. }), "{text}");
    let path = old.path().join("nats-server").display().to_string();
    assert!(text.contains(&path) && text.contains("2.9.25") && text.contains("2.10"), "{text}");
    assert!(text.contains("ops/nats/get-nats-server"), "{text}");
}

#[tokio::test]
async fn an_old_server_in_path_does_not_hide_a_new_one_in_its_place() {
    let (old, new) = (fake("nats-server: v2.9.25"), fake("nats-server: v2.15.1"));
    let found = search(&[&old], new.path()).find().await.unwrap();
    assert_eq!(found.path, new.path().join("nats-server"));
    assert_eq!(found.version.to_string(), "2.15.1");
}

#[tokio::test]
async fn a_configured_server_is_the_only_one_that_counts() {
    let (good, other) = (fake("nats-server: v2.15.1"), fake("something else 1.0"));
    for (configured, hint) in [
        (other.path().join("nats-server"), "something else 1.0"),
        (PathBuf::from("/nonexistent/nats-server"), "bus.server_path = /nonexistent/nats-server"),
    ] {
        let search = Search { configured: Some(configured), ..search(&[&good], good.path()) };
        let text = search.find().await.unwrap_err().to_string();
        assert!(text.contains(hint), "{text}");
    }
}

/// Runs `ops/nats/get-nats-server` with these programs only.
fn get_nats_server(path: &TempDir, data_home: &Path) -> std::process::Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/nats/get-nats-server");
    let system = std::env::var_os("PATH").unwrap();
    let paths = std::iter::once(path.path().to_owned()).chain(std::env::split_paths(&system));
    let mut command = Command::new(script);
    command.env("PATH", std::env::join_paths(paths).unwrap()).env("XDG_DATA_HOME", data_home);
    command.output().unwrap()
}

#[test]
fn the_script_prints_the_server_of_path_if_it_is_new_enough_else_the_private_one() {
    let data = TempDir::new().unwrap();
    let private = data.path().join("yizhan/bin");
    std::fs::create_dir_all(&private).unwrap();
    let (old, new) = (fake("nats-server: v2.9.25"), fake("nats-server: v2.15.1"));
    let copied = Command::new("cp").arg(new.path().join("nats-server")).arg(&private).status();
    assert!(copied.unwrap().success());
    for (path, expected) in [(&old, &private), (&new, &new.path().to_owned())] {
        let output = get_nats_server(path, data.path());
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, format!("{}\n", expected.join("nats-server").display()));
    }
}
