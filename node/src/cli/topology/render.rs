//! `yizhan topology render`: everything that the box of a station needs, in one directory.
//!
//! Promise: what is written is whole files, each at once; a file that would not change is left
//! alone. Nothing is written if a seed is missing or does not fit the topology.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nkeys::KeyPair;
use tempfile::NamedTempFile;
use yizhan_schemas::Code;
use yizhan_topology::{Holder, Topology};

use super::{Error, Page, at, keys, name, text};
use crate::kit::{Given, Kit, KitFile};
use crate::tls::{Authority, Lasts};

/// Stations named in a warning; the others are counted.
const NAMED_MAX: usize = 3;

/// Write everything that the box of a station needs: settings, keys, certificates, systemd unit.
#[derive(Debug, Args)]
pub(in super::super) struct Render {
    /// The topology file
    file: PathBuf,
    /// The station
    #[arg(long, value_name = "CODE", required_unless_present = "all", conflicts_with = "all")]
    station: Option<Code>,
    /// All stations, each into a directory DIR/CODE
    #[arg(long)]
    all: bool,
    /// Where to; an earlier kit there is brought up to date
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where `yizhan topology keys` put the seeds
    #[arg(long, value_name = "DIR", default_value = "keys")]
    keys: PathBuf,
    /// The county's certificate authority, made there if there is none [default: where the seeds are]
    #[arg(long, value_name = "DIR")]
    ca: Option<PathBuf>,
    /// How many days a certificate lasts; it is renewed in the last third of them
    #[arg(long, value_name = "N", default_value_t = 397, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

/// The seeds of a station and of its applications.
struct Seeds {
    station: String,
    applications: BTreeMap<String, String>,
}

impl Render {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        let topology_text = text(&self.file)?;
        let topology = Topology::read(&name(&self.file), &topology_text)?;
        let stations = self.stations(&topology)?;
        // all of them first: half a county is worse than none
        let seeds = stations.iter().map(|code| self.seeds(&topology, code));
        let seeds: Vec<Seeds> = seeds.collect::<Result<_, _>>()?;
        let now = jiff::Timestamp::now().as_second();
        let lasts = Lasts { now, days: self.days };
        let authority =
            Authority::at(self.ca.as_ref().unwrap_or(&self.keys), topology.name(), now)?;
        let bar = bar(stations.len());
        let (mut new, mut unreachable) = (0, Vec::new());
        for (code, seeds) in stations.iter().zip(&seeds) {
            let dir = if self.all { self.out.join(code.as_str()) } else { self.out.clone() };
            let kit = Kit::of(&Given {
                topology: &topology,
                topology_text: &topology_text,
                code,
                seed: &seeds.station,
                application_seeds: &seeds.applications,
                authority: &authority,
                lasts,
                before: &|path| fs::read_to_string(dir.join(path)).ok(),
            })?;
            write(&dir, &kit.files)?;
            new += kit.new_certificates;
            if kit.unreachable {
                unreachable.push((*code).clone());
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        warn(&unreachable);
        let (count, out) = (stations.len(), self.out.display());
        let several = if count == 1 { "" } else { "s" };
        page.print(format!("{out}: {count} station{several}, {new} new certificates"))
    }

    fn stations<'t>(&'t self, topology: &'t Topology) -> Result<Vec<&'t Code>, Error> {
        let Some(code) = &self.station else {
            return Ok(topology.stations().map(|station| &station.code).collect());
        };
        let missing = || Error::NoSuchStation { code: code.clone(), file: self.file.clone() };
        topology.station(code).ok_or_else(missing)?;
        Ok(vec![code])
    }

    fn seeds(&self, topology: &Topology, code: &Code) -> Result<Seeds, Error> {
        let known = topology.station(code).map(|station| station.keys.as_slice());
        let station = self.seed(&code.clone().into(), known.unwrap_or_default())?;
        let applications = topology.applications_of(code).iter();
        let applications = applications.map(|one| {
            let seed = self.seed(&one.holder(), &one.keys)?;
            Ok::<_, Error>((one.name.clone(), seed))
        });
        Ok(Seeds { station, applications: applications.collect::<Result<_, _>>()? })
    }

    /// The seed of the current key.
    fn seed(&self, holder: &Holder, known: &[String]) -> Result<String, Error> {
        let file = keys::seed_file(&self.keys, holder);
        let seed = match fs::read_to_string(&file) {
            Ok(seed) => seed.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NoSeed { holder: holder.clone(), file });
            }
            Err(cause) => return Err(Error::File { file, cause }),
        };
        let public = KeyPair::from_seed(&seed).map(|pair| pair.public_key()).ok();
        match (known.first(), public) {
            (Some(current), Some(public)) if *current == public => Ok(seed),
            _ => Err(Error::OtherKey { holder: holder.clone(), file }),
        }
    }
}

fn warn(unreachable: &[Code]) {
    if unreachable.is_empty() {
        return;
    }
    let named: Vec<&str> = unreachable.iter().take(NAMED_MAX).map(Code::as_str).collect();
    let more = unreachable.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    eprintln!(
        "warning: {}{more}: children, but no `bus` in the topology: they listen on loopback, where \
         their children will not find them; add bus = \"nats://10.72.0.1:4222\"",
        named.join(", ")
    );
}

fn bar(count: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or_default());
    // drawn on a terminal only; the template is tested by every run
    match ProgressStyle::with_template("{bar:40} {pos}/{len} stations") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn write(dir: &Path, files: &[KitFile]) -> Result<(), Error> {
    directory(dir, 0o755)?;
    for file in files {
        let path = dir.join(&file.path);
        let parents = Path::new(&file.path).ancestors().skip(1);
        let mut parents: Vec<&Path> = parents.filter(|it| !it.as_os_str().is_empty()).collect();
        parents.reverse();
        for parent in parents {
            // whose names alone tell something
            directory(&dir.join(parent), if parent.starts_with("keys") { 0o700 } else { 0o755 })?;
        }
        write_file(&path, file).map_err(at(&path))?;
    }
    Ok(())
}

fn directory(dir: &Path, mode: u32) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(mode).create(dir).map_err(at(dir))
}

fn write_file(path: &Path, file: &KitFile) -> io::Result<()> {
    let same = fs::read_to_string(path).is_ok_and(|there| there == file.text);
    if same {
        return fs::set_permissions(path, Permissions::from_mode(file.mode));
    }
    // such a file is made with mode 0600 and appears under its name only when it is whole
    let mut new = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    new.write_all(file.text.as_bytes())?;
    new.as_file().set_permissions(Permissions::from_mode(file.mode))?;
    new.persist(path).map(drop).map_err(|fault| fault.error)
}
