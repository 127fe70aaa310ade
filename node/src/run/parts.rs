//! [`Parts`]: the parts of a station while it is put together: links, inbox, adapters, loop, disk,
//! journal, and what publishers and readers use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use yizhan_core::link::Link;
use yizhan_core::settings::Settings;
use yizhan_core::station::{Station, View};
use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::enquiry::Enquiry;
use super::home::Home;
use super::index::{IndexFeed, Look};
use super::intake::{self, Post};
use super::names::Names;
use super::notes::Notes;
use super::office::Office;
use super::pages::{self, Book};
use super::status::{self, Roll};
use super::store::Store;
use super::{RunError, devices, reclaim, systemd};
use crate::adapter::{Adapters, Sessions};
use crate::audit::Audit;
use crate::audit::witness::Witness;
use crate::bus::{Client, InboxLimits, OwnBus};
use crate::catalogue::InForce;
use crate::config::{self, Config};
use crate::deliver::Deliverer;
use crate::driver::{
    ATTEMPTS_MAX, AttemptOrder, Disk, Driver, InboxOrder, ORDERS_MAX, Observer, Outlets,
    ReclaimOrder,
};
use crate::http::{self, Site, Tokens};
use crate::ingest::cloudevent::BATCH_BYTES_MAX;
use crate::ingest::{Bodies, Door};
use crate::journal::{self, Journal, JournalPlan};
use crate::link::{Downlinks, Uplink};
use crate::mailbox::Mailbox;
use crate::quarantine::{self, Quarantine};
use crate::query::Board;
use crate::roster;
use crate::seal::Seals;
use crate::spool::Messages;
use crate::telemetry::spans::{Ride, Shelf, SpanFeed};
use crate::telemetry::{self, Counts};
use crate::tls::Tls;
use crate::trace::Outages;

/// Events that a slow reader of `GET /v1/stream` may be behind.
pub(super) const EVENTS_MAX: usize = 1024;
/// Legs of the inbox that may be asked for: more than the core asks for at once.
const DELIVERIES_MAX: usize = 4096;

/// The tasks of a station; one that ends ends the station.
pub(super) type Tasks = JoinSet<(&'static str, Result<(), RunError>)>;

/// The parts of a station while it is put together.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) topology: Arc<Topology>,
    pub(super) catalogue: InForce,
    pub(super) roster: roster::InForce,
    pub(super) sessions: Sessions,
    pub(super) seals: Seals,
    pub(super) store: Store,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) mailbox: Mailbox,
    pub(super) audit: Audit,
    /// The open questions to neighbours.
    pub(super) board: Board,
    /// The connection to the parent's bus; none for a root.
    pub(super) parent: Option<Client>,
    pub(super) tasks: Tasks,
    /// Spans on their way out.
    pub(super) shelf: Shelf,
    /// What messages waited for.
    pub(super) outages: Outages,
}

impl Parts {
    pub(super) fn here(&self) -> &Code {
        &self.config.station.code
    }

    /// Starts the tasks of links and inbox, and gives the queues that lead to them.
    pub(super) fn outlets(
        &mut self,
        bus: &Arc<OwnBus>,
        link: &Client,
        app: &Client,
        topology: watch::Sender<Arc<Topology>>,
        reclaim: SyncSender<ReclaimOrder>,
    ) -> Outlets {
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
            seals: self.seals.clone(),
            boot: self.store.fresh.boot,
            mailbox: self.mailbox.clone(),
            audit: self.audit.clone(),
            board: self.board.clone(),
        };
        self.tasks.spawn(async { ("downlink", downlinks.run(children).await.map_err(Into::into)) });
        if let Some(parent) = self.parent.clone() {
            let (queue, orders) = mpsc::channel(ORDERS_MAX);
            links.insert(Link::Up, queue);
            let uplink = Uplink {
                here: self.here().clone(),
                client: parent,
                legs: Arc::clone(&self.store.legs),
                seals: self.seals.clone(),
                boot: self.store.fresh.boot,
                mailbox: self.mailbox.clone(),
                audit: self.audit.clone(),
                board: self.board.clone(),
            };
            self.tasks.spawn(async { ("uplink", uplink.run(orders).await.map_err(Into::into)) });
        }
        let inbox = self.inbox(bus, app);
        let adapters = self.adapters(app);
        Outlets {
            links,
            inbox,
            adapters,
            reclaim,
            topology,
            notices: telemetry::notices(self.audit.clone()),
            spans: Ride::of(self.shelf.clone()),
        }
    }

    fn adapters(&mut self, app: &Client) -> mpsc::Sender<AttemptOrder> {
        let (queue, orders) = mpsc::channel(ATTEMPTS_MAX);
        let adapters = Adapters {
            client: app.clone(),
            legs: Arc::clone(&self.store.legs),
            mailbox: self.mailbox.clone(),
            here: self.here().clone(),
            topology: Arc::clone(&self.topology),
            catalogue: self.catalogue.clone(),
            sessions: self.sessions.clone(),
            audit: self.audit.clone(),
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
            here: self.here().clone(),
            roster: self.roster.clone(),
        };
        self.tasks.spawn(async {
            deliverer.run(orders).await;
            ("inbox", Ok(()))
        });
        queue
    }

    fn settings(&self) -> Settings {
        let spool = &self.config.spool;
        let max_bytes = self.store.log.as_ref().map_or(0, |log| log.max_bytes).max(1);
        let two_hop_bytes = spool.two_hop_max_bytes.of(max_bytes);
        Settings {
            payload_bytes_max: self.config.ingest.max_payload,
            two_hop_percent: (two_hop_bytes / (max_bytes / 100).max(1)).min(100),
            uplink_rate_hint: self.config.link.rate_hint.map(|bits| bits / 8),
            stats_every_ms: u64::try_from(self.config.stats.interval.as_millis())
                .unwrap_or(u64::MAX),
            retain_ms: u64::try_from(spool.retain.as_millis()).unwrap_or(u64::MAX),
            collects: self.config.telemetry.otlp_endpoint.is_some(),
            spans_percent: self.config.telemetry.link_percent(),
            loudspeakers: devices::loudspeakers(&self.catalogue, self.here()) > 0,
            ..Settings::default()
        }
    }

    pub(super) fn driver(
        &mut self,
        home: &Home,
        outlets: Outlets,
    ) -> (Driver, watch::Receiver<View>) {
        let settings = self.settings();
        let kept = self.store.kept.take().unwrap_or_default();
        let topology = Arc::clone(&self.topology);
        let here = self.here().clone();
        let station = Station::recover(here, topology, settings, kept, self.store.fresh)
            .formerly(home.formerly.clone());
        let (driver, views) = Driver::new(station, Arc::clone(&self.store.legs), outlets);
        (driver.with_pulse(systemd::watchdog()), views)
    }

    /// What became of messages; what happens to them from now on goes to `events`, if anybody
    /// reads those.
    pub(super) fn journal(
        &mut self,
        home: &Home,
        events: &broadcast::Sender<http::StreamEvent>,
    ) -> Result<(Journal, journal::Feed), RunError> {
        let gone = || RunError::TaskEnded("store");
        let log = &self.store.log.as_ref().ok_or_else(gone)?.log;
        let (last_commit, volume) = (log.last_commit(), log.reader());
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
            volume,
            index,
            legs: Arc::clone(&self.store.legs),
            heard: {
                let events = events.clone();
                Box::new(move || events.receiver_count() > 0)
            },
        };
        let (journal, feed) = Journal::open(plan).map_err(RunError::Runtime)?;
        let (heard, stream) = (journal.happenings(), events.clone());
        self.tasks.spawn(async {
            pages::stream(heard, stream).await;
            ("stream", Ok(()))
        });
        Ok((journal, feed))
    }

    pub(super) fn disk(
        &mut self,
        home: &Home,
        journal: &Journal,
        (feed, spans): (journal::Feed, SpanFeed),
        counts: Counts,
        (reclaim, orders): (SyncSender<ReclaimOrder>, Receiver<ReclaimOrder>),
    ) -> Result<Disk, RunError> {
        let gone = || RunError::TaskEnded("store");
        let log = self.store.log.take().ok_or_else(gone)?;
        let keys = self.store.keys.take().ok_or_else(gone)?;
        let room = log.log.reader();
        let place = (self.store.keyed, log.log.last_commit());
        let (index, follower) = IndexFeed::start(keys, place, room, self.mailbox.clone())?;
        let followers = vec![follower, journal.synced()];
        let (log, reclaimer) = log.split(reclaim, followers);
        reclaim::start(reclaimer, orders, self.mailbox.clone())?;
        let witness = Witness::new(self.audit.clone());
        let aside = Quarantine::start(&home.dir).map_err(|source| RunError::File {
            doing: "use",
            file: home.dir.join(quarantine::DIR),
            source,
        })?;
        let observers: Vec<Box<dyn Observer>> = vec![
            Box::new(index),
            Box::new(counts),
            Box::new(witness),
            Box::new(feed),
            Box::new(spans),
            Box::new(aside),
        ];
        Disk::start(log, observers).map_err(RunError::Runtime)
    }

    /// Starts what publishers and readers use: NATS submissions, HTTP, status. What it gives
    /// resolves when HTTP has answered its last request.
    pub(super) fn serve(
        &mut self,
        listener: TcpListener,
        metrics: PrometheusHandle,
        site: Desk,
    ) -> Result<oneshot::Receiver<()>, RunError> {
        let bodies = Bodies::new(bytes(self.config.ingest.max_payload));
        let keys = Arc::new(Look(self.store.look.clone()));
        let grades = Arc::new(site.journal.clone());
        let door = Door::new(Arc::new(bodies), self.mailbox.clone(), keys, grades)
            .knowing(self.catalogue.clone());
        let roll = Roll::new(self.here().clone(), Arc::clone(&self.topology), site.view.clone());
        for (name, desk) in [("submit", intake::Desk::Submit), ("ack", intake::Desk::Ack)] {
            let names = Names::of_trees(site.trees.clone());
            let notes = Notes::new(self.audit.clone());
            let rate = self.config.ingest.rate;
            let book = intake::Books { names, notes };
            let requests = intake::nats(site.link.clone(), door.clone(), desk, rate, book);
            self.tasks.spawn(async move { (name, requests.await.map_err(Into::into)) });
        }
        let (heard, link) = (roll.clone(), site.link.clone());
        self.tasks
            .spawn(async { ("status", status::listen(heard, link).await.map_err(Into::into)) });
        if let Some(parent) = self.parent.clone() {
            self.tasks.spawn(status::tell(roll.clone(), parent));
        }
        let office = Office { here: self.here().clone(), topology: Arc::clone(&self.topology) };
        let (journal, view, link) = (site.journal, site.view, site.link);
        let enquiry = site.enquiry;
        let (catalogue, roster) = (self.catalogue.clone(), self.roster.clone());
        let book = Book { roll, journal, view, link, office, enquiry, catalogue, roster };
        let site_served = Site {
            intake: Arc::new(Post { door, audit: self.audit.clone() }),
            audit: self.audit.clone(),
            pages: Arc::new(book),
            metrics,
            stream: site.events,
            tokens: tokens(&self.config)?,
            tls: self.tls.as_ref().map(|tls| tls.acceptor()),
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
pub(super) struct Desk {
    pub(super) journal: Journal,
    pub(super) enquiry: Enquiry,
    pub(super) events: broadcast::Sender<http::StreamEvent>,
    pub(super) view: watch::Receiver<View>,
    pub(super) link: Client,
    /// The topology with the keys that are believed.
    pub(super) trees: watch::Receiver<Arc<Topology>>,
    pub(super) stop: watch::Receiver<bool>,
}

fn bytes(config: u64) -> usize {
    usize::try_from(config).unwrap_or(usize::MAX)
}

fn tokens(config: &Config) -> Result<Tokens, RunError> {
    let token = |token: &config::Token| {
        let role = match token.role {
            config::Role::Reader => http::tokens::Role::Reader,
            config::Role::Publisher => http::tokens::Role::Publisher,
            config::Role::Operator => http::tokens::Role::Operator,
        };
        // who has no name is known by what it may do
        let name = token.name.clone().unwrap_or_else(|| format!("some {role}"));
        http::tokens::Token { name, role, token: token.token.reveal().to_owned() }
    };
    Ok(Tokens::new(config.http.tokens.iter().map(token))?)
}
