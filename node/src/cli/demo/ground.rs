//! [`Ground`]: the directory that the demo stands on, and [`Site`]: one station's part of it.
//!
//! | file | what |
//! |---|---|
//! | `topology.toml`, `keys/<code>.nk` | the tree with buses and public keys; the seeds, 0600 |
//! | `<code>/yizhan.toml`, `<code>/data/`, `<code>/station.log` | one station |
//! | `demo.json` | where the stations are, once they are ready ([`super::register`]) |
//!
//! Promise: what lies there already is used again, so a second demo in the same directory goes on
//! with the data of the first. Only ports are drawn anew.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Deserialize;
use tempfile::TempDir;
use toml_edit::DocumentMut;
use yizhan_schemas::Code;
use yizhan_topology::{Topology, file};

use super::Fault;
use crate::bus::Credential;

/// The county of the demo: seven stations.
pub(super) const TREE: &str = include_str!("../../../../topology/examples/demo.toml");

/// Where the stations are, for scripts.
pub(super) const REGISTER: &str = "demo.json";

/// A directory, ours as long as this lives.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) dir: PathBuf,
    /// `None` where the directory was given.
    temporary: Option<TempDir>,
    pub(super) topology: Topology,
    /// Where the root hands spans, if anywhere.
    otlp: Option<String>,
    keys: BTreeMap<Code, String>,
    _lock: File,
}

/// One station's part.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) code: Code,
    pub(super) name: String,
    pub(super) tier: String,
    /// Where its bus listens, as a URL.
    pub(super) bus: String,
    dir: PathBuf,
}

impl Ground {
    /// Takes a directory, or a temporary one; makes what is missing.
    pub(super) fn take(dir: Option<&Path>) -> Result<Self, Fault> {
        let (dir, temporary) = match dir {
            Some(dir) => (dir.to_owned(), None),
            None => {
                let made = tempfile::Builder::new().prefix("yizhan-demo-").tempdir();
                let made =
                    made.map_err(Fault::file("make a directory in", &std::env::temp_dir()))?;
                (made.path().to_owned(), Some(made))
            }
        };
        fs::create_dir_all(&dir).map_err(Fault::file("make the directory", &dir))?;
        let dir = dir.canonicalize().map_err(Fault::file("find", &dir))?;
        let lock = lock(&dir)?;
        // whoever waits for it must not be led to the stations of an earlier demo
        let register = dir.join(REGISTER);
        if register.exists() {
            fs::remove_file(&register).map_err(Fault::file("remove", &register))?;
        }
        let topology = read_tree(TREE)?;
        let keys = keys(&dir.join("keys"), &topology)?;
        Ok(Self { dir, temporary, topology, otlp: None, keys, _lock: lock })
    }

    /// Has the root hand the county's spans to a collector.
    pub(super) fn traced_at(self, otlp: Option<String>) -> Self {
        Self { otlp, ..self }
    }

    /// Draws ports and writes topology and configurations.
    pub(super) fn lay_out(&self, server: &Path) -> Result<Vec<Site>, Fault> {
        let codes: Vec<&Code> = self.topology.stations().map(|station| &station.code).collect();
        let ports = free_ports(codes.len())?;
        let ports: BTreeMap<&Code, u16> = codes.into_iter().zip(ports).collect();
        let tree = self.with_buses(&ports)?;
        write(&self.dir.join("topology.toml"), &tree)?;
        let topology = read_tree(&tree)?;
        let mut sites = Vec::new();
        for station in topology.stations() {
            let site = Site {
                code: station.code.clone(),
                name: station.name.clone(),
                tier: topology.tier_of(&station.code).unwrap_or_default().to_owned(),
                bus: station.bus.clone().unwrap_or_default(),
                dir: self.dir.join(station.code.as_str()),
            };
            let data = site.data();
            fs::create_dir_all(&data).map_err(Fault::file("make the directory", &data))?;
            let port = ports.get(&station.code).copied().unwrap_or_default();
            let mut settings = config(&site.code, port, server);
            if let Some(url) = self.otlp.as_ref().filter(|_| site.code == *topology.root()) {
                settings += &format!(
                    "\n[telemetry]\notlp_endpoint = {}\n",
                    toml_edit::Value::from(url.as_str())
                );
            }
            write(&site.config(), &settings)?;
            sites.push(site);
        }
        Ok(sites)
    }

    fn with_buses(&self, ports: &BTreeMap<&Code, u16>) -> Result<String, Fault> {
        let mut tree: DocumentMut =
            TREE.parse().map_err(|bad: toml_edit::TomlError| Fault::Defect(bad.to_string()))?;
        let stations = tree.get_mut("station").and_then(|item| item.as_array_of_tables_mut());
        for table in stations.into_iter().flat_map(|tables| tables.iter_mut()) {
            let code = table.get("code").and_then(|item| item.as_str()).map(str::to_owned);
            let port = ports.iter().find(|(known, _)| Some(known.as_str()) == code.as_deref());
            if let Some((_, port)) = port {
                table.insert("bus", toml_edit::value(format!("nats://127.0.0.1:{port}")));
            }
        }
        let keys = self.keys.iter().map(|(code, key)| (code.clone().into(), key.clone()));
        file::with_keys("topology.toml", &tree.to_string(), &keys.collect())
            .map_err(|problems| Fault::Defect(problems.to_string()))
    }

    /// Leaves the directory where it is, and says where.
    pub(super) fn keep(self) -> PathBuf {
        if let Some(temporary) = self.temporary {
            let _ = temporary.keep();
        }
        self.dir
    }

    /// Removes the directory, if it is a temporary one.
    pub(super) fn clear(self) -> Result<(), Fault> {
        let dir = self.dir;
        self.temporary.map_or(Ok(()), TempDir::close).map_err(Fault::file("remove", &dir))
    }
}

impl Site {
    /// Its configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("yizhan.toml")
    }

    /// Its data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Its log.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("station.log")
    }

    /// Where it writes the URL of its HTTP interface.
    pub(super) fn http_file(&self) -> PathBuf {
        self.data().join("http.url")
    }

    /// Its HTTP interface, if it has told.
    pub(super) fn http(&self) -> Option<String> {
        let text = fs::read_to_string(self.http_file()).ok()?;
        // a line that has no end is still being written
        text.strip_suffix('\n').map(|url| url.trim_end_matches('/').to_owned())
    }

    /// The process of its nats-server, if it has noted one.
    pub(super) fn bus_pid(&self) -> Option<u32> {
        #[derive(Deserialize)]
        struct Note {
            pid: u32,
        }
        let note = fs::read(self.data().join("bus").join("server.json")).ok()?;
        serde_json::from_slice(&note).ok().map(|Note { pid }| pid)
    }

    /// The last lines of its log, for an error.
    pub(super) fn log_tail(&self) -> String {
        const LINES: usize = 12;
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.iter().skip(lines.len().saturating_sub(LINES));
        tail.map(|line| format!("\n    {line}")).collect()
    }
}

/// A station's configuration. Paths count from its own directory.
fn config(code: &Code, port: u16, server: &Path) -> String {
    let server = toml_edit::Value::from(server.to_string_lossy().as_ref());
    format!(
        "# Written by `yizhan demo`.\n\
         [station]\ncode = \"{code}\"\ntopology = \"../topology.toml\"\nkey = \"../keys/{code}.nk\"\n\n\
         [data]\ndir = \"data\"\n\n\
         [bus]\nlisten = \"127.0.0.1:{port}\"\nserver_path = {server}\n\
         # whoever connects from this machine is an application; never do this in the field\n\
         demo_open = true\n\n\
         [http]\nlisten = \"127.0.0.1:0\"\n\n\
         [log]\nformat = \"human\"\n"
    )
}

fn read_tree(text: &str) -> Result<Topology, Fault> {
    let read = Topology::read("topology.toml", text);
    read.map_err(|problems| Fault::Defect(problems.to_string()))
}

/// Ports that nobody listens on, as the system chooses them: all are held until all are known.
/// Somebody may take one before its station does; then others are drawn.
fn free_ports(count: usize) -> Result<Vec<u16>, Fault> {
    let free = || -> std::io::Result<Vec<u16>> {
        let held: std::io::Result<Vec<_>> =
            (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
        held?.iter().map(|socket| Ok(socket.local_addr()?.port())).collect()
    };
    free().map_err(Fault::file("find a free port on", Path::new("127.0.0.1")))
}

/// The stations' public keys; seeds are made where there are none.
fn keys(dir: &Path, topology: &Topology) -> Result<BTreeMap<Code, String>, Fault> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(Fault::file("make the directory", dir))?;
    let public = |code: &Code| {
        let key = Credential::at(&dir.join(format!("{code}.nk")))?;
        let none = || Fault::Defect(format!("the key of {code} is no seed"));
        Ok((code.clone(), key.public().ok_or_else(none)?.to_owned()))
    };
    topology.stations().map(|station| public(&station.code)).collect()
}

fn lock(dir: &Path) -> Result<File, Fault> {
    let path = dir.join("demo.lock");
    let lock = File::create(&path).map_err(Fault::file("write", &path))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(_) => Err(Fault::Busy { dir: dir.to_owned() }),
    }
}

/// Writes a file wholly or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Fault> {
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(Fault::file("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{Config, Layers};

    fn configs(sites: &[Site]) -> Vec<Config> {
        let read = |site: &Site| Layers::read(Some(&site.config()), [], &[]).config().unwrap();
        sites.iter().map(read).collect()
    }

    #[test]
    fn seven_stations_have_what_each_needs_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let ground = Ground::take(Some(dir.path())).unwrap();
        let sites = ground.lay_out(Path::new("/usr/bin/nats-server")).unwrap();
        assert_eq!(sites.len(), 7);
        let tree = fs::read_to_string(dir.path().join("topology.toml")).unwrap();
        let topology = Topology::read("topology.toml", &tree).unwrap();
        for (site, config) in sites.iter().zip(configs(&sites)) {
            assert_eq!(config.station.code, site.code);
            assert!(config.bus.demo_open);
            assert_eq!(format!("nats://{}", config.bus.listen), site.bus);
            assert_eq!(config.http_url_file().canonicalize().ok(), None);
            assert_eq!(config.data.dir.canonicalize().unwrap(), site.data());
            let station = topology.station(&site.code).unwrap();
            assert_eq!(station.bus.as_deref(), Some(site.bus.as_str()));
            let seed = dir.path().join("keys").join(format!("{}.nk", site.code));
            let key = Credential::load(&seed).unwrap();
            assert_eq!(station.keys.first().map(String::as_str), key.public());
            assert_eq!(fs::metadata(seed).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_second_demo_in_a_directory_waits_for_the_first_and_then_keeps_its_keys() {
        let dir = tempfile::tempdir().unwrap();
        let first = Ground::take(Some(dir.path())).unwrap();
        let refused = Ground::take(Some(dir.path())).unwrap_err().to_string();
        assert!(refused.contains("another demo uses"), "{refused}");
        let keys = first.keys.clone();
        drop(first);
        assert_eq!(Ground::take(Some(dir.path())).unwrap().keys, keys);
    }

    #[test]
    fn a_temporary_directory_goes_unless_it_is_kept() {
        let ground = Ground::take(None).unwrap();
        let dir = ground.dir.clone();
        ground.clear().unwrap();
        assert!(!dir.exists());
        let kept = Ground::take(None).unwrap().keep();
        assert!(kept.exists());
        fs::remove_dir_all(kept).unwrap();
    }
}
