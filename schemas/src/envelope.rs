//! [`Envelope`]: immutable header and opaque payload, made once at the origin.
//!
//! The bytes made there are the bytes stored, forwarded, signed and delivered by every station;
//! what changes on the way (age, hops) travels beside them, see [`crate::frame::Carried`].

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::codec::{self, CodecError};
use crate::{Code, Epoch, Kind, Lane, MessageId, Selector};

/// Largest payload unless configured otherwise (`ingest.max_payload`).
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Room for the header beside the payload.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// What the header of most messages takes, so that a buffer rarely grows. Bytes.
const HEADER_BYTES_TYPICAL: usize = 256;
/// Largest envelope that any station reads, whatever its neighbour's configuration says.
pub const ENVELOPE_BYTES_MAX: usize = 1024 * 1024 - 64 * 1024;

/// What stations need to know of a message. Fields are only ever added, and optional.
///
/// Their names on the wire are short: every hop writes each of them to its disk with every message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The station that took it from its publisher.
    #[serde(rename = "o")]
    pub origin: Code,
    /// That station's epoch.
    #[serde(rename = "e")]
    pub epoch: Epoch,
    /// Its precedence.
    #[serde(rename = "l")]
    pub lane: Lane,
    /// Its sequence within (origin, epoch, lane), from 1.
    #[serde(rename = "s")]
    pub sequence: u64,
    /// What it is about.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// Whom it is for, as its publisher said.
    #[serde(rename = "t")]
    pub to: Selector,
    /// Where `up` leads by the origin's policy; absent if `to` says it all.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Selector>,
    /// Stations on the way that policy gives an inbox copy.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Selector>,
    /// Wall clock of the origin, Unix milliseconds; for people, never for decisions.
    #[serde(rename = "a")]
    pub accepted_ms: u64,
    /// Time to live, milliseconds of age.
    #[serde(rename = "ttl", default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// Media type of the payload; absent means `application/json`.
    #[serde(rename = "ct", default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// W3C trace context of the publisher.
    #[serde(rename = "tp", default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The publisher's CloudEvents id.
    #[serde(rename = "id", default, skip_serializing_if = "Option::is_none")]
    pub ce_id: Option<String>,
    /// The publisher's CloudEvents source.
    #[serde(rename = "src", default, skip_serializing_if = "Option::is_none")]
    pub ce_source: Option<String>,
    /// When it happened, as the publisher said (RFC 3339).
    #[serde(rename = "at", default, skip_serializing_if = "Option::is_none")]
    pub ce_time: Option<String>,
    /// Other CloudEvents attributes, handed through.
    #[serde(rename = "x", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ce_extensions: BTreeMap<String, String>,
    /// Messages that this one continues.
    #[serde(rename = "ref", default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<MessageId>,
}

impl Header {
    /// The header of a message of which nothing is said that need not be.
    pub fn plain(id: MessageId, kind: Kind, to: Selector, accepted_ms: u64) -> Self {
        let MessageId { origin, epoch, lane, sequence } = id;
        Self {
            origin,
            epoch,
            lane,
            sequence,
            kind,
            to,
            handle: None,
            notify: None,
            accepted_ms,
            ttl_ms: None,
            content_type: None,
            traceparent: None,
            ce_id: None,
            ce_source: None,
            ce_time: None,
            ce_extensions: BTreeMap::new(),
            references: Vec::new(),
        }
    }

    /// The message's id.
    pub fn id(&self) -> MessageId {
        MessageId {
            origin: self.origin.clone(),
            epoch: self.epoch,
            lane: self.lane,
            sequence: self.sequence,
        }
    }

    /// Whom it is for, `up` resolved.
    pub fn handled_by(&self) -> &Selector {
        self.handle.as_ref().unwrap_or(&self.to)
    }
}

/// A header, its payload, and the bytes that both were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    header: Header,
    payload: Bytes,
    bytes: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(rename = "h")]
    header: Header,
    #[serde(rename = "p", with = "serde_bytes", borrow)]
    payload: &'a [u8],
}

impl Envelope {
    /// Makes the bytes. Only an origin does this, once for each message.
    pub fn make(header: Header, payload: &[u8]) -> Result<Self, CodecError> {
        numbered(&header)?;
        let wire = Wire { header, payload };
        let bytes =
            codec::encode_about(&wire, ENVELOPE_BYTES_MAX, payload.len() + HEADER_BYTES_TYPICAL)?;
        // the payload is the last field: its bytes are the last ones
        let payload = bytes.slice(bytes.len().saturating_sub(payload.len())..);
        Ok(Self { header: wire.header, payload, bytes })
    }

    /// Reads an envelope from its bytes, which it keeps.
    pub fn read(bytes: Bytes) -> Result<Self, CodecError> {
        let wire: Wire<'_> = codec::decode(&bytes, ENVELOPE_BYTES_MAX)?;
        numbered(&wire.header)?;
        let payload = bytes.slice_ref(wire.payload);
        Ok(Self { header: wire.header, payload, bytes })
    }

    /// Its header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The body as it was published.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The bytes that every hop stores and forwards.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// First 16 bytes of SHA-256 of the bytes: what a seal covers.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// One without a number has no id that reads back: whoever kept it could not read its own memory
/// again.
fn numbered(header: &Header) -> Result<(), CodecError> {
    match header.sequence {
        0 => Err(CodecError::Malformed("sequence 0: messages are counted from 1".into())),
        _ => Ok(()),
    }
}

impl Serialize for Envelope {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.bytes)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(Bytes::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// First 16 bytes of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(
    /// The bytes.
    #[serde(with = "serde_bytes")]
    pub [u8; 16],
);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(Sha256::digest(bytes).split_at(16).0);
        Self(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_number_is_refused_because_its_id_would_not_read_back() {
        let header = |sequence| {
            Header::plain(
                MessageId {
                    origin: Code::parse("510722.101").unwrap(),
                    epoch: Epoch::from_random(1),
                    lane: Lane::Flash,
                    sequence,
                },
                Kind::parse("incident.report").unwrap(),
                Selector::up(),
                0,
            )
        };
        assert!(Envelope::make(header(0), b"{}").is_err());
        let made = Envelope::make(header(1), b"{}").unwrap();
        assert_eq!(Envelope::read(made.bytes().clone()).unwrap(), made);
        let id = made.header().id();
        assert_eq!(MessageId::parse(&id.to_string()), Ok(id));
    }
}
