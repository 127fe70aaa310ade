//! Putting a station together, and taking it apart again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use yizhan_core::link::Link;
use yizhan_core::settings::Settings;
use yizhan_core::station::{Station, View};
use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::RunError;
use super::home::Home;
use super::index::{IndexFeed, Look};
use super::intake::{self, Post};
use super::pages::{self, Book};
use super::parent::Parent;
use super::status::{self, Roll};
use super::store::Store;
use crate::adapter::Adapters;
use crate::bus::{
    Announcement, Child, Client, InboxLimits, Listen, ManagedPlan, OwnBus, Patience, StationKeys,
};
use crate::config::{self, BusMode, Config};
use crate::deliver::Deliverer;
use crate::driver::{
    ATTEMPTS_MAX, AttemptOrder, Disk, Driver, InboxOrder, ORDERS_MAX, Observer, Outlets,
};
use crate::http::{self, Site, Tokens};
use crate::ingest::cloudevent::BATCH_BYTES_MAX;
use crate::ingest::{Bodies, Door};
use crate::journal::{self, Journal, JournalPlan};
use crate::link::{Downlinks, Uplink};
use crate::mailbox::{self, Mailbox};
use crate::spool::Messages;
use crate::telemetry::{self, Counts};

/// Events that a slow reader of `GET /v1/stream` may be behind.
const EVENTS_MAX: usize = 4096;
/// Legs of the inbox that may be asked for: more than the core asks for at once.
const DELIVERIES_MAX: usize = 4096;

/// The longest that answers under way are waited for at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

type Tasks = JoinSet<(&'static str, Result<(), RunError>)>;

/// Runs a station until `stop`.
pub(super) async fn station(
    config: Config,
    metrics: PrometheusHandle,
    stop: watch::Receiver<bool>,
) -> Result<(), RunError> {
    let topology = Arc::new(super::topology(&config.station.topology)?);
    check_place(&config, &topology)?;
    let parent = Parent::of(&config, &topology)?;
    let home = Home::take(&config.data.dir, &config.station.code, &config.station.formerly)?;
    let listener = listen(&config).await?;
    let store = Store::open(&config, &home)?;
    let mut early = stop.clone();
    let bus = tokio::select! {
        bus = open_bus(&config, &home, &topology) => Arc::new(bus?),
        // a server that never answers must not keep the station from ending
        _ = early.wait_for(|stop| *stop) => return Ok(()),
    };
    let here = config.station.code.clone();
    let link = bus.link(&here).await?;
    let app = bus.app(&here).await?;
    let (mailbox, letters) = mailbox::open();
    let parent = match parent {
        Some(parent) => Some(parent.dial().await?),
        None => None,
    };
    let counts = Counts::on_from(store.kept.as_ref());
    let mut parts = Parts { config, topology, store, mailbox, parent, tasks: JoinSet::new() };
    let outlets = parts.outlets(&bus, &link, &app);
    let (driver, view) = parts.driver(&home, outlets);
    let (journal, feed) = parts.journal(&home)?;
    let events = parts.events(&journal);
    let disk = parts.disk(feed, counts)?;
    let desk = Desk { journal, events, view: view.clone(), link: link.clone(), stop: stop.clone() };
    let served = parts.serve(listener, metrics, desk)?;
    parts.tasks.spawn(gauges(view));
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
    std::fs::write(&file, url).map_err(|source| RunError::File {
        doing: "write",
        file: file.clone(),
        source,
    })?;
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

/// Sets the gauges of each new view.
async fn gauges(mut view: watch::Receiver<View>) -> (&'static str, Result<(), RunError>) {
    while view.changed().await.is_ok() {
        telemetry::gauges(&view.borrow_and_update());
    }
    // the loop has ended, which says why
    std::future::pending().await
}

/// The parts of a station while it is put together.
struct Parts {
    config: Config,
    topology: Arc<Topology>,
    store: Store,
    mailbox: Mailbox,
    /// The connection to the parent's bus; none for a root.
    parent: Option<Client>,
    tasks: Tasks,
}

impl Parts {
    fn here(&self) -> &Code {
        &self.config.station.code
    }

    /// Starts the tasks of links and inbox, and gives the queues that lead to them.
    fn outlets(&mut self, bus: &Arc<OwnBus>, link: &Client, app: &Client) -> Outlets {
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
        if let Some(parent) = self.parent.clone() {
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
        let adapters = self.adapters(app);
        Outlets { links, inbox, adapters, notices: telemetry::notices() }
    }

    fn adapters(&mut self, app: &Client) -> mpsc::Sender<AttemptOrder> {
        let (queue, orders) = mpsc::channel(ATTEMPTS_MAX);
        let adapters = Adapters {
            client: app.clone(),
            legs: Arc::clone(&self.store.legs),
            mailbox: self.mailbox.clone(),
        };
        self.tasks.spawn(async {
            adapters.run(orders).await;
            ("adapters", Ok(()))
        });
        queue
    }

    fn inbox(&mut self, bus: &Arc<OwnBus>, app: &Client) -> mpsc::Sender<InboxOrder> {
        let (queue, orders) = mpsc::channel(DELIVERIES_MAX);
        let deliverer = Deliverer {
            bus: Arc::clone(bus),
            client: app.clone(),
            limits: InboxLimits {
                bytes_max: self.config.inbox.max_bytes,
                age_max: self.config.inbox.max_age,
            },
            legs: Arc::clone(&self.store.legs),
            mailbox: self.mailbox.clone(),
        };
        self.tasks.spawn(async {
            deliverer.run(orders).await;
            ("inbox", Ok(()))
        });
        queue
    }

    fn driver(&mut self, home: &Home, outlets: Outlets) -> (Driver, watch::Receiver<View>) {
        let settings =
            Settings { payload_bytes_max: self.config.ingest.max_payload, ..Settings::default() };
        let kept = self.store.kept.take().unwrap_or_default();
        let topology = Arc::clone(&self.topology);
        let here = self.here().clone();
        let station = Station::recover(here, topology, settings, kept, self.store.fresh)
            .formerly(home.formerly.clone());
        Driver::new(station, Arc::clone(&self.store.legs), outlets)
    }

    fn journal(&mut self, home: &Home) -> Result<(Journal, journal::Feed), RunError> {
        let last_commit = self.store.last_commit;
        let (index, report) = Messages::open(&home.dir, last_commit)?;
        if let Some((dir, why)) = &report.set_aside {
            let dir = dir.display();
            tracing::error!(
                event = "index_set_aside", %dir, why,
                "what became of messages is rebuilt from the log; what the log no longer has is gone"
            );
        }
        let plan = JournalPlan {
            here: self.here().clone(),
            parent: self.topology.parent(self.here()).cloned(),
            data: home.dir.clone(),
            last_commit,
            index,
            legs: Arc::clone(&self.store.legs),
        };
        Journal::open(plan).map_err(RunError::Runtime)
    }

    /// What readers of `GET /v1/stream` hear.
    fn events(&mut self, journal: &Journal) -> broadcast::Sender<http::StreamEvent> {
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let (heard, stream) = (journal.happenings(), events.clone());
        self.tasks.spawn(async {
            pages::stream(heard, stream).await;
            ("stream", Ok(()))
        });
        events
    }

    fn disk(&mut self, feed: journal::Feed, counts: Counts) -> Result<Disk, RunError> {
        let gone = || RunError::TaskEnded("store");
        let log = self.store.log.take().ok_or_else(gone)?;
        let keys = self.store.keys.take().ok_or_else(gone)?;
        let index = IndexFeed::start(keys, self.store.keyed, self.mailbox.clone())?;
        let observers: Vec<Box<dyn Observer>> =
            vec![Box::new(index), Box::new(counts), Box::new(feed)];
        Disk::start(log, self.store.max_bytes, observers).map_err(RunError::Runtime)
    }

    /// Starts what publishers and readers use: NATS submissions, HTTP, status. What it gives
    /// resolves when HTTP has answered its last request.
    fn serve(
        &mut self,
        listener: TcpListener,
        metrics: PrometheusHandle,
        site: Desk,
    ) -> Result<oneshot::Receiver<()>, RunError> {
        let bodies = Bodies::compile(bytes(self.config.ingest.max_payload))?;
        let keys = Arc::new(Look(self.store.look.clone()));
        let grades = Arc::new(site.journal.clone());
        let door = Door::new(Arc::new(bodies), self.mailbox.clone(), keys, grades);
        let roll = Roll::new(self.here().clone(), Arc::clone(&self.topology), site.view.clone());
        for (name, desk) in [("submit", intake::Desk::Submit), ("ack", intake::Desk::Ack)] {
            let requests = intake::nats(site.link.clone(), door.clone(), desk);
            self.tasks.spawn(async move { (name, requests.await.map_err(Into::into)) });
        }
        let (heard, link) = (roll.clone(), site.link.clone());
        self.tasks
            .spawn(async { ("status", status::listen(heard, link).await.map_err(Into::into)) });
        if let Some(parent) = self.parent.clone() {
            self.tasks.spawn(status::tell(roll.clone(), parent));
        }
        let book = Book { roll, journal: site.journal, view: site.view, link: site.link };
        let site_served = Site {
            intake: Arc::new(Post(door)),
            pages: Arc::new(book),
            metrics,
            stream: site.events,
            tokens: tokens(&self.config)?,
            body_bytes_max: BATCH_BYTES_MAX.max(bytes(self.config.ingest.max_payload) * 2),
        };
        let mut stop = site.stop;
        let (done, served) = oneshot::channel();
        self.tasks.spawn(async move {
            let told = async move { drop(stop.wait_for(|stop| *stop).await) };
            if let Err(fault) = http::serve(listener, site_served, told).await {
                return ("http", Err(fault.into()));
            }
            let _ = done.send(());
            // the loop ends the station
            std::future::pending().await
        });
        Ok(served)
    }
}

/// What the serving side is given.
struct Desk {
    journal: Journal,
    events: broadcast::Sender<http::StreamEvent>,
    view: watch::Receiver<View>,
    link: Client,
    stop: watch::Receiver<bool>,
}

fn bytes(config: u64) -> usize {
    usize::try_from(config).unwrap_or(usize::MAX)
}

fn tokens(config: &Config) -> Result<Tokens, RunError> {
    let token = |token: &config::Token| http::tokens::Token {
        name: token.name.clone().unwrap_or_default(),
        role: match token.role {
            config::Role::Reader => http::tokens::Role::Reader,
            config::Role::Publisher => http::tokens::Role::Publisher,
            config::Role::Operator => http::tokens::Role::Operator,
        },
        token: token.token.reveal().to_owned(),
    };
    Ok(Tokens::new(config.http.tokens.iter().map(token))?)
}
