//! [`Keeper`]: watches over one nats-server process and starts the next when it ends.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::life::Life;
use super::{Patience, Place};
use crate::bus::BusError;
use crate::bus::client::Client;
use crate::bus::stream_files::StreamFiles;
use crate::{clock, nursery};

/// When the server's runtime collects its garbage: once it has grown to four times what it keeps. By
/// its default (100) a tenth to a fifth of a busy server's time went into that, for heaps of a few
/// megabytes.
const GC: (&str, &str) = ("GOGC", "300");
/// First wait before a restart.
const RESTART_FIRST: Duration = Duration::from_millis(100);
/// Longest wait before a restart.
const RESTART_CAP: Duration = Duration::from_secs(10);
/// After this long alive the waits begin anew.
const STEADY_AFTER: Duration = Duration::from_secs(60);

/// What it takes to start a server again, and to know how it is.
pub(super) struct Keeper {
    pub(super) binary: PathBuf,
    pub(super) place: Place,
    pub(super) patience: Patience,
    pub(super) url: String,
    /// A connection of its own, on which the server is asked whether it is there.
    pub(super) pulse: Client,
    pub(super) pid: watch::Sender<Option<u32>>,
    pub(super) files: StreamFiles,
    /// Somebody found that only a new server will do.
    pub(super) restart: Arc<Notify>,
    /// Somebody put other certificates where the server finds them.
    pub(super) reload: Arc<Notify>,
    /// Held as long as there may be a server.
    pub(super) _lock: File,
}

impl Keeper {
    /// Starts the first server; here an error is the caller's, later it is tried again.
    pub(super) async fn first(&self) -> Result<Child, BusError> {
        let mut child = self.launch().await?;
        let within = self.patience.recovery;
        tokio::select! {
            ready = self.pulse.ready(within) => match ready {
                Ok(()) => Ok(child),
                Err(_) => {
                    let pid = child.id().unwrap_or_default();
                    let _ = child.kill().await;
                    let (url, log) = (self.url.clone(), self.place.log.clone());
                    Err(BusError::Silent { pid, url, within, why: self.pulse.last_error(), log })
                }
            },
            status = child.wait() => Err(BusError::Ended {
                status: status.map_or_else(|e| e.to_string(), describe),
                said: self.said(),
                log: self.place.log.clone(),
            }),
        }
    }

    /// Keeps a server running until the other end of `stop` is dropped.
    pub(super) async fn keep(self, mut child: Child, mut stop: oneshot::Receiver<()>) {
        let mut pauses = pauses();
        loop {
            let born = Instant::now();
            let end = tokio::select! {
                never = self.reloads(child.id()) => match never {},
                status = child.wait() => status.map_or_else(|e| e.to_string(), describe),
                () = self.silence() => {
                    let _ = child.kill().await;
                    format!("killed: no answer for {:?}", self.patience.silence)
                }
                () = self.restart.notified() => {
                    self.stop(child).await;
                    "a restart was asked for".to_owned()
                }
                _ = &mut stop => {
                    self.stop(child).await;
                    return self.lay_down().await;
                }
            };
            self.pid.send_replace(None);
            tracing::warn!(
                event = "bus_ended",
                "nats-server ended ({end}): {}; starting it again",
                self.said()
            );
            if born.elapsed() > STEADY_AFTER {
                pauses = self::pauses();
            }
            child = loop {
                let pause = pauses.next().unwrap_or(RESTART_CAP);
                if timeout(pause, &mut stop).await.is_ok() {
                    return self.lay_down().await;
                }
                match self.launch().await {
                    Ok(child) => break child,
                    Err(error) => tracing::error!(event = "bus_not_started", "{error}"),
                }
            };
        }
    }

    async fn launch(&self) -> Result<Child, BusError> {
        let errors = &self.place.start_errors;
        let file = File::create(errors).map_err(BusError::file("write", errors))?;
        let mut server = nursery::command(&self.binary);
        server.arg("-c").arg(&self.place.config).stdout(Stdio::null()).stderr(file);
        if std::env::var_os(GC.0).is_none() {
            server.env(GC.0, GC.1);
        }
        let child = nursery::spawn(server).await.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BusError::SetprivMissing,
            _ => BusError::Start { path: self.binary.clone(), source },
        })?;
        // one that is gone already has nothing to be noted; waiting for it will tell
        if let Some(life) = child.id().and_then(|pid| Life::of(pid).ok()) {
            life.note(&self.place.note)?;
        }
        self.pid.send_replace(child.id());
        Ok(child)
    }

    /// Tells the server to read its configuration again, whenever somebody asks for it.
    async fn reloads(&self, server: Option<u32>) -> Infallible {
        loop {
            self.reload.notified().await;
            // not waited for while this runs, so the pid is still this child's
            if pid_of(server).is_none_or(|pid| kill_process(pid, Signal::HUP).is_err()) {
                tracing::warn!(
                    event = "bus_not_reloaded",
                    "nats-server could not be told to reload"
                );
            }
        }
    }

    /// Ends when the server has been silent for too long.
    async fn silence(&self) {
        let mut last = Instant::now();
        let mut bound = self.patience.recovery;
        loop {
            let next = clock::beat_in(self.patience.pulse);
            match self.pulse.settled(self.patience.pulse).await {
                Ok(()) => {
                    last = Instant::now();
                    bound = self.patience.silence;
                }
                Err(_) if last.elapsed() >= bound => return,
                Err(_) => {}
            }
            sleep_until(next).await;
        }
    }

    async fn stop(&self, mut child: Child) {
        // not waited for yet, so the pid is still this child's
        let pid = pid_of(child.id());
        let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        if !told || timeout(self.patience.stop, child.wait()).await.is_err() {
            tracing::warn!(
                event = "bus_killed",
                "nats-server did not stop within {:?}: killed",
                self.patience.stop
            );
            let _ = child.kill().await;
        }
        self.pid.send_replace(None);
    }

    /// The server is gone: what it wrote goes to disk, then the note that says it may not have.
    async fn lay_down(&self) {
        match self.files.sync().await {
            Ok(()) => _ = fs::remove_file(&self.place.note),
            Err(error) => tracing::error!(event = "bus_unsynced", "{error}"),
        }
    }

    /// The last that the server said.
    fn said(&self) -> String {
        let errors = fs::read_to_string(&self.place.start_errors).unwrap_or_default();
        if !errors.trim().is_empty() {
            return errors.trim().to_owned();
        }
        let log = fs::read_to_string(&self.place.log).unwrap_or_default();
        let grave = |line: &&str| line.contains("[FTL]") || line.contains("[ERR]");
        let line = log.lines().rev().find(grave).or_else(|| log.lines().last());
        line.unwrap_or("nothing").to_owned()
    }
}

fn pid_of(child: Option<u32>) -> Option<Pid> {
    child.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

fn describe(status: ExitStatus) -> String {
    status.to_string()
}

fn pauses() -> impl Iterator<Item = Duration> + Send {
    let waits = ExponentialBuilder::new().with_min_delay(RESTART_FIRST).with_max_delay(RESTART_CAP);
    waits.with_jitter().without_max_times().build()
}
