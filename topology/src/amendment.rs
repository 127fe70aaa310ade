//! [`Amendment`]: keys that were added and revoked since the topology file was written, by
//! `policy.set` messages of the root.
//!
//! Promise: it only grows, and taking the same changes in another order, or twice, gives the same.
//! What the file says too is left out at the next start ([`Amendment::beyond`]), so it stays as
//! small as what has happened since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use yizhan_schemas::Code;
use yizhan_schemas::payload::policy;

use crate::application::{Holder, Revoked};
use crate::check;
use crate::tree::Topology;

/// Most keys that may be added, and most that may be revoked, beside those in the file.
pub const AMENDED_MAX: usize = 4096;

/// Keys added and revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// By holder, as text.
    added: BTreeMap<String, BTreeSet<String>>,
    /// By key.
    revoked: BTreeMap<String, Revoked>,
}

impl Amendment {
    /// What a message says of keys.
    ///
    /// # Errors
    /// The first thing that is not well formed, in words that say what would be valid.
    pub fn read(set: &policy::Set) -> Result<Self, String> {
        let key = |text: &str| {
            check::key(text).map_err(|fault| format!("{}; {}", fault.what, fault.valid))
        };
        let mut amendment = Self::default();
        for (holder, keys) in &set.keys {
            let holder: Holder = holder.parse()?;
            if keys.is_empty() {
                return Err(format!("{holder} has an empty list; valid is one public key or more"));
            }
            let keys: Result<BTreeSet<String>, String> =
                keys.iter().map(|text| key(text)).collect();
            amendment.added.insert(holder.to_string(), keys?);
        }
        for policy::Revocation { key: text, at, why, .. } in &set.revoked {
            let (at, why) = (check::moment(at), check::name(why));
            let said = |fault: crate::problem::Fault| format!("{}; {}", fault.what, fault.valid);
            let one = Revoked { key: key(text)?, at: at.map_err(said)?, why: why.map_err(said)? };
            amendment.revoked.insert(one.key.clone(), one);
        }
        Ok(amendment)
    }

    /// Both together.
    ///
    /// # Errors
    /// They are more than [`AMENDED_MAX`]; nothing was changed.
    pub fn with(&self, other: &Self) -> Result<Self, String> {
        let mut both = self.clone();
        for (holder, keys) in &other.added {
            both.added.entry(holder.clone()).or_default().extend(keys.iter().cloned());
        }
        for (key, one) in &other.revoked {
            both.revoked.entry(key.clone()).or_insert_with(|| one.clone());
        }
        let (added, revoked) = both.counts();
        if added.max(revoked) <= AMENDED_MAX {
            return Ok(both);
        }
        Err(format!(
            "there would be {added} keys added and {revoked} revoked beside those in the topology \
             file; valid are {AMENDED_MAX} each: put the earlier ones into the file"
        ))
    }

    /// What of it a topology file does not say itself.
    #[must_use]
    pub fn beyond(&self, file: &Topology) -> Self {
        let mut rest = self.clone();
        rest.revoked.retain(|key, _| !file.is_revoked(key));
        for (holder, keys) in &mut rest.added {
            let known = holder.parse().map_or(&[][..], |holder| file.keys_of(&holder));
            keys.retain(|key| !known.contains(key));
        }
        rest.added.retain(|_, keys| !keys.is_empty());
        rest
    }

    /// The tree of a file with these changes.
    pub fn over(&self, file: &Arc<Topology>) -> Arc<Topology> {
        if self.is_empty() { Arc::clone(file) } else { Arc::new(file.amended(self)) }
    }

    /// True if it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.revoked.is_empty()
    }

    /// How many keys are added, and how many revoked.
    pub fn counts(&self) -> (usize, usize) {
        (self.added.values().map(BTreeSet::len).sum(), self.revoked.len())
    }
}

impl Topology {
    /// The same tree with other keys. Holders that are not in it are passed over: they may come
    /// with the next file.
    #[must_use]
    pub fn amended(&self, amendment: &Amendment) -> Self {
        let mut tree = self.clone();
        for (holder, keys) in &amendment.added {
            let list = holder.parse().ok().and_then(|holder| tree.keys_of_mut(&holder));
            let Some(list) = list else { continue };
            for key in keys {
                if !list.contains(key) {
                    list.push(key.clone());
                }
            }
        }
        let (applications, mut revoked) = (tree.applications().to_vec(), tree.revoked().to_vec());
        let more = amendment.revoked.values().filter(|one| !self.is_revoked(&one.key));
        revoked.extend(more.cloned());
        tree.with_people(applications, revoked)
    }

    /// Whether a change of keys makes sense for this tree, before it is sent to all of it.
    ///
    /// # Errors
    /// What would be wrong afterwards: a holder that is not there, a key that is somebody else's or
    /// revoked, a root that could not sign anything any more.
    pub fn judge(&self, change: &Amendment) -> Result<(), String> {
        let mut owners: BTreeMap<&str, Holder> = BTreeMap::new();
        for (holder, keys) in self.all_keys() {
            owners.extend(keys.iter().map(|key| (key.as_str(), holder.clone())));
        }
        for (text, keys) in &change.added {
            let holder: Holder = text.parse()?;
            if !self.all_keys().any(|(known, _)| known == holder) {
                return Err(format!("there is no {holder} in the topology to give a key to"));
            }
            for key in keys {
                if let Some(other) = owners.get(key.as_str()).filter(|other| **other != holder) {
                    return Err(format!("the key {key} is {other}'s already"));
                }
                if self.is_revoked(key) || change.revoked.contains_key(key) {
                    return Err(format!("the key {key} is revoked; no key comes back from that"));
                }
            }
        }
        let root = Holder::from(self.root().clone());
        let after = self.amended(change);
        let (had, has) = (self.keys_of(&root), after.keys_of(&root));
        if had.is_empty() {
            return Err(format!(
                "the topology file lists no key of {root}, so no station would believe this; \
                 `yizhan topology keys` makes keys"
            ));
        }
        if after.believed(has).next().is_none() {
            return Err(format!(
                "this would leave {root} without a key, and nobody could change keys any more; \
                 give it a new one first"
            ));
        }
        Ok(())
    }

    /// The public keys of a holder; none if there is no such holder.
    pub fn keys_of(&self, holder: &Holder) -> &[String] {
        match &holder.application {
            None => self.station(&holder.station).map_or(&[], |station| &station.keys),
            Some(name) => {
                let mut all = self.applications_of(&holder.station).iter();
                all.find(|one| one.name == *name).map_or(&[], |one| &one.keys)
            }
        }
    }

    /// Everybody who has keys, or is to have one.
    pub fn all_keys(&self) -> impl Iterator<Item = (Holder, &[String])> {
        let of_station = |code: &Code| Holder::from(code.clone());
        let stations = self.stations().map(move |one| (of_station(&one.code), &one.keys[..]));
        stations.chain(self.applications().iter().map(|one| (one.holder(), &one.keys[..])))
    }
}

#[cfg(test)]
mod tests;
