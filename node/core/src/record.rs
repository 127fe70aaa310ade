//! [`Record`]: what a station writes down. All that it remembers is the fold of its records
//! ([`crate::kept::Kept::apply`]), and nothing is said before its records are durable.
//!
//! The one-letter names are the format on disk: kinds are added, never changed.

mod clock;
mod put;
mod under;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yizhan_schemas::frame::{Chain, LinkEpoch, Skip, SkipReason};
use yizhan_schemas::payload::receipt::Note;
use yizhan_schemas::payload::stats;
use yizhan_schemas::{Code, Epoch, Lane, MessageId, StoreId};
use yizhan_topology::Amendment;
use yizhan_topology::ruling::Ruling;

use crate::awaited;
use crate::link::Link;
use crate::matter::Change;
use crate::seal::HeldSeal;
use crate::time::BootId;

pub use clock::{Bridged, Exchanged};
pub use put::{Leg, PublisherKey, Put, Via};
pub use under::{Under, seal_of};

/// One entry of the custody log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The data directory was opened.
    #[serde(rename = "O")]
    Opened(Opened),
    /// A seal under which messages of the same commit came. The seals of a commit stand at its
    /// head, and a message names its own by its place among them.
    #[serde(rename = "G")]
    Seal(Arc<HeldSeal>),
    /// A message is here, with the legs that it owes.
    #[serde(rename = "P")]
    Put(Put),
    /// A leg came whose message was here already.
    #[serde(rename = "D")]
    Duplicate(Duplicate),
    /// A neighbour's legs that will not come.
    #[serde(rename = "K")]
    SkipTaken(SkipTaken),
    /// A leg came that is not an envelope: kept aside as it is.
    #[serde(rename = "Q")]
    Quarantined(Quarantined),
    /// Legs are durable at the neighbour, or the inbox is surely synced through them.
    #[serde(rename = "H")]
    HandedOver(Cursor),
    /// The neighbour has less than it acked: legs behind `through` are owed again.
    #[serde(rename = "W")]
    Rewound(Cursor),
    /// Legs ended without being handed over.
    #[serde(rename = "E")]
    Ended(Ended),
    /// Our offers in a lane get a new numbering.
    #[serde(rename = "N")]
    Renumbered(Renumbered),
    /// A neighbour's offers in a lane have a new numbering.
    #[serde(rename = "A")]
    Adopted(Adopted),
    /// A session with a neighbour.
    #[serde(rename = "S")]
    Session(Session),
    /// Which stream sequence an inbox leg has.
    #[serde(rename = "I")]
    InboxBound(InboxBound),
    /// Legs that are durable one hop further (two-hop cache).
    #[serde(rename = "B")]
    Beyond(Beyond),
    /// Legs handed over and no longer kept for a refill (two-hop cache).
    #[serde(rename = "V")]
    Evicted(Evicted),
    /// A message moved to a newer segment with the legs still open: changes no count.
    #[serde(rename = "R")]
    Reappended(Put),
    /// The index has the publishers' keys through this ordinal.
    #[serde(rename = "X")]
    Indexed(u64),
    /// A neighbour's notes on what became of messages were taken in.
    #[serde(rename = "F")]
    FoldTaken(FoldTaken),
    /// Something became of a message here, or was learnt of one of ours.
    #[serde(rename = "T")]
    Noted(Routed),
    /// An adapter is about to be asked: after a crash nobody knows whether it was.
    #[serde(rename = "M")]
    Attempting(Attempt),
    /// The adapter has answered.
    #[serde(rename = "J")]
    Attempted(Attempt),
    /// Legs with a time to live are about to leave: from here on they may have arrived.
    #[serde(rename = "L")]
    Offered(Cursor),
    /// Our clock and a neighbour's at one moment.
    #[serde(rename = "C")]
    Exchanged(Exchanged),
    /// How long the power was off, told by a neighbour's clock.
    #[serde(rename = "Y")]
    Bridged(Bridged),
    /// Keys that the root added and revoked, all that stand now.
    #[serde(rename = "U")]
    Amended(Amendment),
    /// The root's rules from some time on.
    #[serde(rename = "r")]
    Ruled(Ruling),
    /// Something became of a matter.
    #[serde(rename = "m")]
    Matter(Change),
    /// A message that waited is gone on with: these legs of it are open now.
    #[serde(rename = "w")]
    Resumed(Put),
    /// A child's counts were taken in.
    #[serde(rename = "d")]
    DigestTaken(DigestTaken),
    /// Answers to a directive of our own are waited for, or not any more.
    #[serde(rename = "a")]
    Awaited(awaited::Change),
    /// A directive that repeats was issued.
    #[serde(rename = "n")]
    RoundIssued(RoundIssued),
    /// The whole of [`crate::kept::Kept`] at the head of a segment, encoded.
    #[serde(rename = "Z")]
    Snapshot(Bytes),
}

/// See [`Record::Opened`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Drawn when the directory was made.
    pub store: StoreId,
    /// Drawn at this opening.
    pub epoch: Epoch,
    /// The machine's boot.
    pub boot: BootId,
    /// The station's code at the time.
    pub code: Code,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: u64,
    /// The epoch of this opening's folds, which are numbered apart: no hole in the sequences of
    /// messages, so that what others have seen of them stays small.
    #[serde(default)]
    pub notes_epoch: Option<Epoch>,
}

impl Record {
    /// The message that it is about, with legs that it opens or moves.
    pub fn put(&self) -> Option<&Put> {
        match self {
            Self::Put(put) | Self::Reappended(put) | Self::Resumed(put) => Some(put),
            _ => None,
        }
    }
}

/// See [`Record::Duplicate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The neighbour.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// Its leg sequence.
    pub sequence: u64,
    /// The chain through it.
    pub chain: Chain,
}

/// See [`Record::SkipTaken`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipTaken {
    /// The neighbour.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// What it said.
    pub skip: Skip,
}

/// See [`Record::Quarantined`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The neighbour.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// Its leg sequence.
    pub sequence: u64,
    /// The chain through it.
    pub chain: Chain,
    /// The bytes that came.
    pub bytes: Bytes,
    /// What is wrong with them.
    pub why: String,
}

/// A point in one lane of one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// The last leg meant.
    pub through: u64,
}

/// See [`Record::Evicted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// The first leg no longer kept.
    pub from: u64,
    /// The last leg no longer kept.
    pub through: u64,
    /// The chain through the last.
    pub chain: Chain,
}

/// See [`Record::Ended`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// First leg.
    pub from: u64,
    /// Last leg.
    pub through: u64,
    /// How they ended.
    pub reason: SkipReason,
}

/// See [`Record::Renumbered`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renumbered {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// The new numbering.
    pub link_epoch: LinkEpoch,
    /// Its first leg sequence: what is owed from there on is offered again.
    pub start: u64,
    /// The chain just before it.
    pub start_chain: Chain,
}

/// See [`Record::Adopted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// The neighbour's numbering.
    pub link_epoch: LinkEpoch,
    /// The sequence taken next.
    pub expected: u64,
    /// The chain just before it.
    pub chain: Chain,
}

/// See [`Record::Session`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The neighbour.
    pub link: Link,
    /// Its data directory.
    pub store: StoreId,
    /// Its epoch.
    pub epoch: Epoch,
    /// The hello's counter.
    pub counter: u64,
}

/// See [`Record::InboxBound`]: from `from_leg` on, leg n has stream sequence n + `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxBound {
    /// Creation time of the stream, Unix nanoseconds: another one means another stream.
    pub created_ns: i64,
    /// First leg meant.
    pub from_leg: u64,
    /// Stream sequence less leg sequence.
    pub offset: i64,
}

/// See [`Record::Beyond`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beyond {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// Leg sequences, both ends included.
    pub ranges: Vec<(u64, u64)>,
}

/// A note, and the neighbour that it goes to next; `None` where its messages are our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// The next station on the way to the origin.
    pub toward: Option<Link>,
    /// The note.
    pub note: Note,
}

/// See [`Record::FoldTaken`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldTaken {
    /// The neighbour.
    pub link: Link,
    /// Its leg sequence, in the lane of the id.
    pub sequence: u64,
    /// The message that carried it.
    pub id: MessageId,
    /// What it tells, and whom that concerns.
    pub notes: Vec<Routed>,
}

/// See [`Record::RoundIssued`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundIssued {
    /// Its name in the policy.
    pub name: String,
    /// The hour that it was issued for, Unix milliseconds.
    pub hour_ms: u64,
}

/// See [`Record::DigestTaken`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestTaken {
    /// The child.
    pub link: Link,
    /// Its leg sequence, in the lane of the id.
    pub sequence: u64,
    /// The message that carried it.
    pub id: MessageId,
    /// What it says.
    pub digest: stats::Digest,
}

/// One leg of [`Link::Adapter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The lane.
    pub lane: Lane,
    /// The leg.
    pub leg: u64,
}
