//! A directory with a topology, keys and a configuration, and the program run on it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// For what takes a second, on a machine that may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(60);

const TOPOLOGY: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township", "village"]
[[station]]
code = "510722"
name = "三台县"
bus = "nats://127.0.0.1:1"
[[station]]
code = "510722.101"
name = "潼川镇"
bus = "nats://127.0.0.1:1"
[[station]]
code = "510722.101.002"
name = "老西街社区居民委员会"
"#;

/// A village's directory.
pub(crate) struct Ground {
    dir: TempDir,
}

/// A station that runs; killed at the latest with the test.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ground {
    pub(crate) fn new() -> Self {
        let ground = Self { dir: TempDir::new().unwrap() };
        ground.write("topology.toml", TOPOLOGY);
        let keys = ground.run(&["topology", "keys", "topology.toml", "--out", "keys"], &[]);
        assert!(keys.status.success(), "{keys:?}");
        ground.write(
            "yizhan.toml",
            r#"
[station]
code = "510722.101.002"
topology = "topology.toml"
key = "keys/510722.101.002.nk"
[data]
dir = "data"
[bus]
listen = "127.0.0.1:0"
[http]
listen = "127.0.0.1:0"
"#,
        );
        ground
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, args: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
        command.args(args).current_dir(self.dir.path()).env("LC_ALL", "C").env("RUST_LOG", "off");
        command.envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str], environment: &[(&str, &str)]) -> Output {
        let child = self.command(args, environment).spawn().unwrap();
        let (done, ended) = std::sync::mpsc::channel();
        let pid = child.id().to_string();
        std::thread::spawn(move || done.send(child.wait_with_output()));
        ended.recv_timeout(SOON).map_or_else(
            |_| {
                let _ = Command::new("kill").args(["-KILL", &pid]).status();
                panic!("`yizhan {args:?}` does not end");
            },
            Result::unwrap,
        )
    }

    /// What `yizhan run` says when it does not start; its exit status must be 1.
    pub(crate) fn refusal(&self, environment: &[(&str, &str)]) -> String {
        let ended = self.run(&["run", "--config", "yizhan.toml"], environment);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        String::from_utf8(ended.stderr).unwrap().trim_end().to_owned()
    }

    /// Starts the station and waits until it is ready; gives its URL.
    pub(crate) fn start(&self) -> (Running, String) {
        let _ = fs::remove_file(self.path("data/http.url"));
        let mut command = self.command(&["run", "--config", "yizhan.toml"], &[]);
        let running = Running(command.stderr(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        loop {
            let url = fs::read_to_string(self.path("data/http.url")).unwrap_or_default();
            let url = url.trim().to_owned();
            if !url.is_empty() && ready(&url) {
                return (running, url);
            }
            assert!(began.elapsed() < SOON, "the station does not become ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A path as the station shows it.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.path(name).canonicalize().unwrap().display().to_string()
    }
}

fn ready(url: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answer = reqwest::get(format!("{url}/readyz")).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    })
}

/// A port that somebody listens on.
pub(crate) fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A program that says it is a nats-server of some version.
pub(crate) fn pretend_server(path: &Path, version: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, format!("#!/bin/sh\necho nats-server: v{version}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
