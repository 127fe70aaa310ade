//! `telemetry.spans`: what a station saw of messages, on its way to who collects it.
//!
//! Spans are no messages of anybody's: they go one hop at a time, in the routine lane, outside
//! counts, receipts and reconciliation, and may be lost. One hop's span is a few dozen bytes: what
//! all of its trace have in common follows from the message's id (`node/src/telemetry/spans`).

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::query::Wait;
use crate::{Code, Kind, MessageId};

/// The kind. Publishers cannot use it.
pub const KIND: &str = "telemetry.spans";
/// Longest encoded batch, bytes.
pub const BATCH_BYTES_MAX: usize = 16 * 1024;
/// Most reasons that one span gives for a wait.
pub const REASONS_MAX: usize = 8;

/// What a station did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Took it from a publisher.
    Ingest,
    /// Wrote it down, with others.
    Commit,
    /// Handed it over to a neighbour.
    Send,
    /// Took it from a neighbour.
    Receive,
    /// Gave it to applications or an adapter.
    Deliver,
    /// Learnt that it ended at a station otherwise than delivered.
    Settle,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ingest, Self::Commit, Self::Send, Self::Receive, Self::Deliver, Self::Settle];

    /// Its name as a span.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Commit => "spool.commit",
            Self::Send => "link.send",
            Self::Receive => "link.receive",
            Self::Deliver => "deliver",
            Self::Settle => "settle",
        }
    }
}

/// One span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What was done.
    pub op: Operation,
    /// With which message.
    pub id: MessageId,
    /// Its kind; absent where only its id was at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The publisher's W3C trace context, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The station at the other end, or the one where it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Code>,
    /// When it began by the station's clock, Unix milliseconds.
    pub at_ms: u64,
    /// How long it took, milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub took_ms: u64,
    /// How long the message had been here, milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_ms: u64,
    /// Why, as far as known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Wait>,
    /// Records written down together with it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub batch: u64,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What one station saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The station.
    pub station: Code,
    /// Version of its software.
    pub version: String,
    /// What it saw.
    pub spans: Vec<Span>,
}

/// Spans of a station and of those below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// By station.
    pub seen: Vec<Seen>,
}

impl Batch {
    /// Writes the batch.
    ///
    /// # Errors
    /// Longer than [`BATCH_BYTES_MAX`].
    pub fn encode(&self) -> Result<bytes::Bytes, CodecError> {
        codec::encode(self, BATCH_BYTES_MAX)
    }

    /// Reads a batch.
    ///
    /// # Errors
    /// No batch, or beyond its limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, BATCH_BYTES_MAX)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::WaitReason;

    #[test]
    fn a_span_takes_few_bytes_and_reads_back_as_it_was() {
        let span = |sequence| Span {
            op: Operation::Send,
            id: format!("510722.101.002-b7k2qf-r{sequence}").parse().unwrap(),
            kind: Some(Kind::parse("incident.report").unwrap()),
            traceparent: None,
            peer: Some(Code::parse("510722.101").unwrap()),
            at_ms: 1_795_000_000_000,
            took_ms: 12,
            held_ms: 61_000,
            why: vec![Wait { why: WaitReason::LinkDown, ms: 60_000 }],
            batch: 0,
            error: None,
        };
        let seen = Seen {
            station: Code::parse("510722.101.002").unwrap(),
            version: "0.1.0".to_owned(),
            spans: (1..=50).map(span).collect(),
        };
        let batch = Batch { seen: vec![seen] };
        let bytes = batch.encode().unwrap();
        assert!(bytes.len() / 50 < 180, "{} bytes a span", bytes.len() / 50);
        assert_eq!(Batch::decode(&bytes).unwrap(), batch);
        assert!(Batch::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
