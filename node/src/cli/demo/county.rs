//! [`County`]: the seven stations, from their start to their end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::Fault;
use super::ground::{Ground, Site};
use super::probe::Probe;
use super::register::{Entry, Register};
use super::runner::Runner;
use super::show::Show;
use crate::cli::stop::Stop;

/// How long all stations may take to be ready: each starts a nats-server of its own.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often a station that starts is asked: nothing tells when it is ready.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How often ports are drawn: somebody else may be faster.
const DRAWS: usize = 4;
/// How often the processes' numbers are looked at, to keep `demo.json` true.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What a station says whose port somebody else was faster to take.
const PORT_TAKEN: &str = "is taken by another program";

/// The running stations.
#[derive(Debug)]
pub(super) struct County {
    pub(super) topology: Topology,
    pub(super) probe: Probe,
    dir: PathBuf,
    runners: Vec<Runner>,
}

impl County {
    /// Starts all stations and waits until each is ready.
    pub(super) async fn start(
        ground: &Ground,
        server: &Path,
        show: &Show,
        stop: &mut Stop,
    ) -> Result<Self, Fault> {
        let program = std::env::current_exe().map_err(Fault::file("find", Path::new("yizhan")))?;
        let probe = Probe::new()?;
        for draw in 1.. {
            let sites = ground.lay_out(server)?;
            let started = sites.into_iter().map(|site| Runner::start(&program, site, show));
            let county = Self {
                topology: ground.topology.clone(),
                probe: probe.clone(),
                dir: ground.dir.clone(),
                runners: try_join_all(started).await?,
            };
            let ready = tokio::select! {
                ready = county.become_ready() => ready,
                () = stop.told() => Err(Fault::Interrupted),
            };
            match ready {
                Ok(()) => return Ok(county),
                Err(Fault::Ended { tail, .. }) if tail.contains(PORT_TAKEN) && draw < DRAWS => {
                    county.stop().await;
                }
                Err(fault) => {
                    county.stop().await;
                    return Err(fault);
                }
            }
        }
        Err(Fault::Few("ports"))
    }

    async fn become_ready(&self) -> Result<(), Fault> {
        let deadline = Instant::now() + READY_WITHIN;
        try_join_all(self.runners.iter().map(|runner| self.ready(runner, deadline))).await?;
        // one that ended just now makes it be written when it is back
        self.register().map_or(Ok(()), |register| register.write(&self.dir))
    }

    /// Waits until a station is ready for the first time.
    async fn ready(&self, runner: &Runner, deadline: Instant) -> Result<(), Fault> {
        let (site, mut life) = (&runner.site, runner.life());
        let mut missing = String::new();
        while Instant::now() < deadline {
            match self.probe.ready(site).await {
                Ok(()) => return Ok(()),
                Err(why) => missing = why,
            }
            tokio::select! {
                () = sleep(ASK_EVERY) => {}
                _ = life.changed() => {}
            }
            // one that was killed comes back; one that gave up would give up again
            let gave_up = life.borrow().ended.filter(|status| status.code().is_some());
            if let Some(status) = gave_up {
                let (code, log, tail) = (site.code.clone(), site.log(), site.log_tail());
                return Err(Fault::Ended { code, status, log, tail });
            }
        }
        Err(Fault::NotReady {
            code: site.code.clone(),
            within: READY_WITHIN,
            why: missing,
            log: site.log(),
            tail: site.log_tail(),
        })
    }

    /// Where the stations are now; nothing while one is between two lives.
    pub(super) fn register(&self) -> Option<Register> {
        let entry = |runner: &Runner| Entry::of(&runner.site, runner.life().borrow().pid);
        let stations: Option<Vec<Entry>> = self.runners.iter().map(entry).collect();
        stations.map(|stations| Register { stations })
    }

    /// Keeps `demo.json` true: after a restart of a station or a bus it is written again, once
    /// the station is ready. Ends only with an error.
    pub(super) async fn keep_register(&self) -> Fault {
        let mut known: Vec<Entry> = Vec::new();
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let Some(now) = self.register() else { continue };
            let new = |site: &&Arc<Site>| {
                let is_new = |entry: &&Entry| entry.code == site.code && !known.contains(entry);
                now.stations.iter().any(|entry| is_new(&entry))
            };
            let ready = join_all(self.sites().filter(new).map(|site| self.probe.ready(site))).await;
            // a new life may have begun while they were asked
            let still = self.register().as_ref() == Some(&now);
            if ready.is_empty() || !still || ready.iter().any(Result::is_err) {
                continue;
            }
            if let Err(fault) = now.write(&self.dir) {
                return fault;
            }
            known = now.stations;
        }
    }

    /// Each station's part of the ground, by code.
    pub(super) fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.runners.iter().map(|runner| &runner.site)
    }

    /// One of them.
    pub(super) fn site(&self, code: &Code) -> Result<&Arc<Site>, Fault> {
        let missing = || Fault::Defect(format!("there is no station {code}"));
        self.sites().find(|site| site.code == *code).ok_or_else(missing)
    }

    /// The process of a station, if it has one now.
    pub(super) fn pid(&self, code: &Code) -> Option<u32> {
        let runner = self.runners.iter().find(|runner| runner.site.code == *code);
        runner.and_then(|runner| runner.life().borrow().pid)
    }

    /// Does something to a station's data between two of its lives.
    pub(super) async fn between_lives(
        &self,
        code: &Code,
        act: impl FnOnce(&Site) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let runner = self.runners.iter().find(|runner| runner.site.code == *code);
        runner.ok_or(format!("there is no station {code}"))?.between_lives(act).await
    }

    /// Stops all stations, and waits until they are gone.
    pub(super) async fn stop(self) {
        join_all(self.runners.into_iter().map(Runner::stop)).await;
    }
}
