//! [`Station`]: one real process of `yizhan run`, and what it may suffer.
//!
//! Where it is and what it shows is its [`Place`], which outlives the process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::place::Place;
use super::programs;
use super::until::{SOON, until};

/// Lines of a log that are shown when a test fails.
const TAIL_LINES: usize = 25;

/// One station, running or not. Dropping it kills it; its nats-server goes with it.
pub struct Station {
    place: Place,
    child: Option<Child>,
    starts: u32,
    environment: Vec<(&'static str, OsString)>,
}

impl Deref for Station {
    type Target = Place;
    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Station {
    /// A station that does not run yet.
    pub fn new(place: Place) -> Self {
        Self { place, child: None, starts: 0, environment: Vec::new() }
    }

    /// Sets a variable for its processes.
    pub fn set_env(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    /// Starts the process; it dies with the thread of this test.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.code);
        // what an earlier life wrote must not be taken for this one's
        let _ = fs::remove_file(self.data().join("http.url"));
        self.starts += 1;
        let log = File::create(self.log()).expect("a log");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(programs::yizhan());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["run", "--config"]).arg(self.dir.join("yizhan.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().expect("setpriv (util-linux) and the binary start"));
    }

    /// Waits until it takes messages and its inbox is open, or has ended.
    pub async fn up(&mut self) -> Result<(), ExitStatus> {
        let what = format!("{} is ready", self.code);
        let (child, place) = (self.child.as_mut().expect("started"), &self.place);
        until(SOON, what, || {
            let ended = child.try_wait().expect("its own child");
            async move {
                if let Some(status) = ended {
                    return Some(Err(status));
                }
                let ready = place.http.get(format!("{}/readyz", place.url()?)).send().await.ok()?;
                ready.status().is_success().then_some(Ok(()))
            }
        })
        .await
    }

    /// The same for a station that has no reason to end.
    pub async fn ready(&mut self) {
        if let Err(status) = self.up().await {
            panic!("{} ended ({status}):\n{}", self.code, self.log_tail());
        }
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// kill -9.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("its own child");
    }

    /// SIGTERM; returns how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let pid = child.id().expect("not waited for yet");
        signal(pid, Signal::TERM);
        let ended = tokio::time::timeout(SOON, child.wait()).await;
        ended.unwrap_or_else(|_| panic!("{} goes on after SIGTERM", self.code)).expect("a child")
    }

    fn log(&self) -> PathBuf {
        self.dir.join(format!("station-{}.log", self.starts))
    }

    /// What its present process wrote.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The end of that.
    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<_> = text.lines().collect();
        let tail = lines.len().saturating_sub(TAIL_LINES);
        lines.get(tail..).unwrap_or_default().join("\n")
    }
}

impl Drop for Station {
    /// Waits until process and bus are gone, so that nobody writes into a directory being removed.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pids = [child.id(), self.bus_pid()];
        let _ = child.start_kill();
        let deadline = Instant::now() + Duration::from_secs(5);
        while pids.into_iter().flatten().any(runs) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Sends a signal to a process that this test started, or to its nats-server.
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
    kill_process(pid, signal).unwrap_or_else(|why| panic!("{signal:?} to {pid:?}: {why}"));
}

/// True if a process runs under this pid: one that has ended but was not waited for does not.
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Waits until no process runs under this pid any more.
pub async fn gone(pid: u32, within: Duration) {
    until(within, format!("process {pid} is gone"), || async { (!runs(pid)).then_some(()) }).await;
}
