//! [`Bystander`]: a village that goes on reporting, and what the county has of it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::{self, stream::Stream};
use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ground::{DESK, GRID, Ground};
use crate::real::inbox::read_all;
use crate::real::publisher::{Event, accepted, publish};
use crate::real::rendered::Applicant;
use crate::real::until::{SOON, until};

/// Reports follow each other after this long.
const PACE: Duration = Duration::from_millis(40);

/// Its publisher's connection, and the county's inbox.
pub struct Bystander {
    grid: Client,
    inbox: Stream,
    reports: usize,
    /// Every id that was accepted.
    accepted: Vec<String>,
}

/// Reports that are being published.
pub struct Reporting {
    stop: watch::Sender<bool>,
    task: JoinHandle<Vec<String>>,
}

async fn connect(ground: &Ground, (code, name, _): Applicant) -> Client {
    until(SOON, format!("{name} connects"), || async {
        ground.county.application(code, name).connect(&ground.station(code).bus).await.ok()
    })
    .await
}

impl Bystander {
    /// Connects both ends.
    pub async fn of(ground: &Ground) -> Self {
        let (grid, desk) = tokio::join!(connect(ground, GRID), connect(ground, DESK));
        let desk = jetstream::new(desk);
        let inbox =
            until(SOON, "the county's inbox", || async { desk.get_stream("YZ_INBOX").await.ok() });
        Self { grid, inbox: inbox.await, reports: 0, accepted: Vec::new() }
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
        for message in read_all(&self.inbox).await? {
            *counts.entry(message.id().to_owned()).or_default() += 1;
        }
        Some(counts)
    }

    /// What the county's inbox has with this id.
    pub async fn at_county(inbox: &Stream, id: &str) -> Option<usize> {
        let all = read_all(inbox).await?;
        Some(all.iter().filter(|message| message.id() == id).count())
    }
}

async fn report(grid: &Client, n: usize) -> String {
    accepted(&publish(grid, &Event::report(n).keyed(&format!("bystander-{n}"))).await)
}
