//! `yizhan topology keys`: an nkey for each station and application, the seed in a file of its own.
//!
//! Promise: no seed is lost and none is overwritten unless `--rotate` or `--revoke` says so. Seeds are on disk
//! before the topology names their public keys, and the new topology is known to be good before
//! the first seed is written; so a run that broke off is finished by running it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;
use nkeys::KeyPair;
use tempfile::NamedTempFile;
use yizhan_schemas::payload::policy;
use yizhan_topology::{Holder, Revoked, Topology, file};

use super::{Error, Page, at, name, text};

/// Make the nkeys of stations and applications and write the public keys into the topology file.
#[derive(Debug, Args)]
pub(in super::super) struct Keys {
    /// The topology file; it is rewritten with the new public keys
    file: PathBuf,
    /// Where the seeds go, each into DIR/CODE.nk or DIR/NAME@CODE.nk, readable by its owner only
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only this station, or this application as NAME@CODE; may be repeated [default: all]
    #[arg(long, value_name = "CODE")]
    station: Vec<Holder>,
    /// Make a new key for this station, or application as NAME@CODE; the old one stays second and
    /// still verifies; may be repeated
    #[arg(long, value_name = "CODE", conflicts_with_all = ["station", "drop_old"])]
    rotate: Vec<Holder>,
    /// Take all keys but the first from this station, or application as NAME@CODE: nothing that
    /// they signed is believed any more; may be repeated
    #[arg(long, value_name = "CODE", conflicts_with = "station")]
    drop_old: Vec<Holder>,
    /// Make a new key for this station, or application as NAME@CODE, and write all that it had
    /// before down as revoked: its box was stolen; may be repeated
    #[arg(long, value_name = "CODE", requires = "why",
          conflicts_with_all = ["station", "rotate", "drop_old"])]
    revoke: Vec<Holder>,
    /// Why the keys are revoked, for people
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Write what this run changed as the payload of a policy.set, by which the root tells every
    /// running station: yizhan publish policy.set --to ROOT.> --file FILE
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
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
        if !self.drop_old.is_empty() {
            return self.drop_old(page, &topology, &before);
        }
        let holders = self.holders(&topology)?;
        let mut new: BTreeMap<Holder, New> = BTreeMap::new();
        for (holder, keys) in &holders {
            if let Some(key) = self.key_of(holder, keys)? {
                new.insert(holder.clone(), key);
            }
        }
        let made = new.len();
        let public: BTreeMap<Holder, String> =
            new.iter().map(|(holder, new)| (holder.clone(), new.pair.public_key())).collect();
        let gone = self.revoked(self.revoke.iter().filter_map(|holder| holders.get(holder)));
        if made > 0 {
            let after = file::with_revoked(&name(&self.file), &before, &gone)?;
            let after = file::with_keys(&name(&self.file), &after, &public)?;
            self.write_seeds(new)?;
            replace(&self.file, &after).map_err(at(&self.file))?;
        }
        self.write_policy(public, &gone)?;
        let kept = holders.len() - made;
        let hint = if made == 0 { "; --rotate CODE makes a new one" } else { "" };
        let revoked = match gone.len() {
            0 => String::new(),
            count => format!(", {count} revoked"),
        };
        page.print(format!("{}: {made} new, {kept} kept{revoked}{hint}", self.file.display()))
    }

    fn drop_old(&self, page: &mut Page, topology: &Topology, before: &str) -> Result<(), Error> {
        let all: BTreeMap<_, _> = topology.all_keys().collect();
        let mut dropped: Vec<&[String]> = Vec::new();
        for holder in &self.drop_old {
            dropped.push(self.known(&all, holder)?.1.get(1..).unwrap_or_default());
        }
        let gone = self.revoked(dropped.iter());
        if !gone.is_empty() {
            let holders: BTreeSet<Holder> = self.drop_old.iter().cloned().collect();
            let after = file::without_old_keys(&name(&self.file), before, &holders)?;
            replace(&self.file, &after).map_err(at(&self.file))?;
        }
        self.write_policy(BTreeMap::new(), &gone)?;
        page.print(format!("{}: {} old keys dropped", self.file.display(), gone.len()))
    }

    /// These keys, as revoked now.
    fn revoked<'k>(&self, keys: impl Iterator<Item = &'k &'k [String]>) -> Vec<Revoked> {
        let now = jiff::Timestamp::now();
        let at = now.round(jiff::Unit::Second).unwrap_or(now).to_string();
        let why = self.why.clone().unwrap_or_else(|| "an old key, dropped".to_owned());
        let one = |key: &String| Revoked { key: key.clone(), at: at.clone(), why: why.clone() };
        keys.flat_map(|keys| keys.iter()).map(one).collect()
    }

    fn write_policy(&self, new: BTreeMap<Holder, String>, gone: &[Revoked]) -> Result<(), Error> {
        let Some(file) = &self.policy else { return Ok(()) };
        let keys = new.into_iter().map(|(holder, key)| (holder.to_string(), vec![key])).collect();
        let one = |one: &Revoked| policy::Revocation {
            key: one.key.clone(),
            at: one.at.clone(),
            why: one.why.clone(),
            more: serde_json::Map::new(),
        };
        let revoked = gone.iter().map(one).collect();
        let set = policy::Set { keys, revoked, ..policy::Set::default() };
        let text =
            serde_json::to_string_pretty(&set).map_err(io::Error::other).map_err(at(file))?;
        fs::write(file, text + "\n").map_err(at(file))
    }

    /// Who is to have a key, and the keys that they have.
    fn holders<'t>(&self, topology: &'t Topology) -> Result<BTreeMap<Holder, &'t [String]>, Error> {
        let all: BTreeMap<_, _> = topology.all_keys().collect();
        let asked = [&self.rotate, &self.revoke, &self.station];
        let asked: Vec<&Holder> = asked.into_iter().flatten().collect();
        if asked.is_empty() {
            return Ok(all);
        }
        asked.into_iter().map(|holder| self.known(&all, holder)).collect()
    }

    fn known<'t>(
        &self,
        all: &BTreeMap<Holder, &'t [String]>,
        holder: &Holder,
    ) -> Result<(Holder, &'t [String]), Error> {
        let keys = all.get(holder).ok_or_else(|| Error::NoSuchHolder {
            holder: holder.clone(),
            file: self.file.clone(),
        })?;
        Ok((holder.clone(), *keys))
    }

    /// The key that somebody is to get; `None` if they keep the one that they have.
    fn key_of(&self, holder: &Holder, keys: &[String]) -> Result<Option<New>, Error> {
        let drawn = || Some(New { pair: KeyPair::new_user(), unwritten: true });
        if self.replaces() {
            return Ok(drawn());
        }
        let file = seed_file(&self.out, holder);
        let seed = match fs::read_to_string(&file) {
            Ok(seed) => seed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(if keys.is_empty() { drawn() } else { None });
            }
            Err(cause) => return Err(Error::File { file, cause }),
        };
        let pair = KeyPair::from_seed(seed.trim()).map_err(|_| Error::File {
            file: file.clone(),
            cause: io::Error::other(format!("not an nkey seed; --rotate {holder} replaces it")),
        })?;
        match keys.first() {
            None => Ok(Some(New { pair, unwritten: false })),
            Some(key) if *key == pair.public_key() => Ok(None),
            Some(_) => Err(Error::OtherKey { holder: holder.clone(), file }),
        }
    }

    /// True if new keys stand in for keys that are there.
    fn replaces(&self) -> bool {
        !self.rotate.is_empty() || !self.revoke.is_empty()
    }

    fn write_seeds(&self, new: BTreeMap<Holder, New>) -> Result<(), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.out);
        made.map_err(at(&self.out))?;
        for (holder, new) in new {
            let file = seed_file(&self.out, &holder);
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
        let kept = if self.replaces() { new.persist(file) } else { new.persist_noclobber(file) };
        kept.map(drop).map_err(|fault| fault.error)
    }
}

/// Where somebody's seed is.
pub(super) fn seed_file(dir: &Path, holder: &Holder) -> PathBuf {
    dir.join(format!("{holder}.nk"))
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
