//! [`Rendered`]: a county made as an operator makes it: one topology file, `yizhan topology keys`,
//! `yizhan topology render`, and every station started from nothing but a copy of its directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use async_nats::ConnectOptions;
use tempfile::TempDir;

use super::county::{DRAWS_MAX, all_up, free_ports};
use super::place::Place;
use super::programs;
use super::station::Station;
use super::until::SOON;

/// The file of a county in which there is no station yet.
const NOBODY_YET: &str =
    "[county]\nname = \"三台县\"\ntiers = [\"county\", \"township\", \"village\"]\n";

/// An application to be written down: station, name, rights as in the file.
pub type Applicant = (&'static str, &'static str, &'static str);

/// Stations under TLS on one machine. Dropping it kills them and removes their directories.
pub struct Rendered {
    /// By code.
    pub stations: BTreeMap<String, Station>,
    /// The operator's desk: `topology.toml`, `keys`, `kits`.
    desk: PathBuf,
    _dir: TempDir,
}

impl Rendered {
    /// All directories, no process yet.
    pub fn laid_out(codes: &[&str], applications: &[Applicant]) -> Self {
        Self::laid_out_in(NOBODY_YET, codes, applications)
    }

    /// The same in a county whose file is there already: these stations of it run on this machine.
    fn laid_out_in(tree: &str, codes: &[&str], applications: &[Applicant]) -> Self {
        let dir = tempfile::Builder::new().prefix("yizhan-kits-").tempdir().expect("a directory");
        let desk = dir.path().join("desk");
        fs::create_dir(&desk).expect("a directory");
        let ports = free_ports(codes.len() * 2);
        let places: Vec<(&str, u16, u16)> = codes
            .iter()
            .zip(ports.chunks_exact(2))
            .map(|(code, ports)| match ports {
                [bus, http] => (*code, *bus, *http),
                _ => unreachable!("chunks of two"),
            })
            .collect();
        let text = topology(tree, &places, applications);
        fs::write(desk.join("topology.toml"), text).expect("a file");
        run(&desk, &["topology", "keys", "topology.toml", "--out", "keys"]);
        let mut county = Self { stations: BTreeMap::new(), desk, _dir: dir };
        county.render();
        for (code, bus, _) in places {
            county.copy(code);
            let home = county.home(code);
            let mut place = Place::new(code, &home, format!("tls://127.0.0.1:{bus}"));
            place.http = https(&home);
            county.stations.insert(code.to_owned(), Station::new(place));
        }
        county
    }

    /// All stations, ready.
    pub async fn start(codes: &[&str], applications: &[Applicant]) -> Self {
        Self::start_some(codes, applications, |_| true).await
    }

    /// The same, but only these are ready and the others are not started; `prepare` may set
    /// variables for a station and says whether it is one of them.
    pub async fn start_some(
        codes: &[&str],
        applications: &[Applicant],
        prepare: impl Fn(&mut Station) -> bool,
    ) -> Self {
        Self::start_in(NOBODY_YET, codes, applications, prepare).await
    }

    /// All kits of the county of `topology/examples/santai.toml`; these of its stations, ready.
    pub async fn start_of_santai(codes: &[&str], applications: &[Applicant]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topology/examples/santai.toml");
        let tree = fs::read_to_string(file).expect("the example");
        Self::start_in(&tree, codes, applications, |_| true).await
    }

    async fn start_in(
        tree: &str,
        codes: &[&str],
        applications: &[Applicant],
        prepare: impl Fn(&mut Station) -> bool,
    ) -> Self {
        for _ in 0..DRAWS_MAX {
            let mut county = Self::laid_out_in(tree, codes, applications);
            let taken = ["is taken by another program", "Address already in use"];
            let chosen = county.stations.values_mut();
            let chosen = chosen.filter_map(|station| prepare(station).then_some(station));
            if all_up(chosen, &taken).await {
                return county;
            }
        }
        panic!("ports were taken {DRAWS_MAX} times in a row");
    }

    /// Renders all kits anew, as they are needed now.
    pub fn render(&self) {
        let args =
            ["topology", "render", "topology.toml", "--all", "--keys", "keys", "--out", "kits"];
        run(&self.desk, &args);
    }

    /// `yizhan topology keys` with these arguments.
    pub fn keys(&self, args: &[&str]) {
        let words = ["topology", "keys", "topology.toml", "--out", "keys"];
        run(&self.desk, &[&words, args].concat());
    }

    /// The one topology file, at the operator's desk.
    pub fn topology_file(&self) -> PathBuf {
        self.desk.join("topology.toml")
    }

    /// The kit of a station at the operator's desk.
    pub fn kit(&self, code: &str) -> PathBuf {
        self.desk.join("kits").join(code)
    }

    /// Copies the kit to where the station runs, as a USB stick does.
    pub fn copy(&self, code: &str) {
        copy(&self.kit(code), &self.home(code));
    }

    /// Where the kit of a station was copied to.
    pub fn home(&self, code: &str) -> PathBuf {
        self.desk.with_file_name("boxes").join(code)
    }

    /// One of them.
    pub fn station(&self, code: &str) -> &Station {
        self.stations.get(code).unwrap_or_else(|| panic!("no station {code} in this test"))
    }

    /// The same, to start and stop it.
    pub fn station_mut(&mut self, code: &str) -> &mut Station {
        self.stations.get_mut(code).unwrap_or_else(|| panic!("no station {code} in this test"))
    }

    /// How an application of a station comes in: nkey, certificate, inboxes of its own.
    pub fn application(&self, code: &str, name: &str) -> ConnectOptions {
        let path = |end: &str| format!("keys/apps/{name}.{end}");
        self.comes_in(code, [path("nk"), path("crt"), path("key")])
            .custom_inbox_prefix(format!("_INBOX_app_{name}"))
    }

    /// How whoever holds the kit of a station comes in where that station may.
    pub fn holder_of(&self, code: &str) -> ConnectOptions {
        let paths = ["keys/station.nk", "tls/station.crt", "tls/station.key"];
        self.comes_in(code, paths.map(str::to_owned))
            .custom_inbox_prefix(format!("_INBOX_{}", code.replace('.', "_")))
    }

    /// How whoever runs a station's bus himself comes in there, among its children.
    pub fn runs_the_bus_of(&self, code: &str) -> ConnectOptions {
        let paths = ["keys/bus/link", "tls/station.crt", "tls/station.key"];
        self.comes_in(code, paths.map(str::to_owned))
    }

    /// With a seed and a certificate out of a station's kit.
    fn comes_in(&self, code: &str, paths: [String; 3]) -> ConnectOptions {
        let home = self.home(code);
        let [seed, cert, key] = paths.map(|path| home.join(path));
        let seed = fs::read_to_string(seed).expect("a seed");
        ConnectOptions::with_nkey(seed.trim().to_owned())
            .require_tls(true)
            .add_root_certificates(home.join("tls/ca.crt"))
            .add_client_certificate(cert, key)
    }
}

impl Drop for Rendered {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for station in self.stations.values() {
                eprintln!("--- the last of {}:\n{}", station.code, station.log_tail());
            }
        }
    }
}

/// A client that believes the county's authority and no other.
pub fn https(home: &Path) -> reqwest::Client {
    let pem = fs::read(home.join("tls/ca.crt")).expect("the authority");
    let root = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    let client = reqwest::Client::builder().timeout(SOON).add_root_certificate(root);
    client.tls_built_in_root_certs(false).tls_info(true).build().expect("a client")
}

/// Writes down where stations listen; those that the file does not have are added.
fn topology(tree: &str, places: &[(&str, u16, u16)], applications: &[Applicant]) -> String {
    let mut text = tree.to_owned();
    for (code, bus, http) in places {
        let place = format!("bus = \"nats://127.0.0.1:{bus}\"\nhttp = \"127.0.0.1:{http}\"\n");
        let line = format!("code = \"{code}\"\n");
        if text.contains(&line) {
            text = text.replace(&line, &(line.clone() + &place));
        } else {
            text += &format!("\n[[station]]\n{line}name = \"站 {code}\"\n{place}");
        }
    }
    for (station, name, rights) in applications {
        text += &format!(
            "\n[[application]]\nstation = \"{station}\"\nname = \"{name}\"\nrights = {rights}\n"
        );
    }
    text
}

fn run(dir: &Path, args: &[&str]) -> Output {
    let done = Command::new(programs::yizhan()).args(args).current_dir(dir).output();
    let done = done.expect("the binary starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done
}

/// Copies files over those that are there, modes included.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in from.read_dir().expect("a kit").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
}
