//! [`Checked`]: records whose seals were looked at; what makes seals, and what knows them.
//!
//! Looking at a seal is a pure function of frame and keys, and costs more than all else that is
//! done with a frame: whoever reads frames off a link does it there, beside the station's loop.
//! The station takes nothing else: a [`Checked`] is made by [`Checked::of`] alone.
//!
//! Every station checks every seal, also of messages that only pass through: it costs a signature
//! a frame, and what was altered is found by the first station behind the one that did it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use yizhan_schemas::Code;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::{Body, Record};
use yizhan_schemas::seal::{Seal, Stamp, Tree};

/// What a station makes its seals with.
pub trait Signet: std::fmt::Debug + Send + Sync {
    /// Signs a tree of so many leaves; `None` if the station has no key.
    fn stamp(&self, leaves: u32, root: Digest) -> Option<Stamp>;
}

/// The register of seals: by what stations' seals are known.
pub trait Specimens: std::fmt::Debug + Send + Sync {
    /// Whose signature this is, if it is a valid one.
    ///
    /// # Errors
    /// [`SealFault::Algorithm`], [`SealFault::Key`] or [`SealFault::Signature`].
    fn owner(&self, stamp: &Stamp, root: Digest) -> Result<Code, SealFault>;
}

/// For a station without a key, and where no station has one.
#[derive(Debug, Clone, Copy)]
pub struct NoKeys;

impl Signet for NoKeys {
    fn stamp(&self, _: u32, _: Digest) -> Option<Stamp> {
        None
    }
}

impl Specimens for NoKeys {
    fn owner(&self, _: &Stamp, _: Digest) -> Result<Code, SealFault> {
        Err(SealFault::Key)
    }
}

/// Why a message is not covered by its origin's seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SealFault {
    /// No seal says that it covers it.
    Uncovered,
    /// The seal's leaves, records and siblings make no tree.
    Shape,
    /// Nobody here knows how the seal is made.
    Algorithm,
    /// Nobody here knows the key.
    Key,
    /// The signature is not one of that key over what came: something was altered.
    Signature,
    /// It is the seal of another station.
    Origin,
}

impl SealFault {
    /// The word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Uncovered => "uncovered",
            Self::Shape => "shape",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Origin => "origin",
        }
    }
}

impl std::fmt::Display for SealFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Uncovered => "no seal covers it",
            Self::Shape => "its seal does not fit the frame",
            Self::Algorithm => "its seal is made in a way that is not known here",
            Self::Key => "its seal is made with a key that the topology does not list",
            Self::Signature => {
                "its seal does not match: it, or what was sealed with it, was altered"
            }
            Self::Origin => "its seal is that of another station",
        })
    }
}

/// A seal as a station keeps it to pass it on: the signature, and what is known of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSeal {
    /// The signature.
    pub stamp: Stamp,
    /// The leaves that came, and what stands for the others.
    pub tree: Tree,
}

/// Records of a frame, and what became of the check of each one's seal.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    records: Vec<Record>,
    covers: Covers,
}

/// Which record is under which seal.
#[derive(Debug, Clone, PartialEq)]
pub struct Covers {
    /// By record: the seal that says that it covers it, and as which leaf.
    covers: Vec<Result<(usize, u32), SealFault>>,
    seals: Vec<Known>,
}

/// A seal of sound shape, and whose it is.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    seal: Arc<HeldSeal>,
    owner: Result<Code, SealFault>,
}

/// A seal, and the leaf of it that a message is.
pub type Under = (Arc<HeldSeal>, u32);

impl Checked {
    /// Looks at the seals of a body.
    pub fn of(body: Body, specimens: &dyn Specimens) -> Self {
        let Body { records, seals } = body;
        let covers = vec![Err(SealFault::Uncovered); records.len()];
        let mut covers = Covers { covers, seals: Vec::new() };
        for seal in seals {
            covers.look_at(seal, &records, specimens);
        }
        Self { records, covers }
    }

    /// The records, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The records, and what covers them.
    pub fn split(self) -> (Vec<Record>, Covers) {
        (self.records, self.covers)
    }

    /// Digests of the messages under valid seals, each with the station whose seal it is.
    pub fn covered(&self) -> impl Iterator<Item = (Digest, &Code)> {
        let valid = |known: &'_ Known| known.owner.is_ok();
        self.covers.seals.iter().filter(move |known| valid(known)).flat_map(|known| {
            let owner = known.owner.as_ref().ok();
            known.seal.tree.known().iter().filter_map(move |(_, digest)| Some((*digest, owner?)))
        })
    }
}

impl Covers {
    /// What a record is under, if that is a seal of its origin.
    ///
    /// Of an origin that `has_key`, anything else is a fault; of one that has none, a seal that
    /// nobody here can judge goes on to those who can.
    pub(crate) fn of(
        &self,
        record: usize,
        origin: &Code,
        has_key: bool,
    ) -> Result<Option<Under>, SealFault> {
        let cover = self.covers.get(record).copied().unwrap_or(Err(SealFault::Uncovered));
        let known = cover.map(|(seal, leaf)| (self.seals.get(seal), leaf));
        let under = |known: &Known, leaf| Some((Arc::clone(&known.seal), leaf));
        match known {
            Ok((Some(known), leaf)) => match &known.owner {
                Ok(owner) if owner == origin => Ok(under(known, leaf)),
                Ok(_) if has_key => Err(SealFault::Origin),
                Err(fault) if has_key => Err(*fault),
                Err(SealFault::Key | SealFault::Algorithm) => Ok(under(known, leaf)),
                Ok(_) | Err(_) => Ok(None),
            },
            Ok((None, _)) => Err(SealFault::Shape),
            Err(fault) if has_key => Err(fault),
            Err(_) => Ok(None),
        }
    }

    fn look_at(&mut self, seal: Seal, records: &[Record], specimens: &dyn Specimens) {
        let Some(leaves) = self.members(&seal, records) else { return };
        let digests = leaves.iter().map(|(leaf, _, envelope)| (*leaf, Digest::of(envelope)));
        let tree = Tree::of(seal.stamp.leaves, digests.collect(), seal.siblings);
        let Ok(tree) = tree else {
            return self.say(leaves.iter().map(|(_, record, _)| *record), SealFault::Shape);
        };
        let owner = specimens.owner(&seal.stamp, tree.root());
        for (leaf, record, _) in leaves {
            if let Some(cover) = self.covers.get_mut(record) {
                *cover = Ok((self.seals.len(), leaf));
            }
        }
        let seal = Arc::new(HeldSeal { stamp: seal.stamp, tree });
        self.seals.push(Known { seal, owner });
    }

    /// The leaves of a seal that are in the frame, each with its record. `None` if it speaks of
    /// what is not there, or what an earlier seal spoke of: each record is looked at once, so that
    /// no frame costs more than its length.
    fn members<'r>(
        &mut self,
        seal: &Seal,
        records: &'r [Record],
    ) -> Option<Vec<(u32, usize, &'r [u8])>> {
        let mut members = Vec::new();
        let sound = seal.runs.iter().all(|run| {
            let (first, count) = (run.record as usize, run.count as usize);
            let there = first.checked_add(count).and_then(|end| records.get(first..end));
            let (Some(there), Some(_)) = (there, run.leaf.checked_add(run.count)) else {
                return false;
            };
            (run.leaf..).zip(first..).zip(there).all(|((leaf, at), record)| {
                let fresh = self.covers.get(at) == Some(&Err(SealFault::Uncovered));
                let Record::Carried(carried) = record else { return false };
                members.push((leaf, at, &carried.envelope[..]));
                fresh && members.len() <= records.len()
            })
        });
        if !sound {
            self.say(members.iter().map(|(_, record, _)| *record), SealFault::Shape);
        }
        sound.then_some(members)
    }

    fn say(&mut self, records: impl Iterator<Item = usize>, fault: SealFault) {
        for record in records {
            if let Some(cover) = self.covers.get_mut(record).filter(|cover| cover.is_err()) {
                *cover = Err(fault);
            }
        }
    }
}

#[cfg(test)]
mod tests;
