//! [`Seal`]: the origin's signature over a batch of its messages.
//!
//! One signature covers the Merkle root ([`tree`]) of the messages' 16-byte digests, so signing
//! costs per frame and not per message. Where only some of the batch go on, `siblings` stand for
//! what is absent; the signature stays what it was.
//!
//! On the wire a seal is an array, not a map: on a thin link every byte counts, and the first item,
//! the algorithm, says how to read the others. `schemas/README.md` has the exact bytes.

mod tree;
mod wire;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::envelope::Digest;

pub use tree::{Tree, TreeFault};

/// Most leaves under one signature: as many records as a frame may carry.
pub const LEAVES_MAX: u32 = crate::frame::RECORDS_MAX as u32;
/// What the signed bytes begin with.
pub const CONTEXT: [u8; 13] = *b"yizhan-seal-1";

/// How a seal is made; a field, so that SM2 with SM3 can stand beside Ed25519 later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub enum Algorithm {
    /// 1: Ed25519 over SHA-256.
    Ed25519Sha256,
    /// Any other: not known to this version. No signature of it is valid here, and it is carried on
    /// for those who know better.
    Other(
        /// Its number, not 1.
        u8,
    ),
}

impl From<u8> for Algorithm {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Ed25519Sha256,
            other => Self::Other(other),
        }
    }
}

impl From<Algorithm> for u8 {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Ed25519Sha256 => 1,
            Algorithm::Other(number) => number,
        }
    }
}

/// Which of an origin's keys made a seal: the first 8 bytes of SHA-256 of the public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(
    /// The bytes.
    #[serde(with = "serde_bytes")]
    pub [u8; 8],
);

impl KeyId {
    /// The id of a public key, given as its bytes.
    pub fn of(public: &[u8]) -> Self {
        let mut short = [0; 8];
        short.copy_from_slice(Sha256::digest(public).split_at(8).0);
        Self(short)
    }
}

/// What of a seal never changes: the signature, and what it is over but for the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// How it is made.
    pub algorithm: Algorithm,
    /// By which key.
    pub key: KeyId,
    /// Leaves of the whole tree, at most [`LEAVES_MAX`].
    pub leaves: u32,
    /// Over [`signed`].
    pub signature: Bytes,
}

/// The bytes that are signed: [`CONTEXT`], the number of leaves (4 bytes, big-endian), the root.
pub fn signed(leaves: u32, root: Digest) -> [u8; 33] {
    let mut bytes = [0; 33];
    let (context, rest) = bytes.split_at_mut(CONTEXT.len());
    let (count, end) = rest.split_at_mut(4);
    context.copy_from_slice(&CONTEXT);
    count.copy_from_slice(&leaves.to_be_bytes());
    end.copy_from_slice(&root.0);
    bytes
}

/// Consecutive leaves that are consecutive records of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Position of the first leaf in the tree, from 0.
    pub leaf: u32,
    /// Position of its record in the frame, from 0.
    pub record: u32,
    /// How many.
    pub count: u32,
}

/// A signature, and which records of the frame it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The signature.
    pub stamp: Stamp,
    /// The leaves present in this frame, in order of leaves.
    pub runs: Vec<Run>,
    /// Digests of the largest subtrees without a leaf present, left to right.
    pub siblings: Vec<Digest>,
}

impl Seal {
    /// The runs of leaves and their records, given in order of leaves.
    pub fn runs(members: impl IntoIterator<Item = (u32, u32)>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (leaf, record) in members {
            let follows =
                |run: &&mut Run| (run.leaf + run.count, run.record + run.count) == (leaf, record);
            match runs.last_mut().filter(follows) {
                Some(run) => run.count += 1,
                None => runs.push(Run { leaf, record, count: 1 }),
            }
        }
        runs
    }
}
