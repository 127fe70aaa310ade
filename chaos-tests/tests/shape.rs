//! The shape of the source tree, checked as a reviewer would: who may import whom, what each
//! room owns, how long a file may be. `node/core` says in its `lib.rs` what is frame and what decides.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tree;

use std::fs;
use std::path::Path;

use tree::{assert_none, files, root};

/// Longest source file, lines. The aim is 150.
const LINES_MAX: usize = 400;

/// Every Rust source below a folder of the repository, with its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    files(folder, "rs")
}

/// Lines of code, without comments: a word in prose is no import.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn uses(text: &str, word: &str) -> Option<usize> {
    let bounded = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line.get(..at).and_then(|head| head.chars().next_back());
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    };
    code(text).find(|(_, line)| bounded(line)).map(|(at, _)| at)
}

#[test]
fn the_pure_crates_have_no_clock_no_socket_no_file_and_no_hash_map() {
    let banned = [
        "std::time::Instant",
        "Instant::now",
        "SystemTime",
        "HashMap",
        "HashSet",
        "tokio",
        "std::fs",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "std::thread",
        "rand::",
        "getrandom",
        "async fn",
        "std::env",
    ];
    let mut faults = Vec::new();
    for folder in ["schemas/src", "topology/src", "node/core/src"] {
        for (file, text) in sources(folder) {
            let found = banned.iter().filter_map(|word| Some((word, uses(&text, word)?)));
            faults.extend(found.map(|(word, line)| format!("{file}:{line} uses {word}")));
        }
    }
    assert_none(
        &faults,
        "take it as an argument instead: these crates are driven by the simulator",
    );
}

#[test]
fn each_outside_library_has_one_owner() {
    let owners = [
        ("async_nats::", "node/src/bus"),
        ("axum::", "node/src/http"),
        ("sled::", "node/src/spool"),
        ("clap::", "node/src/cli"),
        ("ed25519_dalek::", "node/src/seal"),
        ("metrics_exporter_prometheus::", "node/src/telemetry"),
        ("rustls::", "node/src/tls"),
        ("tokio_rustls::", "node/src/tls"),
        ("rcgen::", "node/src/tls"),
        ("x509_parser::", "node/src/tls"),
        ("sd_notify::", "node/src/run/systemd"),
        ("roxmltree::", "node/src/ingest"),
    ];
    let mut faults = Vec::new();
    for (file, text) in sources("node/src") {
        for (library, owner) in owners {
            // the handle that renders the metrics page is handed through
            let handed = library.starts_with("metrics_exporter")
                && (file.starts_with("node/src/http") || file.starts_with("node/src/run"));
            if let Some(line) = uses(&text, library).filter(|_| !file.starts_with(owner) && !handed)
            {
                faults.push(format!("{file}:{line} uses {library}, which belongs to {owner}"));
            }
        }
    }
    assert_none(&faults, "ask the owner's room for what is needed");
}

#[test]
fn rooms_of_the_node_do_not_know_each_other() {
    let rooms = ["spool", "link", "ingest", "http"];
    let mut faults = Vec::new();
    for room in rooms {
        for (file, text) in sources("node/src") {
            let inside = file.starts_with(&format!("node/src/{room}/"))
                || file == format!("node/src/{room}.rs");
            let others = rooms.iter().filter(|other| inside && **other != room);
            for other in others {
                if let Some(line) = uses(&text, &format!("crate::{other}")) {
                    faults.push(format!("{file}:{line} imports {other}"));
                }
            }
        }
    }
    assert_none(
        &faults,
        "only node/src/run puts rooms together: pass it in as a trait or a channel",
    );
}

#[test]
fn deciders_of_the_core_do_not_know_each_other() {
    // values and books that all share; everything else in node/core/src decides
    let frame = [
        "time",
        "settings",
        "mutant",
        "link",
        "draft",
        "input",
        "effect",
        "record",
        "kept",
        "step",
        "ranges",
        "contents",
        "gone",
        "station",
        "fill",
        "seal",
        "lib",
        "neighbour",
        "bucket",
        "matter",
        "matters",
    ];
    let name = |file: &str| {
        Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap()
    };
    let files = sources("node/core/src");
    let deciders: Vec<String> = files
        .iter()
        .map(|(file, _)| name(file))
        .filter(|name| !frame.contains(&name.as_str()))
        .collect();
    let mut faults = Vec::new();
    for (file, text) in &files {
        let this = name(file);
        if file.contains("/station") || frame.contains(&this.as_str()) {
            continue;
        }
        for other in deciders.iter().filter(|other| **other != this) {
            // `resume` compares cursors: the books of a lane are its argument
            let book = other == "outbound";
            if let Some(line) = uses(text, &format!("crate::{other}::")).filter(|_| !book) {
                faults.push(format!("{file}:{line} imports {other}"));
            }
        }
    }
    assert_none(&faults, "let station.rs ask both");
}

#[test]
fn files_are_short_and_nothing_is_left_for_later() {
    let mut faults = Vec::new();
    for folder in ["schemas", "topology", "node", "chaos-tests"] {
        for (file, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > LINES_MAX {
                faults.push(format!("{file} has {lines} lines, at most are {LINES_MAX}"));
            }
            for word in ["todo!(", "unimplemented!(", "FIXME", "dbg!("] {
                let here = file.ends_with("tests/shape.rs");
                if let Some(line) = uses(&text, word).filter(|_| !here) {
                    faults.push(format!("{file}:{line} has {word}"));
                }
            }
        }
    }
    assert_none(&faults, "one noun a file; finish it or leave it out");
}

#[test]
fn the_top_level_is_that_of_the_design_card() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "Makefile",
        "LICENSE",
        "README.md",
        "node",
        "schemas",
        "topology",
        "ops",
        "chaos-tests",
        "target",
    ];
    let entries = fs::read_dir(root()).unwrap().map(|e| e.unwrap().file_name());
    let names = entries.map(|name| name.to_string_lossy().into_owned());
    let strange: Vec<String> =
        names.filter(|name| !name.starts_with('.') && !allowed.contains(&name.as_str())).collect();
    assert_none(&strange, "the top level is fixed: put it into one of the folders");
}
