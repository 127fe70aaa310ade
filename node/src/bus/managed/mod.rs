//! [`Managed`]: a nats-server of our own, from the first start to a clean stop.
//!
//! Promise: it listens where it listened before, comes back when it dies, and never outlives this
//! process. Everything of it is in one directory:
//!
//! | file | what |
//! |---|---|
//! | `nats.conf` | the configuration, rendered at each start (0600) |
//! | `keys/` | the station's own seeds (0600) |
//! | `port` | the port, if the system chose it |
//! | `jetstream/` | the server's store |
//! | `nats-server.log`, `start.err` | its log; what it said before it had one |
//! | `server.json` | its pid and start time while it runs |
//! | `lock` | held while a process uses the directory |

mod closed;
mod keeper;
mod life;
mod port;
mod tail;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use yizhan_schemas::Code;

use super::client::{Client, Dial};
use super::render::{Application, Child, ServerConfig};
use super::server::{Search, Version};
use super::stream_files::StreamFiles;
use super::{BusError, Credential, Listen, StationKeys};
use crate::tls::TlsFiles;
use closed::Closed;
use keeper::Keeper;
use life::Life;
pub use tail::Tail;

/// What a station's own server is made from.
#[derive(Debug, Clone)]
pub struct ManagedPlan {
    /// The station.
    pub station: Code,
    /// The directory of the bus, `<data>/bus`; made if it is missing.
    pub directory: PathBuf,
    /// `bus.listen`.
    pub listen: Listen,
    /// `bus.server_path`.
    pub server_path: Option<PathBuf>,
    /// Child stations with their keys.
    pub children: Vec<Child>,
    /// Applications with keys.
    pub applications: Vec<Application>,
    /// Connections without credentials are an application: for a demo, on loopback only.
    pub open: bool,
    /// `inbox.max_bytes`.
    pub inbox_bytes_max: u64,
    /// `bus.max_connections`.
    pub connections_max: u32,
    /// When a silent server is given up.
    pub patience: Patience,
    /// TLS for every client; needed on any address but loopback.
    pub tls: Option<TlsFiles>,
}

/// How long a server may be silent.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until it answers for the first time: it reads its store first.
    pub recovery: Duration,
    /// After that.
    pub silence: Duration,
    /// How often it is asked.
    pub pulse: Duration,
    /// How long it may take to stop when told to.
    pub stop: Duration,
}

/// A running server. Dropping it stops it in the background; [`Managed::stop`] waits for that.
#[derive(Debug)]
pub struct Managed {
    url: String,
    version: Version,
    keys: StationKeys,
    files: StreamFiles,
    pid: watch::Receiver<Option<u32>>,
    restart: Arc<Notify>,
    reload: Arc<Notify>,
    /// As it was written last, and where.
    config: Mutex<ServerConfig>,
    config_file: PathBuf,
    /// Its log from the moment before it started, until somebody follows it.
    tail: Mutex<Option<Tail>>,
    stop: oneshot::Sender<()>,
    keeper: JoinHandle<()>,
}

/// The files of a bus's directory.
#[derive(Debug, Clone)]
struct Place {
    directory: PathBuf,
    config: PathBuf,
    log: PathBuf,
    start_errors: PathBuf,
    note: PathBuf,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            recovery: Duration::from_secs(600),
            silence: Duration::from_secs(60),
            pulse: Duration::from_secs(5),
            stop: Duration::from_secs(10),
        }
    }
}

impl Managed {
    /// Starts the server and waits until it answers.
    pub async fn start(plan: ManagedPlan) -> Result<Self, BusError> {
        let binary = Search::from_environment(plan.server_path.clone()).find().await?;
        let place = Place::make(&plan.directory)?;
        let lock = place.lock()?;
        let files = StreamFiles::below(&place.directory);
        place.bury_the_dead(&files).await?;
        let keys = StationKeys::own(&place.directory.join("keys"))?;
        let listen = port::settle(&plan.listen, &place.directory.join("port"))?;
        let watch = Credential::at(&place.directory.join("keys").join("watch.nk"))?;
        let config = plan.config(&place, &keys, &watch, listen.clone());
        super::keys::write_private(&place.config, config.render()?.as_bytes())?;
        let config_file = place.config.clone();
        let (url, log) = (listen.local_url(), place.log.clone());
        let pulse = Dial::own(&url, &keys.link, &plan.station, "pulse");
        let pulse = Client::dial(pulse.with_tls(plan.tls.as_ref())).await?;
        let (pid_sender, pid) = watch::channel(None);
        let (restart, reload) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let keeper = Keeper {
            binary: binary.path,
            place,
            patience: plan.patience,
            url: url.clone(),
            pulse,
            pid: pid_sender,
            files: files.clone(),
            restart: restart.clone(),
            reload: reload.clone(),
            _lock: lock,
        };
        let watch = Dial::own(&url, &watch, &plan.station, "watch");
        let closed = Closed::over(Client::dial(watch.with_tls(plan.tls.as_ref())).await?);
        let tail = Mutex::new(Some(Tail::from_here(log, Some(closed))));
        let child = keeper.first().await?;
        let (stop, stopped) = oneshot::channel();
        let keeper = tokio::spawn(keeper.keep(child, stopped));
        let (version, config) = (binary.version, Mutex::new(config));
        Ok(Self {
            url,
            version,
            keys,
            files,
            pid,
            restart,
            reload,
            config,
            config_file,
            tail,
            stop,
            keeper,
        })
    }

    /// Where clients on this machine connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The server's process; none between a death and the restart.
    pub fn pid(&self) -> watch::Receiver<Option<u32>> {
        self.pid.clone()
    }

    /// The station's two identities on it.
    pub fn keys(&self) -> &StationKeys {
        &self.keys
    }

    /// The files of `YZ_INBOX`.
    pub fn stream_files(&self) -> StreamFiles {
        self.files.clone()
    }

    /// Has the server stopped and started again; [`Managed::pid`] tells when. For when JetStream
    /// hangs: after one failed write (a full disk) 2.15.1 answers no publish of that stream any
    /// more, though there is room again and it still describes the stream.
    pub fn restart(&self) {
        self.restart.notify_one();
    }

    /// Has the server read its certificates again; connections that stand go on with the old ones.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Lets these children and applications in from now on, and no others: who came in with a key
    /// that is not among theirs is cut off.
    ///
    /// # Errors
    /// The configuration cannot be made or written; the old one stays in force.
    pub fn admit(
        &self,
        children: Vec<Child>,
        applications: Vec<Application>,
    ) -> Result<(), BusError> {
        // nothing can panic while it is held
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = ServerConfig { children, applications, ..config.clone() };
        super::keys::write_private(&self.config_file, changed.render()?.as_bytes())?;
        *config = changed;
        self.reload();
        Ok(())
    }

    /// The server's log since it started, for the first who asks.
    pub fn log(&self) -> Option<Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What clients need to come in.
    pub fn tls(&self) -> Option<TlsFiles> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).tls.clone()
    }

    /// Stops the server, syncs its store, and returns when it is gone.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.keeper.await;
    }
}

impl ManagedPlan {
    fn config(
        &self,
        place: &Place,
        keys: &StationKeys,
        watch: &Credential,
        listen: Listen,
    ) -> ServerConfig {
        let public = |key: &Credential| key.public().unwrap_or_default().to_owned();
        ServerConfig {
            station: self.station.clone(),
            listen,
            store_dir: place.directory.clone(),
            log_file: place.log.clone(),
            link_key: public(&keys.link),
            app_key: public(&keys.app),
            watch_key: Some(public(watch)),
            children: self.children.clone(),
            applications: self.applications.clone(),
            open_password: self.open.then(|| format!("{:032x}", rand::random::<u128>())),
            inbox_bytes_max: self.inbox_bytes_max,
            connections_max: self.connections_max,
            tls: self.tls.clone(),
        }
    }
}

impl Place {
    /// Makes the directory; absolute, since the server's working directory is not ours to choose.
    fn make(directory: &Path) -> Result<Self, BusError> {
        fs::create_dir_all(directory).map_err(BusError::file("make the directory", directory))?;
        let found = directory.canonicalize();
        let directory = found.map_err(BusError::file("find the directory", directory))?;
        Ok(Self {
            config: directory.join("nats.conf"),
            log: directory.join("nats-server.log"),
            start_errors: directory.join("start.err"),
            note: directory.join("server.json"),
            directory,
        })
    }

    fn lock(&self) -> Result<File, BusError> {
        let lock = self.directory.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(BusError::file("open", &lock))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(BusError::DirectoryInUse { directory: self.directory.clone(), lock })
            }
            Err(error) => Err(BusError::file("lock", &lock)(error.into())),
        }
    }

    /// Ends a server whose node died, and after a power cut makes the next one count for itself.
    async fn bury_the_dead(&self, files: &StreamFiles) -> Result<(), BusError> {
        let Some(life) = Life::noted(&self.note)? else { return Ok(()) };
        if life.was_cut_off() {
            tracing::warn!(
                event = "bus_store_reread",
                "the machine went down under the bus: its store is read anew"
            );
            return files.forget_index();
        }
        if life.end().await {
            tracing::warn!(
                event = "bus_orphan_ended",
                "ended the nats-server of an earlier life of this station"
            );
        }
        Ok(())
    }
}
