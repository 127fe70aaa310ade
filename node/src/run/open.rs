//! [`Opened`]: what a station has before it has a bus: all that can be wrong with its settings, its
//! files and its disk is said here, before anybody can hear from it.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use yizhan_topology::Topology;

use super::home::Home;
use super::parent::Parent;
use super::store::Store;
use super::{RunError, audit, certificates, lists, seals};
use crate::audit::{Audit, AuditLog};
use crate::bus::{Application, Child, Listen, ManagedPlan, OwnBus, Patience, StationKeys};
use crate::catalogue::Catalogue;
use crate::config::{BusMode, Config, Effective};
use crate::roster::Roster;
use crate::seal::Seals;
use crate::shelf::Shelf;
use crate::tls::{Tls, TlsFiles};

/// See the module.
pub(super) struct Opened {
    /// The topology file.
    pub(super) topology: Arc<Topology>,
    /// The same with what the root said since.
    pub(super) believed: Arc<Topology>,
    pub(super) parent: Option<Parent>,
    pub(super) home: Home,
    pub(super) log: AuditLog,
    pub(super) audit: Audit,
    pub(super) lists: Lists,
    /// SIGHUP: for certificates, devices and people.
    pub(super) hangups: [Signal; 3],
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) listener: TcpListener,
    pub(super) store: Store,
    pub(super) seals: Seals,
}

/// Lists of a station that are read again at SIGHUP.
pub(super) struct Lists {
    pub(super) devices: Arc<Shelf<Catalogue>>,
    pub(super) people: Arc<Shelf<Roster>>,
}

impl Opened {
    /// Opens all of it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(super) async fn open(config: &Config, effective: &Effective) -> Result<Self, RunError> {
        let hangup = certificates::hangups;
        let hangups = [hangup()?, hangup()?, hangup()?];
        let topology = Arc::new(super::topology(&config.station.topology)?);
        check_place(config, &topology)?;
        let key = seals::own_key(config)?;
        let parent = Parent::of(config, &topology, key.as_ref())?;
        let home = Home::take(&config.data.dir, &config.station.code, &config.station.formerly)?;
        let (log, audit) = audit::open(config, effective, &home, key.as_ref())?;
        let (catalogue, roster) = (&config.catalogue, &config.roster);
        let lists = Lists {
            devices: lists::shelf(&catalogue.path, catalogue.max_devices)?,
            people: lists::shelf(&roster.path, roster.max_entries)?,
        };
        let open = |files: TlsFiles| Tls::open(&files, &home.dir.join("tls")).map(Arc::new);
        let tls = config.tls.files().map(open).transpose()?;
        let listener = listen(config).await?;
        let store = Store::open(config, &home)?;
        let believed = store.believed(&topology);
        let seals = seals::of(config, key.as_ref(), &believed)?;
        Ok(Self {
            topology,
            believed,
            parent,
            home,
            log,
            audit,
            lists,
            hangups,
            tls,
            listener,
            store,
            seals,
        })
    }
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

/// The bus: a server of this station's own, or one that others run.
pub(super) async fn bus(
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
