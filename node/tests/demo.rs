//! `yizhan demo` as a person runs it: real processes, real nats-servers, signals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// For what takes a second, on a machine that may be busy.
const SOON: Duration = Duration::from_secs(90);
const TICK: Duration = Duration::from_millis(50);

fn demo(args: &[&str]) -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_yizhan"));
    demo.arg("demo").args(args).env("LC_ALL", "C").stdin(Stdio::null());
    demo.stdout(Stdio::piped()).stderr(Stdio::piped());
    demo
}

/// A running demo; killed at the latest with the test.
struct Running {
    child: Child,
    dir: TempDir,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let child = demo(args).arg("--dir").arg(dir.path()).spawn().unwrap();
        Self { child, dir }
    }

    fn stations(&self) -> Option<Vec<Value>> {
        let text = std::fs::read_to_string(self.dir.path().join("demo.json")).ok()?;
        let register: Value = serde_json::from_str(&text).unwrap();
        Some(register["stations"].as_array().unwrap().clone())
    }

    /// What `demo.json` says as soon as it says something that fits.
    fn until(&mut self, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let began = Instant::now();
        loop {
            if let Some(stations) = self.stations().filter(|stations| fits(stations)) {
                return stations;
            }
            assert_eq!(self.child.try_wait().unwrap(), None, "the demo ended");
            assert!(began.elapsed() < SOON, "demo.json does not come to say it");
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(pid: u64, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn number(station: &Value, member: &str) -> u64 {
    station[member].as_u64().unwrap()
}

/// Waits until none of these processes is there any more.
fn all_gone(stations: &[Value]) {
    let began = Instant::now();
    for pid in stations.iter().flat_map(|s| [number(s, "pid"), number(s, "bus_pid")]) {
        while Path::new(&format!("/proc/{pid}/cmdline")).metadata().is_ok_and(|_| {
            !std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty()
        }) {
            assert!(began.elapsed() < SOON, "process {pid} lives on");
            std::thread::sleep(TICK);
        }
    }
}

fn said(output: &Output) -> String {
    let _ = std::io::stderr().write_all(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{out}");
    out
}

/// The cells of the row with this name.
fn row<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name)).expect("there is such a row");
    line.split_whitespace().skip(1).collect()
}

#[test]
fn a_small_county_survives_a_cut_link_and_a_killed_node_and_every_origin_knows_it() {
    let began = Instant::now();
    let output = demo(&[]).env("YIZHAN_DEMO_REPORTS", "300").output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(row(&text, "reports"), ["300", "300", "300", "0", "0", "0"]);
    assert_eq!(row(&text, "directives"), ["3", "3", "10", "0", "0", "0"]);
    assert_eq!(row(&text, "of reports")[1..], ["300", "300", "0", "0"]);
    assert_eq!(row(&text, "of directives")[1..], ["10", "10", "0", "0"]);
    let ended: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("510722.1"))
        .filter(|line| {
            line.contains("delivered  ") && line.contains("completed") || line.contains("expired  ")
        })
        .collect();
    assert_eq!(ended.len(), 2, "one command was carried out and one came too late: {ended:?}");
    let asked = text.lines().find(|line| line.starts_with("the camera was asked: ")).unwrap();
    assert!(asked.contains("open (") && !asked.contains("ptz"), "{asked}");
    let scenes: Vec<&str> = text.lines().filter(|line| line.starts_with('✓')).collect();
    assert_eq!(scenes.len(), 5, "{scenes:?}");
    assert!(scenes[3].contains("6 links agree") && scenes[4].contains("taken away at 510722.1"));
    assert!(text.contains("SIGSTOP") && text.contains("SIGCONT") && text.contains("kill -9"));
    assert!(text.lines().all(|line| line.chars().count() <= 110), "too wide");
    assert!(began.elapsed() < SOON);
    let dir = text.lines().next().and_then(|line| line.split(" in ").last()).unwrap();
    assert!(!Path::new(dir).exists(), "{dir} is left");
}

#[test]
fn a_station_killed_by_hand_comes_back_and_demo_json_says_where() {
    let mut running = Running::start(&["--no-traffic"]);
    let before = running.until(|stations| stations.len() == 7);
    let codes: Vec<&str> = before.iter().map(|s| s["code"].as_str().unwrap()).collect();
    assert_eq!(codes[..3], ["510722", "510722.101", "510722.101.002"]);
    signal(number(&before[1], "pid"), rustix::process::Signal::KILL);
    let after = running.until(|stations| stations[1]["pid"] != before[1]["pid"]);
    assert_eq!(after[1]["bus"], before[1]["bus"]);
    assert_ne!(after[1]["bus_pid"], before[1]["bus_pid"]);
    assert_eq!(after[0], before[0]);
    // a bus that is killed alone is started again by its station
    signal(number(&after[2], "bus_pid"), rustix::process::Signal::KILL);
    let last = running.until(|stations| stations[2]["bus_pid"] != after[2]["bus_pid"]);
    assert_eq!(last[2]["pid"], after[2]["pid"]);

    signal(running.child.id().into(), rustix::process::Signal::TERM);
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    all_gone(&last);
}

#[test]
fn a_killed_demo_takes_its_stations_and_their_buses_with_it() {
    let mut running = Running::start(&["--no-traffic"]);
    let stations = running.until(|stations| stations.len() == 7);
    running.child.kill().unwrap();
    assert_eq!(running.child.wait().unwrap().signal(), Some(9));
    all_gone(&stations);
}

#[test]
fn what_keeps_the_stations_from_starting_is_said_once() {
    let output =
        demo(&[]).env("YIZHAN__BUS__SERVER_PATH", "/nowhere/nats-server").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.starts_with("error: no nats-server found"), "{error}");
    assert_eq!(error.matches("error").count(), 1, "{error}");
    let output = demo(&[]).env("YIZHAN_DEMO_SEED", "one").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(error, "error: YIZHAN_DEMO_SEED is `one`; valid is a whole number\n");
}
