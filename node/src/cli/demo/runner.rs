//! [`Runner`]: keeps one station running.
//!
//! Promise: the station is a direct child of this process and ends with it; one that ends by
//! itself is started again at once, [`Runner::between_lives`] does something while it does not run,
//! and only [`Runner::stop`] ends it for good.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Fault;
use super::ground::Site;
use super::show::Show;
use crate::nursery;

/// Before a station that ended is started again.
const RESTART_FIRST: Duration = Duration::from_millis(200);
/// The longest such wait, for one that ends again and again.
const RESTART_CAP: Duration = Duration::from_secs(2);
/// After this long alive the waits begin anew.
const STEADY_AFTER: Duration = Duration::from_secs(5);
/// How long a station may take to stop when told to.
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// What of our own environment a station gets; the rest of these would turn its configuration.
const SETTING: &str = "YIZHAN__";

/// What a station's process is doing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Life {
    /// The process; none between two lives.
    pub(super) pid: Option<u32>,
    /// How the last one ended.
    pub(super) ended: Option<ExitStatus>,
}

/// Keeps one station running.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) site: Arc<Site>,
    life: watch::Receiver<Life>,
    stop: oneshot::Sender<()>,
    asides: mpsc::Sender<Aside>,
    task: JoinHandle<()>,
}

/// Something that is done to a station's data while it does not run.
type Act = Box<dyn FnOnce(&Site) -> Result<(), String> + Send>;

/// An act, and whom to tell how it went.
type Aside = (Act, oneshot::Sender<Result<(), String>>);

impl Runner {
    /// Starts a station, and starts it again whenever it ends.
    pub(super) async fn start(program: &Path, site: Site, show: &Show) -> Result<Self, Fault> {
        let site = Arc::new(site);
        let (lives, life) = watch::channel(Life::default());
        let (stop, stopped) = oneshot::channel();
        let (asides, acts) = mpsc::channel(1);
        let keep =
            Keep { program: program.to_owned(), site: site.clone(), lives, show: show.clone() };
        let first = keep.launch().await?;
        let task = tokio::spawn(keep.keep(first, stopped, acts));
        Ok(Self { site, life, stop, asides, task })
    }

    /// What its process is doing; changes can be awaited.
    pub(super) fn life(&self) -> watch::Receiver<Life> {
        self.life.clone()
    }

    /// Stops the station, does something to its data, and starts it again.
    pub(super) async fn between_lives(
        &self,
        act: impl FnOnce(&Site) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let (told, done) = oneshot::channel();
        // whoever keeps it tells nothing only when the demo ends
        let _ = self.asides.send((Box::new(act), told)).await;
        done.await.unwrap_or_else(|_| Err("the demo ends".to_owned()))
    }

    /// Stops the station and waits until it is gone.
    pub(super) async fn stop(self) {
        // an error is a task that has ended: there is nothing to stop then
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

struct Keep {
    program: PathBuf,
    site: Arc<Site>,
    lives: watch::Sender<Life>,
    show: Show,
}

impl Keep {
    async fn launch(&self) -> Result<Child, Fault> {
        // it would lead readers to an earlier life
        let http = self.site.http_file();
        if http.exists() {
            std::fs::remove_file(&http).map_err(Fault::file("remove", &http))?;
        }
        let path = self.site.log();
        let log = File::options().create(true).append(true).open(&path);
        let log = log.map_err(Fault::file("write", &path))?;
        let mut station = nursery::command(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with(SETTING)) {
                station.env_remove(name);
            }
        }
        station.arg("run").arg("--config").arg(self.site.config());
        station.stdout(Stdio::null()).stderr(log);
        let child = nursery::spawn(station).await.map_err(Fault::file("start", &self.program))?;
        self.lives.send_modify(|life| life.pid = child.id());
        Ok(child)
    }

    async fn keep(
        self,
        mut child: Child,
        mut stop: oneshot::Receiver<()>,
        mut asides: mpsc::Receiver<Aside>,
    ) {
        let mut pause = RESTART_FIRST;
        loop {
            let began = tokio::time::Instant::now();
            let ended = tokio::select! {
                ended = child.wait() => ended.ok(),
                _ = &mut stop => return lay_down(&mut child).await,
                Some((act, told)) = asides.recv() => {
                    lay_down(&mut child).await;
                    let _ = told.send(act(&self.site));
                    child.wait().await.ok()
                }
            };
            self.show.say(self.show.sentences.ended(&self.site.code, ended));
            self.lives.send_replace(Life { pid: None, ended });
            pause = if began.elapsed() > STEADY_AFTER { RESTART_FIRST } else { pause };
            child = loop {
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = &mut stop => return,
                }
                pause = (pause * 2).min(RESTART_CAP);
                match self.launch().await {
                    Ok(child) => break child,
                    Err(fault) => self.show.say(fault.to_string()),
                }
            };
        }
    }
}

/// Asks a station to stop; one that does not is killed, and its bus with it.
async fn lay_down(child: &mut Child) {
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(STOP_WITHIN, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
