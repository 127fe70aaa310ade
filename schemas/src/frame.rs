//! [`Frame`]: what crosses a link, in one NATS message each.
//!
//! Up: `yz.up.<child>`; down: `yz.down.<child>`, both on the parent's bus. Any frame may be lost,
//! doubled or reordered; nothing but an [`Ack`] moves custody.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::codec::{self, CodecError};
use crate::envelope::ENVELOPE_BYTES_MAX;
use crate::seal::Seal;
use crate::{Code, Epoch, Lane, MessageId, PerLane, StoreId};

/// Most records in one batch.
pub const RECORDS_MAX: usize = 4096;
/// Longest frame, in bytes: NATS's default `max_payload`.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Longest record list behind decompression, in bytes.
pub const BODY_BYTES_MAX: usize = ENVELOPE_BYTES_MAX + 32 * 1024;
/// Most ranges in an ack's `beyond`.
pub const BEYOND_RANGES_MAX: usize = 64;

/// One message between a child and its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frame {
    /// Child to parent: opens a session.
    Hello(Hello),
    /// Parent to child: completes it.
    Welcome(Welcome),
    /// Parent to child: no session, and why.
    Refused(Refused),
    /// Parent to child: say hello again.
    Nudge(Nudge),
    /// Records of one lane.
    Batch(Batch),
    /// What is durable at the sender of the ack.
    Ack(Ack),
    /// A sign of life, and a measure of the round trip.
    Beat(Beat),
}

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
        hash.update(id.to_string().as_bytes());
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

fn first_eight(hash: Sha256) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(hash.finalize().split_at(8).0);
    short
}

/// Records of one lane with dense sequences from `first`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The session.
    pub session: SessionTag,
    /// The lane.
    pub lane: Lane,
    /// Leg sequence of the first record.
    pub first: u64,
    /// The sender's clock since boot when it filled the frame, milliseconds.
    pub sent_ms: u64,
    /// How `body` is packed; absent means not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packing: Option<Packing>,
    /// A [`Body`] by the codec.
    pub body: Bytes,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packing {
    /// Number of the zstd dictionary, negotiated in hello; 0 means none.
    pub dictionary: u32,
    /// Length before compression, bytes.
    pub raw_bytes: u32,
}

/// The records of a batch and the seals that cover them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// In order of leg sequence.
    pub records: Vec<Record>,
    /// Signatures of their origins.
    pub seals: Vec<Seal>,
}

/// One leg, or a run of legs that will not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A message.
    Carried(Carried),
    /// A run of legs without messages: taken like a record, so numbering stays dense.
    Skip(Skip),
}

impl Record {
    /// How many leg sequences it stands for.
    pub fn span(&self) -> u64 {
        match self {
            Self::Carried(_) => 1,
            Self::Skip(skip) => skip.through.saturating_sub(skip.from).saturating_add(1),
        }
    }
}

/// An envelope's bytes, and beside them what changes on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Bytes of an [`crate::Envelope`].
    pub envelope: Bytes,
    /// Known time since it was accepted, milliseconds.
    pub age_ms: u64,
    /// True if some station on the way could not tell how long it held it.
    pub age_unknown: bool,
    /// Links crossed before this one.
    pub hops: u32,
}

/// Legs that ended before they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// First leg sequence.
    pub from: u64,
    /// Last leg sequence.
    pub through: u64,
    /// Why.
    pub reason: SkipReason,
    /// The sender's chain through the last leg.
    pub chain: Chain,
}

/// Why a leg carries no message any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its time to live ran out.
    Expired,
    /// A newer message took its place.
    Superseded,
    /// Its sender took it back.
    Cancelled,
    /// It had been handed over, and is no longer kept for a refill.
    Evicted,
    /// The disk lost it.
    Damaged,
}

impl SkipReason {
    /// True if what was skipped may be missing somewhere: listed and counted.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Evicted | Self::Damaged)
    }
}

#[derive(Serialize, Deserialize)]
struct WireBody<'a> {
    #[serde(borrow)]
    records: Vec<WireRecord<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seals: Vec<Seal>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireRecord<'a> {
    #[serde(borrow)]
    Carried(WireCarried<'a>),
    Skip(Skip),
}

#[derive(Serialize, Deserialize)]
struct WireCarried<'a> {
    age_ms: u64,
    hops: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    age_unknown: bool,
    #[serde(with = "serde_bytes", borrow)]
    envelope: &'a [u8],
}

impl Body {
    /// Writes the records and seals.
    pub fn encode(&self) -> Result<Bytes, CodecError> {
        let records = self.records.iter().map(WireRecord::of).collect();
        codec::encode(&WireBody { records, seals: self.seals.clone() }, BODY_BYTES_MAX)
    }

    /// Reads them; envelopes are slices of `bytes`, not copies.
    pub fn decode(bytes: &Bytes) -> Result<Self, CodecError> {
        let wire: WireBody<'_> = codec::decode(bytes, BODY_BYTES_MAX)?;
        if wire.records.len() > RECORDS_MAX {
            return Err(CodecError::Malformed(format!(
                "{} records, allowed are {RECORDS_MAX}",
                wire.records.len()
            )));
        }
        let records = wire.records.into_iter().map(|record| record.owned(bytes)).collect();
        Ok(Self { records, seals: wire.seals })
    }
}

impl<'a> WireRecord<'a> {
    fn of(record: &'a Record) -> Self {
        match record {
            Record::Skip(skip) => Self::Skip(*skip),
            Record::Carried(carried) => Self::Carried(WireCarried {
                age_ms: carried.age_ms,
                hops: carried.hops,
                age_unknown: carried.age_unknown,
                envelope: &carried.envelope,
            }),
        }
    }

    fn owned(self, from: &Bytes) -> Record {
        match self {
            Self::Skip(skip) => Record::Skip(skip),
            Self::Carried(wire) => Record::Carried(Carried {
                envelope: from.slice_ref(wire.envelope),
                age_ms: wire.age_ms,
                age_unknown: wire.age_unknown,
                hops: wire.hops,
            }),
        }
    }
}

/// What the sender of the ack has durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The session.
    pub session: SessionTag,
    /// One entry for each lane that has news.
    pub lanes: Vec<LaneAck>,
    /// `sent_ms` of the newest frame answered, to measure the round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_ms: Option<u64>,
}

/// Cumulative ack of one lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneAck {
    /// The lane.
    pub lane: Lane,
    /// Every leg up to this one is durable here.
    pub through: u64,
    /// True if a leg behind `through` came while the next one is missing: send again from there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
    /// Ranges of legs that are durable one hop further, or ended there; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<(u64, u64)>,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// The session.
    pub session: SessionTag,
    /// The sender's clock since boot, milliseconds.
    pub sent_ms: u64,
    /// `sent_ms` of the beat answered; absent in one that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_ms: Option<u64>,
}

impl Frame {
    /// Writes the frame.
    pub fn encode(&self) -> Result<Bytes, CodecError> {
        codec::encode(self, FRAME_BYTES_MAX)
    }

    /// Reads a frame, and refuses lists longer than their limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let frame: Self = codec::decode(bytes, FRAME_BYTES_MAX)?;
        if let Self::Ack(ack) = &frame {
            let lanes_fit = ack.lanes.len() <= Lane::ALL.len();
            let ranges_fit = ack.lanes.iter().all(|lane| lane.beyond.len() <= BEYOND_RANGES_MAX);
            if !(lanes_fit && ranges_fit) {
                return Err(CodecError::Malformed(
                    "an ack of more than 4 lanes or 64 ranges".into(),
                ));
            }
        }
        Ok(frame)
    }
}
