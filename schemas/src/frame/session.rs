//! Sessions: what two stations say to each other before records flow.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Code, Epoch, MessageId, PerLane, StoreId};

/// A numbering of one lane in one direction: a sender that cannot go on with the old numbers
/// starts a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkEpoch {
    /// The sender's epoch when it began: drawn at random, so never used before.
    pub epoch: Epoch,
    /// Counted within that epoch.
    pub n: u32,
}

/// Hash over the (leg sequence, message id) pairs of one lane so far. Equal hashes at equal
/// sequences mean equal histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(
    /// First 8 bytes of SHA-256.
    #[serde(with = "serde_bytes")]
    pub [u8; 8],
);

impl Chain {
    /// The chain with one more leg.
    pub fn then(self, sequence: u64, id: &MessageId) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(sequence.to_be_bytes());
        // writing into a hash does not fail
        let _ = write!(Hashed(&mut hash), "{id}");
        Self(first_eight(hash))
    }
}

/// What a sender offers in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The numbering in use.
    pub link_epoch: LinkEpoch,
    /// First sequence of this numbering.
    pub start: u64,
    /// The chain just before `start`.
    pub start_chain: Chain,
    /// The sequence that its next leg will get.
    pub next: u64,
}

/// What a receiver has in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Have {
    /// The numbering it knows; absent if it has never heard from this neighbour.
    pub link_epoch: Option<LinkEpoch>,
    /// The sequence that it takes next.
    pub expected: u64,
    /// The chain through `expected - 1`.
    pub chain: Chain,
}

/// A child opens a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Newest frame version that it speaks.
    pub version: u8,
    /// Who it is.
    pub code: Code,
    /// The code that its store was made under, if that was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formerly: Option<Code>,
    /// Its data directory.
    pub store: StoreId,
    /// This opening of it.
    pub epoch: Epoch,
    /// Counts hellos within the epoch; a higher one wins.
    pub counter: u64,
    /// Its clock since boot, milliseconds.
    pub boot_ms: u64,
    /// Its machine's boot: two readings of its clock compare only if this is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<u32>,
    /// What it offers, upward.
    pub offers: PerLane<Offer>,
    /// What it has, downward.
    pub haves: PerLane<Have>,
    /// Dictionaries that it can read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dictionaries: Vec<u32>,
    /// Name and version of its software.
    pub software: String,
}

/// The parent completes the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version that both speak.
    pub version: u8,
    /// Who answers.
    pub code: Code,
    /// Its data directory.
    pub store: StoreId,
    /// This opening of it.
    pub epoch: Epoch,
    /// The counter of the hello answered.
    pub counter: u64,
    /// Its clock since boot, milliseconds.
    pub boot_ms: u64,
    /// Its machine's boot: two readings of its clock compare only if this is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<u32>,
    /// Its wall clock, Unix milliseconds: shown to people, decided on by nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// What it offers, downward.
    pub offers: PerLane<Offer>,
    /// What it has, upward.
    pub haves: PerLane<Have>,
    /// Dictionaries that it can read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dictionaries: Vec<u32>,
    /// Name and version of its software.
    pub software: String,
}

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// No version in common.
    Version,
    /// Not a child in the parent's topology.
    UnknownStation,
    /// Another data directory claims the code, and the known one is alive.
    StoreConflict,
    /// A data directory that was replaced.
    StoreReplaced,
    /// An older hello than one seen.
    Stale,
}

/// The parent's no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub reason: RefusalReason,
    /// The same for people.
    pub message: String,
    /// The counter of the hello answered.
    pub counter: u64,
}

/// A parent that (re)started asks for a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nudge {
    /// The parent's epoch.
    pub epoch: Epoch,
}

/// Both ends of a session, hashed: every frame of it carries this, others are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionTag(
    /// First 8 bytes of SHA-256 over what the session is made of.
    #[serde(with = "serde_bytes")]
    pub [u8; 8],
);

impl SessionTag {
    /// The tag of the session that this pair opens: both stores and epochs, the counter, and the
    /// link epoch of each lane and direction.
    pub fn of(hello: &Hello, welcome: &Welcome) -> Self {
        let mut hash = Sha256::new();
        for (store, epoch) in [(hello.store, hello.epoch), (welcome.store, welcome.epoch)] {
            hash.update(store.to_string());
            hash.update(epoch.to_string());
        }
        hash.update(hello.counter.to_be_bytes());
        for offers in [&hello.offers, &welcome.offers] {
            for (_, offer) in offers.iter() {
                hash.update(offer.link_epoch.epoch.to_string());
                hash.update(offer.link_epoch.n.to_be_bytes());
            }
        }
        Self(first_eight(hash))
    }
}

/// Hashes what is written, where it stands.
struct Hashed<'a>(&'a mut Sha256);

impl fmt::Write for Hashed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn first_eight(hash: Sha256) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(hash.finalize().split_at(8).0);
    short
}
