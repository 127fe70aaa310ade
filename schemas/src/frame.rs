//! [`Frame`]: what crosses a link, in one NATS message each.
//!
//! Up: `yz.up.<child>`; down: `yz.down.<child>`, both on the parent's bus. Any frame may be lost,
//! doubled or reordered; nothing but an [`Ack`] moves custody.

mod body;
mod query;
mod session;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use body::{Body, Carried, Record, Skip, SkipReason};
pub use query::{Answer, DEADLINE_MS_MAX, PART_BYTES_MAX, PARTS_MAX, QUERIES_SINCE, Query};
pub use session::{
    Chain, Have, Hello, LinkEpoch, Nudge, Offer, RefusalReason, Refused, SessionTag, Welcome,
};

use crate::Lane;
use crate::codec::{self, CodecError};
use crate::envelope::ENVELOPE_BYTES_MAX;

/// The newest frame version that this build speaks, as a hello says it; a session uses the older
/// of the two ends'.
///
/// | version | brings |
/// |---|---|
/// | 1 | hello, batches, acks, beats |
/// | 2 | folds of receipts, `beyond` in acks, skips of what was passed on, the boot in hellos |
/// | 3 | queries and answers |
pub const VERSION: u8 = 3;
/// The oldest one.
pub const VERSION_MIN: u8 = 1;
/// What a frame takes beside a body, so that its buffer rarely grows. Bytes.
const HEADER_BYTES_TYPICAL: usize = 256;
/// Most records in one batch.
pub const RECORDS_MAX: usize = 4096;
/// Longest frame, in bytes: NATS's default `max_payload`.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Longest record list behind decompression, in bytes.
pub const BODY_BYTES_MAX: usize = ENVELOPE_BYTES_MAX + 32 * 1024;
/// The highest leg that there is: a million a second would take nine years to come there. Sums of
/// what a frame says of legs stay far from the end of a `u64`.
pub const LEG_MAX: u64 = 1 << 48;
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
    /// A question, in either direction.
    Query(Query),
    /// A part of the answer to one.
    Answer(Answer),
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
    /// True if what came behind `through` was not taken for want of room: it will be sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
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
    /// True if the sender, or somebody above it, collects spans.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collects: bool,
}

impl Beat {
    /// One that asks for an answer.
    pub fn of(session: SessionTag, sent_ms: u64) -> Self {
        Self { session, sent_ms, echo_ms: None, collects: false }
    }
}

impl Frame {
    /// Writes the frame.
    pub fn encode(&self) -> Result<Bytes, CodecError> {
        let carried = match self {
            Self::Batch(batch) => batch.body.len(),
            _ => 0,
        };
        codec::encode_about(self, FRAME_BYTES_MAX, carried + HEADER_BYTES_TYPICAL)
    }

    /// Reads a frame, and refuses lists longer than their limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let frame: Self = codec::decode(bytes, FRAME_BYTES_MAX)?;
        if let Self::Batch(batch) = &frame
            && !(1..=LEG_MAX).contains(&batch.first)
        {
            let first = batch.first;
            let why = format!("a batch from leg {first} on; legs are numbered from 1 to {LEG_MAX}");
            return Err(CodecError::Malformed(why));
        }
        match &frame {
            Self::Query(query) => query.check()?,
            Self::Answer(answer) => answer.check()?,
            _ => {}
        }
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
