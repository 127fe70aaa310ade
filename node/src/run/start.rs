//! Putting a station together, and taking it apart again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use yizhan_core::fill::LegSource;
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::settings::Settings;
use yizhan_core::station::{Fresh, Station, View};
use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::home::Home;
use super::index::{IndexFeed, Look};
use super::intake::{self, Post};
use super::pages::{self, Book};
use super::status::{self, Roll};
use super::{RunError, fresh};
use crate::bus::{
    Announcement, Child, Client, Credential, Dial, InboxLimits, Listen, ManagedPlan, OwnBus,
    Patience, StationKeys,
};
use crate::config::{self, BusMode, Config, StationKey};
use crate::deliver::Deliverer;
use crate::driver::{Disk, Driver, ORDERS_MAX, Observer, Outlets};
use crate::http::{self, Site, Tokens};
use crate::ingest::{Bodies, Door};
use crate::journal::Journal;
use crate::link::{Downlinks, Uplink};
use crate::mailbox::{self, Mailbox};
use crate::spool::{self, Keys, Log};
use crate::telemetry::{self, Counts};

/// Events that a slow reader of `GET /v1/stream` may be behind.
const EVENTS_MAX: usize = 4096;
/// Legs of the inbox that may be asked for: more than the core asks for at once.
const DELIVERIES_MAX: usize = 4096;

type Tasks = JoinSet<(&'static str, Result<(), RunError>)>;

/// Runs a station until `stop`.
pub(super) async fn station(
    config: Config,
    metrics: PrometheusHandle,
    stop: watch::Receiver<bool>,
) -> Result<(), RunError> {
    let topology = Arc::new(super::topology(&config.station.topology)?);
    check_place(&config, &topology)?;
    let home = Home::take(&config.data.dir, &config.station.code, &config.station.formerly)?;
    let listener = listen(&config).await?;
    let store = Store::open(&config, &home)?;
    let bus = Arc::new(open_bus(&config, &home, &topology).await?);
    let here = config.station.code.clone();
    let link = bus.link(&here).await?;
    let app = bus.app(&here).await?;
    let (mailbox, letters) = mailbox::open();
    let mut parts = Parts { config, topology, store, mailbox, tasks: JoinSet::new() };
    let outlets = parts.outlets(&bus, &link, &app).await?;
    let (driver, view) = parts.driver(&home, outlets);
    let journal = parts.journal();
    let disk = parts.disk(&journal)?;
    parts.serve(listener, metrics, &journal, view.clone(), &link, stop.clone())?;
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
    announcement.abort();
    parts.tasks.shutdown().await;
    if let Some(bus) = Arc::into_inner(bus) {
        bus.stop().await;
    }
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
    let url = format!("http://{}\n", listener.local_addr().map_err(wrong)?);
    std::fs::write(&file, url)
        .map_err(|source| RunError::File { doing: "write", file: file.clone(), source })?;
    Ok(listener)
}

async fn open_bus(config: &Config, home: &Home, topology: &Topology) -> Result<OwnBus, RunError> {
    if config.bus.mode == BusMode::External {
        let keys = match &config.bus.credentials {
            Some(path) => StationKeys::external(path)?,
            None => StationKeys::own(&home.dir.join("bus").join("keys"))?,
        };
        return Ok(OwnBus::external(&config.bus.url.join(","), keys));
    }
    let child = |code: &Code| {
        let station = topology.station(code)?;
        Some(Child { code: code.clone(), keys: station.keys.clone() })
    };
    let listen = config.bus.listen;
    let plan = ManagedPlan {
        station: config.station.code.clone(),
        directory: home.dir.join("bus"),
        listen: Listen { host: listen.ip().to_string(), port: listen.port() },
        server_path: config.bus.server_path.clone(),
        children: topology.children(&config.station.code).iter().filter_map(child).collect(),
        applications: Vec::new(),
        open: config.bus.demo_open,
        inbox_bytes_max: config.inbox.max_bytes,
        patience: Patience::default(),
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
            Err(fault) => tracing::warn!(%fault, "not announced among the bus's services"),
        }
    })
}

/// What is on the disk, recovered.
struct Store {
    log: Option<Log>,
    keys: Option<Keys>,
    legs: Arc<dyn LegSource>,
    kept: Option<Kept>,
    /// Ordinal of the last key that the index was given.
    keyed: u64,
    fresh: Fresh,
    max_bytes: u64,
}

impl Store {
    fn open(config: &Config, home: &Home) -> Result<Self, RunError> {
        let mut kept = Kept::default();
        let mut unread = None;
        let options = spool::Options { segment_bytes: config.spool.segment_bytes };
        let opened = Log::open(&home.dir, options, &mut |record| {
            if let Err(fault) = kept.apply(&record) {
                unread.get_or_insert(fault);
            }
        })?;
        if let Some(fault) = unread {
            return Err(fault.into());
        }
        report(&opened.report);
        let keys = open_keys(config, home, &kept)?;
        let reader = opened.log.reader();
        let held_bytes = opened.log.held_bytes();
        let free_bytes = reader.volume_free_bytes()?;
        Ok(Self {
            legs: Arc::new(reader),
            log: Some(opened.log),
            keyed: kept.keys.taken(),
            keys: Some(keys),
            kept: Some(kept),
            fresh: fresh::draw().map_err(RunError::Runtime)?,
            max_bytes: config.spool.max_bytes.of(free_bytes.saturating_add(held_bytes)),
        })
    }
}

fn report(report: &spool::Report) {
    tracing::info!(
        event = "recovered",
        records = report.records,
        commits = report.last_commit,
        "the custody log is open"
    );
    if let Some(torn) = &report.torn {
        tracing::warn!(event = "torn_tail", ?torn, "an unfinished commit was cut off");
    }
    for damage in &report.damage {
        tracing::error!(event = "damage", ?damage, "part of the custody log cannot be read");
    }
}

/// Opens the index and brings it up to the log, so that no key is in neither place.
fn open_keys(config: &Config, home: &Home, kept: &Kept) -> Result<Keys, RunError> {
    let limits = spool::Limits {
        window_ms: u64::try_from(config.ingest.dedup_window.as_millis()).unwrap_or(u64::MAX),
        keys_max: config.ingest.dedup_max_keys,
    };
    let (mut keys, report) = Keys::open(&home.dir, limits)?;
    if let Some((dir, why)) = &report.set_aside {
        let dir = dir.display();
        tracing::error!(event = "index_set_aside", %dir, why, "the index is rebuilt from the log");
    }
    if report.through < kept.keys.indexed_through() {
        rebuild(&mut keys, &home.dir, report.through)?;
    }
    let newer: Vec<_> = kept.keys.newer_than(keys.applied()).map(key_use).collect();
    keys.apply(&newer)?;
    keys.sync()?;
    Ok(keys)
}

fn key_use(recent: yizhan_core::keys::Recent<'_>) -> spool::KeyUse {
    spool::KeyUse {
        ordinal: recent.ordinal,
        key: recent.key,
        message: recent.message.clone(),
        wall_ms: crate::clock::now().wall_ms,
    }
}

/// Reads every key of the log that the index does not have.
fn rebuild(keys: &mut Keys, data: &Path, through: u64) -> Result<(), RunError> {
    let mut ordinal = 0;
    let mut batch = Vec::new();
    let mut fault = None;
    spool::scan(data, &mut |record| {
        let yizhan_core::record::Record::Put(put) = record else { return };
        let Some(key) = put.key.clone() else { return };
        ordinal += 1;
        if ordinal > through {
            let message = put.envelope.header().id();
            batch.push(spool::KeyUse { ordinal, key, message, wall_ms: put.taken_wall_ms });
        }
        if batch.len() >= 4096
            && let Err(failed) = keys.apply(&std::mem::take(&mut batch))
        {
            fault.get_or_insert(failed);
        }
    })?;
    keys.apply(&batch)?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// The parts of a station while it is put together.
struct Parts {
    config: Config,
    topology: Arc<Topology>,
    store: Store,
    mailbox: Mailbox,
    tasks: Tasks,
}

impl Parts {
    fn here(&self) -> &Code {
        &self.config.station.code
    }

    /// Starts the tasks of links and inbox, and gives the queues that lead to them.
    async fn outlets(
        &mut self,
        bus: &Arc<OwnBus>,
        link: &Client,
        app: &Client,
    ) -> Result<Outlets, RunError> {
        let mut links = BTreeMap::new();
        let mut children = BTreeMap::new();
        for child in self.topology.children(self.here()) {
            let (queue, orders) = mpsc::channel(ORDERS_MAX);
            links.insert(Link::Down(child.clone()), queue);
            children.insert(child.clone(), orders);
        }
        let downlinks = Downlinks {
            client: link.clone(),
            legs: Arc::clone(&self.store.legs),
            boot: self.store.fresh.boot,
            mailbox: self.mailbox.clone(),
        };
        self.tasks.spawn(async { ("downlink", downlinks.run(children).await.map_err(Into::into)) });
        if let Some(parent) = self.parent_client().await? {
            let (queue, orders) = mpsc::channel(ORDERS_MAX);
            links.insert(Link::Up, queue);
            let uplink = Uplink {
                here: self.here().clone(),
                client: parent,
                legs: Arc::clone(&self.store.legs),
                boot: self.store.fresh.boot,
                mailbox: self.mailbox.clone(),
            };
            self.tasks.spawn(async { ("uplink", uplink.run(orders).await.map_err(Into::into)) });
        }
        let inbox = self.inbox(bus, app);
        Ok(Outlets { links, inbox, notices: telemetry::notices() })
    }

    /// The connection to the parent's bus; none for a root.
    async fn parent_client(&self) -> Result<Option<Client>, RunError> {
        let here = self.here();
        let Some(parent) = self.topology.parent(here) else { return Ok(None) };
        let url = self.topology.station(parent).and_then(|station| station.bus.clone());
        let url = url.ok_or_else(|| RunError::ParentUnreachable {
            code: here.clone(),
            parent: parent.clone(),
            file: self.config.station.topology.clone(),
        })?;
        let credential = match &self.config.station.key {
            Some(StationKey::File(path)) => Credential::load(path)?,
            Some(StationKey::Seed(seed)) => Credential::of_seed(seed.reveal())?,
            None => return Err(RunError::KeyMissing { code: here.clone() }),
        };
        Ok(Some(Client::dial(Dial::parent(&url, &credential, here)).await?))
    }

    fn inbox(&mut self, bus: &Arc<OwnBus>, app: &Client) -> mpsc::Sender<yizhan_core::effect::Deliver> {
        let (queue, orders) = mpsc::channel(DELIVERIES_MAX);
        let deliverer = Deliverer {
            bus: Arc::clone(bus),
            client: app.clone(),
            limits: InboxLimits {
                max_bytes: self.config.inbox.max_bytes,
                max_age: self.config.inbox.max_age,
            },
            legs: Arc::clone(&self.store.legs),
            boot: self.store.fresh.boot,
            mailbox: self.mailbox.clone(),
        };
        self.tasks.spawn(async {
            deliverer.run(orders).await;
            ("inbox", Ok(()))
        });
        queue
    }

    fn driver(&mut self, home: &Home, outlets: Outlets) -> (Driver, watch::Receiver<View>) {
        let settings = Settings {
            payload_bytes_max: self.config.ingest.max_payload,
            ..Settings::default()
        };
        let kept = self.store.kept.take().unwrap_or_default();
        let topology = Arc::clone(&self.topology);
        let here = self.here().clone();
        let station = Station::recover(here, topology, settings, kept, self.store.fresh)
            .formerly(home.formerly.clone());
        Driver::new(station, Arc::clone(&self.store.legs), outlets)
    }

    fn journal(&mut self) -> (Journal, broadcast::Sender<http::StreamEvent>) {
        let (happenings, heard) = broadcast::channel(EVENTS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let parent = self.topology.parent(self.here()).cloned();
        let journal = Journal::new(self.here().clone(), parent, happenings);
        let stream = events.clone();
        self.tasks.spawn(async {
            pages::stream(heard, stream).await;
            ("stream", Ok(()))
        });
        (journal, events)
    }

    fn disk(
        &mut self,
        (journal, _): &(Journal, broadcast::Sender<http::StreamEvent>),
    ) -> Result<Disk, RunError> {
        let gone = || RunError::TaskEnded("store");
        let log = self.store.log.take().ok_or_else(gone)?;
        let keys = self.store.keys.take().ok_or_else(gone)?;
        let feed = IndexFeed::start(keys, self.store.keyed, self.mailbox.clone())?;
        let observers: Vec<Box<dyn Observer>> =
            vec![Box::new(feed), Box::new(Counts::default()), Box::new(journal.clone())];
        Disk::start(log, self.store.max_bytes, observers).map_err(RunError::Runtime)
    }
}
