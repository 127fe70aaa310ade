//! The seals of one frame: our own messages are signed, others' seals go on as they came, with
//! siblings for what is not in the frame.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::Record;
use yizhan_schemas::seal::{Algorithm, KeyId, Seal, Stamp, Tree};

use crate::mutant::{self, Mutant};
use crate::seal::{HeldSeal, Signet};

/// What a record of a frame is under.
#[derive(Debug, Clone)]
pub(super) enum Cover {
    /// It is a message of this station.
    Own,
    /// A seal that it came with, and as which leaf of it.
    Under(Arc<HeldSeal>, u32),
    /// Nothing.
    Bare,
}

/// About what a seal adds to a frame, bytes.
const SEAL_BYTES: usize = 100;

impl Cover {
    /// About what it adds to a frame behind another record, bytes.
    pub(super) fn bytes(&self, before: Option<&Self>) -> usize {
        match (self, before) {
            (Self::Under(seal, _), Some(Self::Under(last, _))) if Arc::ptr_eq(seal, last) => 0,
            (Self::Under(..), _) => SEAL_BYTES,
            (Self::Own | Self::Bare, _) => 0,
        }
    }
}

/// The seals of a frame, and whether one of them was made here.
pub(super) fn seals(
    records: &[Record],
    covers: &[Cover],
    signet: &dyn Signet,
) -> (Vec<Seal>, bool) {
    let mut seals = passed_on(covers);
    let own = own(records, covers, signet);
    let signed = own.is_some();
    seals.extend(own);
    (seals, signed)
}

fn own(records: &[Record], covers: &[Cover], signet: &dyn Signet) -> Option<Seal> {
    let mut places = Vec::new();
    let mut digests = Vec::new();
    for ((at, record), cover) in (0..).zip(records).zip(covers) {
        if let (Record::Carried(carried), Cover::Own) = (record, cover) {
            places.push(at);
            digests.push(Digest::of(&carried.envelope));
        }
    }
    let tree = Tree::whole(digests).ok()?;
    let stamp = signet.stamp(tree.leaves(), tree.root())?;
    Some(Seal { stamp, runs: Seal::runs((0..).zip(places)), siblings: Vec::new() })
}

/// What tells one signature from another.
type Mark = (Algorithm, KeyId, u32, Bytes);

/// The part of a seal that is in the frame.
struct Part {
    /// Where it came in parts, each of those.
    held: Vec<Arc<HeldSeal>>,
    /// By leaf, the record.
    members: BTreeMap<u32, u32>,
}

fn passed_on(covers: &[Cover]) -> Vec<Seal> {
    let mut parts: BTreeMap<Mark, Part> = BTreeMap::new();
    for (record, cover) in (0..).zip(covers) {
        let Cover::Under(seal, leaf) = cover else { continue };
        let Stamp { algorithm, key, leaves, signature } = &seal.stamp;
        let mark = (*algorithm, *key, *leaves, signature.clone());
        let part = parts.entry(mark).or_insert_with(Part::new);
        if !part.held.last().is_some_and(|last| Arc::ptr_eq(last, seal)) {
            part.held.push(Arc::clone(seal));
        }
        part.members.entry(*leaf).or_insert(record);
    }
    if mutant::is(Mutant::SealsDropped) {
        return Vec::new();
    }
    parts.into_values().filter_map(Part::seal).collect()
}

impl Part {
    fn new() -> Self {
        Self { held: Vec::new(), members: BTreeMap::new() }
    }

    fn seal(self) -> Option<Seal> {
        let (first, rest) = self.held.split_first()?;
        let leaves: Vec<u32> = self.members.keys().copied().collect();
        let whole = rest.iter().try_fold(None::<Tree>, |tree, held| {
            tree.as_ref().unwrap_or(&first.tree).joined(&held.tree).map(Some)
        });
        let whole = whole.ok()?;
        let tree = whole.as_ref().unwrap_or(&first.tree);
        let stamp = first.stamp.clone();
        let siblings = match tree.known().len() == leaves.len() {
            true => tree.siblings().to_vec(),
            false => tree.only(&leaves).ok()?.siblings().to_vec(),
        };
        Some(Seal { stamp, runs: Seal::runs(self.members), siblings })
    }
}

#[cfg(test)]
mod tests;
