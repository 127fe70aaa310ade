//! Putting a station together, and taking it apart again.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use yizhan_core::station::View;

use super::names::Names;
use super::open::{self, Opened};
use super::parts::{Desk, EVENTS_MAX, Parts, Tasks};
use super::{RunError, believed, certificates, devices, lists, reclaim, refusals, systemd};
use crate::adapter::Sessions;
use crate::audit::Deed;
use crate::bus::{Announcement, Client};
use crate::config::{Config, Effective};
use crate::driver::DiskFailed;
use crate::mailbox;
use crate::query::Board;
use crate::spool::LegReader;
use crate::telemetry::spans::Shelf;
use crate::telemetry::{self, Counts};
use crate::trace::Outages;

/// The longest that answers under way are waited for at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Runs a station until `stop`.
pub(super) async fn station(
    config: Config,
    effective: Effective,
    metrics: PrometheusHandle,
    stop: watch::Receiver<bool>,
) -> Result<(), RunError> {
    let opened = Opened::open(&config, &effective).await?;
    let Opened { topology, believed, parent, home, log, audit, lists, hangups, .. } = opened;
    let Opened { tls, listener, store, seals, .. } = opened;
    let files = tls.as_ref().map(|tls| tls.files().clone());
    let mut early = stop.clone();
    let bus = tokio::select! {
        bus = open::bus(&config, &home, &believed, files.clone()) => Arc::new(bus?),
        // a server that never answers must not keep the station from ending
        _ = early.wait_for(|stop| *stop) => return Ok(()),
    };
    let here = config.station.code.clone();
    let link = bus.link(&here).await?;
    let app = bus.app(&here).await?;
    let (mailbox, letters) = mailbox::open();
    let parent = match parent {
        Some(parent) => Some(parent.dial(files.as_ref()).await?),
        None => None,
    };
    let counts = Counts::on_from(store.kept.as_ref());
    let (noted, tasks) = (audit.clone(), JoinSet::new());
    let (shelf, (board, questions)) = (Shelf::default(), Board::open());
    let (catalogue, roster) = (lists.devices.in_force(), lists.people.in_force());
    let sessions = Sessions::default();
    let (kept, to_core) = (sessions.clone(), mailbox.clone());
    let outages = Outages::open(&home.dir);
    let mut parts = Parts {
        config,
        topology,
        catalogue,
        roster,
        sessions,
        seals,
        store,
        tls,
        mailbox,
        audit,
        board,
        parent,
        tasks,
        shelf,
        outages,
    };
    let (tls, audit) = (parts.tls.clone(), noted.clone());
    let [renew, again, anew] = hangups;
    parts.tasks.spawn(certificates::follow(renew, tls, Arc::downgrade(&bus), audit));
    parts.tasks.spawn(devices::tell(lists.devices.in_force(), here.clone(), to_core));
    parts.tasks.spawn(lists::follow(lists.devices, again, noted.clone()));
    parts.tasks.spawn(lists::follow(lists.people, anew, noted.clone()));
    let (trees, changes) = watch::channel(believed);
    let register = Arc::clone(&parts.seals.register);
    parts.tasks.spawn(believed::follow(changes, register, Arc::downgrade(&bus), here.clone()));
    let names = Names::of_trees(trees.subscribe());
    parts.tasks.spawn(refusals::follow(bus.log(), names, noted.clone()));
    let known = trees.subscribe();
    let (reclaim, orders) = reclaim::queue();
    let spans = parts.spans()?;
    let outlets = parts.outlets(&bus, &link, &app, trees, reclaim.clone());
    let (driver, view) = parts.driver(&home, outlets);
    parts.tasks.spawn(devices::close(kept, app.clone(), view.clone()));
    let (events, _) = broadcast::channel(EVENTS_MAX);
    let volume = parts.store.log.as_ref().map(|log| log.log.reader());
    let (journal, feed) = parts.journal(&home, &events)?;
    let disk = parts.disk(&home, &journal, (feed, spans), counts, (reclaim, orders))?;
    let enquiry = parts.enquiry(&journal, &view, &link, questions);
    let (view_shown, client, until) = (view.clone(), link.clone(), stop.clone());
    let desk = Desk {
        journal,
        enquiry,
        events,
        view: view_shown,
        link: client,
        trees: known,
        stop: until,
    };
    parts.tasks.spawn(telemetry::upkeep(metrics.clone()));
    let served = parts.serve(listener, metrics, desk)?;
    parts.tasks.spawn(systemd::tell(link.clone(), view.clone()));
    parts.tasks.spawn(gauges(view, volume));
    let announcement = announce(&app, stop.clone());
    let running = driver.run(letters, disk, stop);
    let outcome = first_end(running, &mut parts.tasks).await;
    systemd::stopping();
    if outcome.is_ok() {
        // who was told `accepted`, or that we are stopping, shall hear it
        let _ = tokio::time::timeout(LAST_ANSWERS, served).await;
        let _ = link.settled(LAST_ANSWERS).await;
    }
    announcement.abort();
    parts.tasks.shutdown().await;
    if let Some(bus) = Arc::into_inner(bus) {
        bus.stop().await;
    }
    let how = outcome.as_ref().map_or_else(ToString::to_string, |()| "told to stop".to_owned());
    noted.note(Deed::done("stopped", here.as_str()).detail(&how));
    drop(log);
    drop(home);
    outcome
}

/// How the loop ends, or a task that never should.
async fn first_end(
    running: impl Future<Output = Result<(), DiskFailed>>,
    tasks: &mut Tasks,
) -> Result<(), RunError> {
    tokio::select! {
        outcome = running => outcome.map_err(RunError::from),
        Some(ended) = tasks.join_next() => Err(match ended {
            Ok((_, Err(fault))) => fault,
            Ok((name, Ok(()))) => RunError::TaskEnded(name),
            Err(_) => RunError::TaskEnded("panicked"),
        }),
    }
}

/// `nats micro ls` shows the station as soon as its bus answers.
fn announce(app: &Client, mut stop: watch::Receiver<bool>) -> tokio::task::JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        while app.ready(std::time::Duration::from_secs(5)).await.is_err() {}
        match Announcement::make(&app, "yizhan", env!("CARGO_PKG_VERSION")).await {
            Ok(_announced) => drop(stop.wait_for(|stop| *stop).await),
            Err(fault) => {
                tracing::warn!(
                    event = "bus_unannounced",
                    %fault,
                    "not announced among the bus's services"
                )
            }
        }
    })
}

/// Sets the gauges of each new view.
async fn gauges(
    mut view: watch::Receiver<View>,
    volume: Option<LegReader>,
) -> (&'static str, Result<(), RunError>) {
    while view.changed().await.is_ok() {
        telemetry::gauges(&view.borrow_and_update());
        if let Some(Ok(free_bytes)) = volume.as_ref().map(LegReader::volume_free_bytes) {
            telemetry::volume(free_bytes);
        }
    }
    // the loop has ended, which says why
    std::future::pending().await
}
