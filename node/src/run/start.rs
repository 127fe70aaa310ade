//! Putting a station together, and taking it apart again.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use yizhan_core::station::View;
use yizhan_topology::Topology;

use super::home::Home;
use super::names::Names;
use super::parent::Parent;
use super::parts::{Desk, EVENTS_MAX, Parts};
use super::store::Store;
use super::{
    RunError, audit, believed, certificates, devices, lists, reclaim, refusals, seals, systemd,
};
use crate::adapter::Sessions;
use crate::audit::Deed;
use crate::bus::{
    Announcement, Application, Child, Client, Listen, ManagedPlan, OwnBus, Patience, StationKeys,
};
use crate::catalogue::Catalogue;
use crate::config::{BusMode, Config, Effective};
use crate::mailbox;
use crate::query::Board;
use crate::roster::Roster;
use crate::spool::LegReader;
use crate::telemetry::spans::Shelf;
use crate::telemetry::{self, Counts};
use crate::tls::{Tls, TlsFiles};
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
    let topology = Arc::new(super::topology(&config.station.topology)?);
    check_place(&config, &topology)?;
    let key = seals::own_key(&config)?;
    let parent = Parent::of(&config, &topology, key.as_ref())?;
    let home = Home::take(&config.data.dir, &config.station.code, &config.station.formerly)?;
    let (log, audit) = audit::open(&config, &effective, &home, key.as_ref())?;
    let devices = lists::shelf::<Catalogue>(&config.catalogue.path, config.catalogue.max_devices)?;
    let people = lists::shelf::<Roster>(&config.roster.path, config.roster.max_entries)?;
    let hangups = certificates::hangups()?;
    let calls = [certificates::hangups()?, certificates::hangups()?];
    let open = |files: TlsFiles| Tls::open(&files, &home.dir.join("tls")).map(Arc::new);
    let tls = config.tls.files().map(open).transpose()?;
    let files = tls.as_ref().map(|tls| tls.files().clone());
    let listener = listen(&config).await?;
    let store = Store::open(&config, &home)?;
    let believed = store.believed(&topology);
    let seals = seals::of(&config, key.as_ref(), &believed)?;
    let mut early = stop.clone();
    let bus = tokio::select! {
        bus = open_bus(&config, &home, &believed, files.clone()) => Arc::new(bus?),
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
    let (catalogue, sessions) = (devices.in_force(), Sessions::default());
    let roster = people.in_force();
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
    let renewals = certificates::follow(hangups, tls, Arc::downgrade(&bus), audit);
    parts.tasks.spawn(renewals);
    parts.tasks.spawn(devices::tell(devices.in_force(), here.clone(), to_core));
    let [again, anew] = calls;
    parts.tasks.spawn(lists::follow(devices, again, noted.clone()));
    parts.tasks.spawn(lists::follow(people, anew, noted.clone()));
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
    let served = parts.serve(listener, metrics, desk)?;
    parts.tasks.spawn(systemd::tell(link.clone(), view.clone()));
    parts.tasks.spawn(gauges(view, volume));
    let announcement = announce(&app, stop.clone());
    let running = driver.run(letters, disk, stop);
    let outcome = tokio::select! {
        outcome = running => outcome.map_err(RunError::from),
        Some(ended) = parts.tasks.join_next() => Err(match ended {
            Ok((_, Err(fault))) => fault,
            Ok((name, Ok(()))) => RunError::TaskEnded(name),
            Err(_) => RunError::TaskEnded("panicked"),
        }),
    };
    systemd::stopping();
    if outcome.is_ok() {
        // who was told `accepted`, or that we are stopping, shall hear it
        let _ = tokio::time::timeout(LAST_ANSWERS, served).await;
        let _ = tokio::time::timeout(LAST_ANSWERS, link.flush()).await;
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

fn check_place(config: &Config, topology: &Topology) -> Result<(), RunError> {
    let (code, file) = (&config.station.code, &config.station.topology);
    if topology.station(code).is_some() {
        return Ok(());
    }
    Err(RunError::UnknownStation {
        code: code.clone(),
        file: file.clone(),
        root: topology.root().clone(),
    })
}

/// The HTTP listener; its URL is written where commands on this machine look for it.
async fn listen(config: &Config) -> Result<TcpListener, RunError> {
    let wanted = config.http.listen;
    let wrong = |source| RunError::Listen { listen: wanted, source };
    let listener = TcpListener::bind(wanted).await.map_err(wrong)?;
    let file = config.http_url_file();
    let scheme = if config.tls.files().is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}\n", listener.local_addr().map_err(wrong)?);
    std::fs::write(&file, url).map_err(|source| RunError::File {
        doing: "write",
        file: file.clone(),
        source,
    })?;
    Ok(listener)
}

async fn open_bus(
    config: &Config,
    home: &Home,
    topology: &Topology,
    tls: Option<TlsFiles>,
) -> Result<OwnBus, RunError> {
    if config.bus.mode == BusMode::External {
        let keys = match &config.bus.credentials {
            Some(path) => StationKeys::external(path)?,
            None => StationKeys::own(&home.dir.join("bus").join("keys"))?,
        };
        return Ok(OwnBus::external(&config.bus.url.join(","), keys, tls));
    }
    let here = &config.station.code;
    let listen = config.bus.listen;
    let plan = ManagedPlan {
        station: here.clone(),
        directory: home.dir.join("bus"),
        listen: Listen { host: listen.ip().to_string(), port: listen.port() },
        server_path: config.bus.server_path.clone(),
        children: Child::all_of(topology, here),
        applications: Application::all_of(topology, here),
        open: config.bus.demo_open,
        inbox_bytes_max: config.inbox.max_bytes,
        connections_max: config.bus.max_connections,
        patience: Patience::default(),
        tls,
    };
    Ok(OwnBus::managed(plan).await?)
}

/// `nats micro ls` shows the station as soon as its bus answers.
fn announce(app: &Client, mut stop: watch::Receiver<bool>) -> tokio::task::JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        while app.ready(std::time::Duration::from_secs(5)).await.is_err() {}
        match Announcement::make(&app, "yizhan", env!("CARGO_PKG_VERSION")).await {
            Ok(_announced) => drop(stop.wait_for(|stop| *stop).await),
            Err(fault) => {
                tracing::warn!(event = "bus_unannounced", %fault, "not announced among the bus's services")
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
