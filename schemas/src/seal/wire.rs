//! How seals are written: as arrays, digests side by side.

use bytes::Bytes;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Algorithm, KeyId, Run, Seal, Stamp, Tree, TreeFault};
use crate::envelope::Digest;

/// Bytes of a digest.
const DIGEST_BYTES: usize = 16;

/// Algorithm, key id, leaves, runs (leaf, record, count for each), siblings, signature.
type WireSeal = (Algorithm, KeyId, u32, Vec<u32>, Packed, Bytes);

impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Stamp { algorithm, key, leaves, signature } = &self.stamp;
        let runs = self.runs.iter().flat_map(|run| [run.leaf, run.record, run.count]).collect();
        let siblings = Packed(self.siblings.clone());
        let wire: WireSeal = (*algorithm, *key, *leaves, runs, siblings, signature.clone());
        wire.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Seal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (algorithm, key, leaves, numbers, Packed(siblings), signature) =
            WireSeal::deserialize(from)?;
        let (runs, rest) = numbers.as_chunks::<3>();
        if !rest.is_empty() {
            return Err(D::Error::custom("a run of a seal is three numbers"));
        }
        let run =
            |[leaf, record, count]: &[u32; 3]| Run { leaf: *leaf, record: *record, count: *count };
        let stamp = Stamp { algorithm, key, leaves, signature };
        Ok(Self { stamp, runs: runs.iter().map(run).collect(), siblings })
    }
}

/// Digests, side by side in one run of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed(Vec<Digest>);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|digest| digest.0).collect();
        to.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(from)?;
        let (digests, rest) = bytes.as_chunks::<DIGEST_BYTES>();
        if !rest.is_empty() {
            return Err(D::Error::custom("digests are 16 bytes each"));
        }
        Ok(Self(digests.iter().map(|digest| Digest(*digest)).collect()))
    }
}

/// How a tree is written down: leaves, runs of known ones (first, how many), their digests, the
/// siblings.
#[derive(Serialize, Deserialize)]
pub(super) struct WireTree(u32, Vec<(u32, u32)>, Packed, Packed);

impl From<Tree> for WireTree {
    fn from(tree: Tree) -> Self {
        let members = tree.known().iter().map(|(leaf, _)| (*leaf, *leaf));
        let runs = Seal::runs(members).into_iter().map(|run| (run.leaf, run.count)).collect();
        let known = tree.known().iter().map(|(_, digest)| *digest).collect();
        Self(tree.leaves(), runs, Packed(known), Packed(tree.siblings().to_vec()))
    }
}

impl TryFrom<WireTree> for Tree {
    type Error = TreeFault;

    fn try_from(WireTree(leaves, runs, known, siblings): WireTree) -> Result<Self, TreeFault> {
        let leaf = |(first, count): (u32, u32)| first..first.saturating_add(count);
        let many: u64 = runs.iter().map(|(_, count)| u64::from(*count)).sum();
        if many != known.0.len() as u64 {
            return Err(TreeFault);
        }
        let known = runs.into_iter().flat_map(leaf).zip(known.0).collect();
        Self::of(leaves, known, siblings.0)
    }
}
