//! [`Body`]: the records of a batch. Envelopes are slices of the frame, never copies.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{BODY_BYTES_MAX, Chain, LEG_MAX, RECORDS_MAX};
use crate::codec::{self, CodecError};
use crate::seal::Seal;

/// What a record takes beside its envelope, so that a buffer rarely grows. Bytes.
const CARRIED_BYTES_TYPICAL: usize = 48;
/// What a seal takes, likewise, and the body around all. Bytes.
const SEAL_BYTES_TYPICAL: usize = 160;

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

impl Skip {
    /// True if it is a run of legs that there may be.
    fn is_sound(&self) -> bool {
        1 <= self.from && self.from <= self.through && self.through <= LEG_MAX
    }
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
    /// It had been handed over, and the receiver had handed it on: no longer kept, and not missed.
    Passed,
    /// An adapter, or this station, would not take it.
    Rejected,
    /// Given up: nobody can say what became of it.
    DeadLettered,
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
        let carried = self.records.iter().map(|record| match record {
            Record::Carried(carried) => carried.envelope.len() + CARRIED_BYTES_TYPICAL,
            Record::Skip(_) => CARRIED_BYTES_TYPICAL,
        });
        let about_bytes = carried.sum::<usize>() + (self.seals.len() + 1) * SEAL_BYTES_TYPICAL;
        let body = WireBody { records, seals: self.seals.clone() };
        codec::encode_about(&body, BODY_BYTES_MAX, about_bytes)
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
        // looking at a seal is work, also at one that covers nothing
        let idle = |seal: &Seal| seal.runs.iter().all(|run| run.count == 0);
        if wire.seals.len() > wire.records.len() || wire.seals.iter().any(idle) {
            return Err(CodecError::Malformed("seals that cover nothing".to_owned()));
        }
        let wild =
            |record: &WireRecord<'_>| matches!(record, WireRecord::Skip(skip) if !skip.is_sound());
        if wire.records.iter().any(wild) {
            let why = format!("a skip that is no run of legs from 1 to {LEG_MAX}");
            return Err(CodecError::Malformed(why));
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
