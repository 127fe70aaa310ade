//! `yizhan status`, and how any command finds its station.

use std::fs;

use super::pretend::Pretend;
use super::{assert_golden, err, out, yizhan, yizhan_in};

#[test]
fn tables_and_trees_fit_100_columns_in_both_languages() {
    let station = Pretend::new();
    let message = "510722.101.002-b7k2qf-f1";
    let cases: [(&str, &[&str]); 4] =
        [("status", &[]), ("tree", &["--tree"]), ("station", &["510722"]), ("message", &[message])];
    for (name, more) in cases {
        for lang in ["en", "zh"] {
            let args = [&["status", "--server", &station.url, "--lang", lang], more].concat();
            let output = yizhan(&args);
            assert_eq!(output.status.code(), Some(0), "{}", err(&output));
            let text = out(&output);
            assert_golden(&format!("{name}.{lang}.txt"), &text);
            for line in text.lines() {
                assert!(columns(line) <= 100, "{} columns: {line}", columns(line));
            }
        }
    }
}

/// Columns of a line: Chinese characters take two.
fn columns(line: &str) -> usize {
    line.chars().map(|c| if c >= '\u{2e80}' { 2 } else { 1 }).sum()
}

#[test]
fn json_is_the_stations_own_answer() {
    let station = Pretend::new();
    let output = yizhan(&["status", "--json", "--server", &station.url]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sent: serde_json::Value =
        serde_json::from_str(include_str!("golden/stations.json")).unwrap();
    assert_eq!(printed, sent);
}

#[test]
fn the_language_of_the_locale_is_spoken() {
    let station = Pretend::new();
    let args = ["status", "--server", &station.url];
    let output = yizhan_in(".".as_ref(), &args, &[("LANG", "zh_CN.UTF-8")]);
    assert!(out(&output).starts_with("站点"), "{}", out(&output));
}

#[test]
fn what_is_not_there_is_refused_in_the_stations_words() {
    let station = Pretend::new();
    let output = yizhan(&["status", "510722.999", "--server", &station.url]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(err(&output), "error: not_found: no such thing here\n");
}

#[test]
fn without_any_station_the_three_ways_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = yizhan_in(dir.path(), &["status"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        err(&output),
        "error: which station? Give --server URL, or --config FILE (its http.listen is used), or \
         run this where there is a yizhan.toml\n"
    );
}

#[test]
fn the_configuration_file_leads_to_the_station_and_its_token() {
    let station = Pretend::answering(202, "{}");
    let dir = tempfile::tempdir().unwrap();
    let listen = station.url.strip_prefix("http://").unwrap();
    let text = |listen: &str| {
        format!(
            "[station]\ncode = \"510722\"\ntopology = \"t\"\n[http]\nlisten = \"{listen}\"\n\
             tokens = [{{ role = \"reader\", token = \"reader-reader-reader\" }},\
             {{ role = \"operator\", token = \"operator-operator\" }}]\n"
        )
    };
    fs::write(dir.path().join("yizhan.toml"), text(listen)).unwrap();
    let watch = ["watch", "--count", "1"];
    assert_eq!(yizhan_in(dir.path(), &watch, &[]).status.code(), Some(0));
    let bearer = |station: &Pretend| station.seen().headers["authorization"].clone();
    assert_eq!(bearer(&station), "Bearer operator-operator");
    yizhan_in(dir.path(), &watch, &[("YIZHAN_TOKEN", "of-the-environment")]);
    assert_eq!(bearer(&station), "Bearer of-the-environment");

    // port 0: the running station has written where it is
    let other = dir.path().join("other.toml");
    fs::write(&other, text(":0") + "[data]\ndir = \"d\"\n").unwrap();
    let args = ["status", "--config", other.to_str().unwrap()];
    let output = yizhan(&args);
    assert!(err(&output).contains("is the station running?"), "{}", err(&output));
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("d/http.url"), &station.url).unwrap();
    assert_eq!(yizhan(&args).status.code(), Some(0));
}

#[test]
fn a_station_that_does_not_run_is_said_with_its_address() {
    // a port that was free a moment ago
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = yizhan(&["status", "--server", &url]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "error: cannot reach the station at {url}: Connection refused (os error 111); is it \
         running?\n"
    );
    assert_eq!(err(&output), expected);
}
