//! `yizhan topology keys`: an nkey for each station, the seed in a file of its own.
//!
//! Promise: no seed is lost and none is overwritten unless `--rotate` says so. Seeds are on disk
//! before the topology names their public keys, and the new topology is known to be good before
//! the first seed is written; so a run that broke off is finished by running it again.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;
use nkeys::KeyPair;
use tempfile::NamedTempFile;
use yizhan_schemas::Code;
use yizhan_topology::{Station, Topology, file};

use super::{Error, Page, at, name, text};

/// Make each station's nkey and write the public keys into the topology file.
#[derive(Debug, Args)]
pub(in super::super) struct Keys {
    /// The topology file; it is rewritten with the new public keys
    file: PathBuf,
    /// Where the seeds go, each into DIR/CODE.nk, readable by its owner only
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only this station; may be repeated [default: all]
    #[arg(long, value_name = "CODE")]
    station: Vec<Code>,
    /// Replace the keys of stations that have one; the old public keys still verify
    #[arg(long)]
    rotate: bool,
}

/// A key that is to be written.
struct New {
    pair: KeyPair,
    /// False if its seed is on disk already, from a run that broke off.
    unwritten: bool,
}

impl Keys {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        let before = text(&self.file)?;
        let topology = Topology::read(&name(&self.file), &before)?;
        let stations = self.stations(&topology)?;
        let mut new: BTreeMap<Code, New> = BTreeMap::new();
        for station in &stations {
            if let Some(key) = self.key_of(station)? {
                new.insert(station.code.clone(), key);
            }
        }
        let made = new.len();
        if made > 0 {
            let public = new.iter().map(|(code, new)| (code.clone(), new.pair.public_key()));
            let after = file::with_keys(&name(&self.file), &before, &public.collect())?;
            self.write_seeds(new)?;
            replace(&self.file, &after).map_err(at(&self.file))?;
        }
        let kept = stations.len() - made;
        let hint = if made == 0 { "; --rotate makes new ones" } else { "" };
        page.print(format!("{}: {made} new, {kept} kept{hint}", self.file.display()))
    }

    fn stations<'t>(&self, topology: &'t Topology) -> Result<Vec<&'t Station>, Error> {
        if self.station.is_empty() {
            return Ok(topology.stations().collect());
        }
        let known = |code: &Code| {
            let missing = || Error::NoSuchStation { code: code.clone(), file: self.file.clone() };
            topology.station(code).ok_or_else(missing)
        };
        self.station.iter().map(known).collect()
    }

    fn seed_file(&self, code: &Code) -> PathBuf {
        self.out.join(format!("{code}.nk"))
    }

    /// The key that a station is to get; `None` if it keeps the one that it has.
    fn key_of(&self, station: &Station) -> Result<Option<New>, Error> {
        let drawn = || Some(New { pair: KeyPair::new_user(), unwritten: true });
        if self.rotate {
            return Ok(drawn());
        }
        let file = self.seed_file(&station.code);
        let seed = match fs::read_to_string(&file) {
            Ok(seed) => seed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(if station.keys.is_empty() { drawn() } else { None });
            }
            Err(cause) => return Err(Error::File { file, cause }),
        };
        let pair = KeyPair::from_seed(seed.trim()).map_err(|_| Error::File {
            file: file.clone(),
            cause: io::Error::other("not an nkey seed; --rotate replaces it"),
        })?;
        match station.keys.first() {
            None => Ok(Some(New { pair, unwritten: false })),
            Some(key) if *key == pair.public_key() => Ok(None),
            Some(_) => Err(Error::OtherKey { code: station.code.clone(), file }),
        }
    }

    fn write_seeds(&self, new: BTreeMap<Code, New>) -> Result<(), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.out);
        made.map_err(at(&self.out))?;
        for (code, new) in new {
            let file = self.seed_file(&code);
            if new.unwritten {
                let seed = new.pair.seed().map_err(io::Error::other);
                let written = seed.and_then(|seed| self.write_seed(&file, &seed));
                written.map_err(at(&file))?;
            }
        }
        fs::File::open(&self.out).and_then(|dir| dir.sync_all()).map_err(at(&self.out))
    }

    fn write_seed(&self, file: &Path, seed: &str) -> io::Result<()> {
        // such a file is made with mode 0600 and appears under its name only when it is whole
        let mut new = NamedTempFile::new_in(&self.out)?;
        writeln!(new, "{seed}")?;
        new.as_file().sync_all()?;
        let kept = if self.rotate { new.persist(file) } else { new.persist_noclobber(file) };
        kept.map(drop).map_err(|fault| fault.error)
    }
}

/// Puts a new text in the place of a file at once, with the old one's permissions.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // through a link the file itself is replaced, and not the link
    let file = file.canonicalize()?;
    let dir = file.parent().unwrap_or(Path::new("/"));
    let mut new = NamedTempFile::new_in(dir)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&file).map_err(|fault| fault.error)?;
    fs::File::open(dir)?.sync_all()
}
