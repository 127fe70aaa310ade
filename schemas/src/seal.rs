//! [`Seal`]: the origin's signature over a batch of its messages.
//!
//! One Ed25519 signature covers the Merkle root of the messages' 16-byte digests, so signing costs
//! per frame and not per message. Where only some of the batch go on, `siblings` stand for what is
//! absent. The format is fixed from the first version on (golden vectors); signing and verifying
//! at every hop begin with version 0.3 of this software, until then frames carry no seals.

use serde::{Deserialize, Serialize};

use crate::envelope::Digest;

/// Most leaves under one signature: as many records as a frame may carry.
pub const LEAVES_MAX: u32 = crate::frame::RECORDS_MAX as u32;

/// How a seal is made; a field, so that SM2 with SM3 can stand beside Ed25519 later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519 over SHA-256.
    #[serde(rename = "ed25519-sha256")]
    Ed25519Sha256,
}

/// Which leaf of the tree a record of the same frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Position of the leaf in the origin's batch, from 0.
    pub leaf: u32,
    /// Position of the record in the frame, from 0.
    pub record: u32,
}

/// A signature, and which records of the frame it covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// How it is made.
    pub algorithm: Algorithm,
    /// First 8 bytes of SHA-256 of the public key.
    #[serde(with = "serde_bytes")]
    pub key_id: [u8; 8],
    /// Leaves of the whole tree, at most [`LEAVES_MAX`].
    pub leaves: u32,
    /// The leaves present in this frame.
    pub members: Vec<Member>,
    /// Digests of absent subtrees, left to right, top down.
    pub siblings: Vec<Digest>,
    /// Over `yizhan-seal-1`, the number of leaves and the root.
    #[serde(with = "serde_bytes")]
    pub signature: Vec<u8>,
}
