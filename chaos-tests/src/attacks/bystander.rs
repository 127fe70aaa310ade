//! [`Bystander`]: a village that goes on reporting, and what the county has of it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::Client;
use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ground::{GRID, Ground};
use crate::real::publisher::{Event, accepted, publish};
use crate::real::until::{SOON, until};

/// Reports follow each other after this long.
const PACE: Duration = Duration::from_millis(40);

/// Its publisher, and what was accepted of it.
pub struct Bystander<'g> {
    ground: &'g Ground,
    grid: Client,
    reports: usize,
    /// Every id that was accepted.
    accepted: Vec<String>,
}

/// Reports that are being published.
pub struct Reporting {
    stop: watch::Sender<bool>,
    task: JoinHandle<Vec<String>>,
}

impl<'g> Bystander<'g> {
    /// Its publisher connects.
    pub async fn of(ground: &'g Ground) -> Self {
        let (code, name, _) = GRID;
        let grid = until(SOON, format!("{name} connects"), || async {
            let who = ground.county.application(code, name);
            who.connect(&ground.station(code).bus).await.ok()
        });
        Self { ground, grid: grid.await, reports: 0, accepted: Vec::new() }
    }

    /// One report is accepted before this returns; others follow until [`Bystander::stop`].
    pub async fn start(&mut self) -> Reporting {
        self.one().await;
        let (stop, told) = watch::channel(false);
        let (grid, first) = (self.grid.clone(), self.reports);
        self.reports += 1_000_000;
        let task = tokio::spawn(async move {
            let mut ids = Vec::new();
            for n in first.. {
                ids.push(report(&grid, n).await);
                tokio::time::sleep(PACE).await;
                if *told.borrow() {
                    break;
                }
            }
            ids
        });
        Reporting { stop, task }
    }

    async fn one(&mut self) {
        let id = report(&self.grid, self.reports).await;
        self.reports += 1;
        self.accepted.push(id);
    }

    /// Ends it with one more, and looks whether all that was ever accepted is at the county, once.
    ///
    /// # Errors
    /// What is not there, or there twice.
    pub async fn stop(&mut self, reporting: Reporting) -> Result<(), String> {
        let _ = reporting.stop.send(true);
        let ids = timeout(SOON, reporting.task).await;
        let ids = ids.map_err(|_| "reports were not accepted any more".to_owned())?;
        self.accepted.extend(ids.map_err(|why| why.to_string())?);
        let last = std::panic::AssertUnwindSafe(self.one()).catch_unwind();
        last.await.map_err(|_| "the report after it was not accepted".to_owned())?;
        let arrived = timeout(SOON, async {
            while self.missing().await != Some(0) {
                tokio::time::sleep(PACE).await;
            }
        });
        if arrived.await.is_err() {
            return Err(format!("{:?} reports did not arrive", self.missing().await));
        }
        let twice = self.counts().await.into_iter().flatten().filter(|(_, count)| *count > 1);
        match twice.map(|(id, _)| id).next() {
            None => Ok(()),
            Some(id) => Err(format!("{id} arrived twice")),
        }
    }

    async fn missing(&self) -> Option<usize> {
        let counts = self.counts().await?;
        Some(self.accepted.iter().filter(|id| !counts.contains_key(*id)).count())
    }

    async fn counts(&self) -> Option<BTreeMap<String, u32>> {
        let mut counts = BTreeMap::new();
        for message in self.ground.county_inbox().await? {
            *counts.entry(message.id().to_owned()).or_default() += 1;
        }
        Some(counts)
    }
}

async fn report(grid: &Client, n: usize) -> String {
    accepted(&publish(grid, &Event::report(n).keyed(&format!("bystander-{n}"))).await)
}
