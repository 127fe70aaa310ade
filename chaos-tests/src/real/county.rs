//! [`County`]: a tree of stations with one topology, each with a directory, a bus and a process
//! of its own.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use tempfile::TempDir;

use super::place::Place;
use super::programs;
use super::station::Station;

/// Other ports are drawn this often, if a program took one before its station did.
pub(super) const DRAWS_MAX: u32 = 5;

/// What a county shall be like.
#[derive(Clone, Default)]
pub struct Plan {
    stations: Vec<String>,
    tags: BTreeMap<String, String>,
    /// Rows of the catalogues of devices.
    catalogues: BTreeMap<String, String>,
    /// Rosters of posts and workers, as TOML.
    rosters: BTreeMap<String, String>,
    /// Ports that children dial instead of a station's own.
    dialled_at: BTreeMap<String, u16>,
    /// Settings by environment: station, name, value.
    env: Vec<(String, &'static str, String)>,
}

/// Stations on one machine. Dropping it kills them and removes their directories.
pub struct County {
    /// By code.
    pub stations: BTreeMap<String, Station>,
    /// Removed with it.
    _dir: TempDir,
}

impl Plan {
    /// A county of these stations, parents first.
    pub fn of(codes: &[&str]) -> Self {
        Self { stations: codes.iter().map(|code| (*code).to_owned()).collect(), ..Self::default() }
    }

    /// Gives a station a tag.
    pub fn tagged(mut self, code: &str, tag: &str) -> Self {
        self.tags.insert(code.to_owned(), tag.to_owned());
        self
    }

    /// Gives a station a catalogue with these rows: id, name, kind, network, jurisdiction, hangs_under.
    pub fn listing(mut self, code: &str, rows: &str) -> Self {
        self.catalogues.insert(code.to_owned(), rows.to_owned());
        self
    }

    /// Gives a station a roster.
    pub fn with_roster(mut self, code: &str, roster: &str) -> Self {
        self.rosters.insert(code.to_owned(), roster.to_owned());
        self
    }

    /// Makes children dial this port: something listens there that passes on to the station's bus.
    pub fn dialled_at(mut self, code: &str, port: u16) -> Self {
        self.dialled_at.insert(code.to_owned(), port);
        self
    }

    /// Sets a variable in a station's environment.
    pub fn with_env(mut self, code: &str, name: &'static str, value: &str) -> Self {
        self.env.push((code.to_owned(), name, value.to_owned()));
        self
    }

    /// All directories, no process yet.
    pub fn laid_out(&self) -> County {
        let dir = tempfile::Builder::new().prefix("yizhan-real-").tempdir().expect("a directory");
        let ports = free_ports(self.stations.len());
        fs::write(dir.path().join("topology.toml"), self.topology(&ports)).expect("a file");
        make_keys(dir.path());
        let mut stations = BTreeMap::new();
        for (code, port) in self.stations.iter().zip(ports) {
            let home = dir.path().join(code);
            fs::create_dir(&home).expect("a directory");
            let mut settings = Self::settings(code, port);
            if let Some(rows) = self.catalogues.get(code) {
                settings += "[catalogue]\npath = \"catalogue.csv\"\n";
                let text = format!("id,name,kind,network,jurisdiction,hangs_under\n{rows}");
                fs::write(home.join("catalogue.csv"), text).expect("a file");
            }
            if let Some(roster) = self.rosters.get(code) {
                settings += "[roster]\npath = \"roster.toml\"\n";
                fs::write(home.join("roster.toml"), roster).expect("a file");
            }
            fs::write(home.join("yizhan.toml"), settings).expect("a file");
            let place = Place::new(code, &home, format!("nats://127.0.0.1:{port}"));
            let mut station = Station::new(place);
            for (_, name, value) in self.env.iter().filter(|(of, ..)| of == code) {
                station.set_env(name, value);
            }
            stations.insert(code.clone(), station);
        }
        County { stations, _dir: dir }
    }

    /// All stations, ready.
    pub async fn start(&self) -> County {
        for _ in 0..DRAWS_MAX {
            let mut county = self.laid_out();
            if all_up(county.stations.values_mut(), &["is taken by another program"]).await {
                return county;
            }
        }
        panic!("ports were taken {DRAWS_MAX} times in a row");
    }

    fn topology(&self, ports: &[u16]) -> String {
        let mut text = String::from(
            "[county]\nname = \"三台县\"\ntiers = [\"county\", \"township\", \"village\"]\n",
        );
        for (code, port) in self.stations.iter().zip(ports) {
            text += &format!("\n[[station]]\ncode = \"{code}\"\nname = \"站 {code}\"\n");
            let port = self.dialled_at.get(code).unwrap_or(port);
            text += &format!("bus = \"nats://127.0.0.1:{port}\"\n");
            if let Some(tag) = self.tags.get(code) {
                text += &format!("tags = [\"{tag}\"]\n");
            }
        }
        text
    }

    fn settings(code: &str, port: u16) -> String {
        format!(
            "[station]\ncode = \"{code}\"\ntopology = \"../topology.toml\"\nkey = \"../keys/{code}.nk\"\n\
             [data]\ndir = \"data\"\n[bus]\nlisten = \"127.0.0.1:{port}\"\ndemo_open = true\n\
             [http]\nlisten = \"127.0.0.1:0\"\n"
        )
    }
}

impl County {
    /// One of them.
    pub fn station(&self, code: &str) -> &Station {
        self.stations.get(code).unwrap_or_else(|| panic!("no station {code} in this test"))
    }

    /// The same, to start and stop it.
    pub fn station_mut(&mut self, code: &str) -> &mut Station {
        self.stations.get_mut(code).unwrap_or_else(|| panic!("no station {code} in this test"))
    }
}

impl Drop for County {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for station in self.stations.values() {
                eprintln!("--- the last of {}:\n{}", station.code, station.log_tail());
            }
        }
    }
}

/// Starts all of them and waits until they are ready; `false` if a program took a port before its
/// station did, which one of these words in a log says.
///
/// # Panics
/// A station ended for another reason.
pub(super) async fn all_up<'s>(
    stations: impl Iterator<Item = &'s mut Station>,
    taken: &[&str],
) -> bool {
    let mut stations: Vec<_> = stations.collect();
    stations.iter_mut().for_each(|station| station.start());
    let mut all = true;
    for station in stations {
        all &= match station.up().await {
            Ok(()) => true,
            Err(_) if taken.iter().any(|words| station.log_text().contains(words)) => false,
            Err(status) => panic!("{} ended: {status}\n{}", station.code, station.log_tail()),
        };
    }
    all
}

/// Ports that nobody listens on: all are held until all are known.
pub fn free_ports(count: usize) -> Vec<u16> {
    let hold = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let held: Vec<_> = (0..count).map(hold).collect();
    held.iter().map(|socket| socket.local_addr().expect("bound").port()).collect()
}

fn make_keys(dir: &std::path::Path) {
    let mut command = Command::new(programs::yizhan());
    command.args(["topology", "keys", "topology.toml", "--out", "keys"]).current_dir(dir);
    let made = command.output().expect("the binary starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
