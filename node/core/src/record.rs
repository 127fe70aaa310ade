//! [`Record`]: what a station writes down. All that it remembers is the fold of its records
//! ([`crate::kept::Kept::apply`]), and nothing is said before its records are durable.
//!
//! The one-letter names are the format on disk: kinds are added, never changed.

mod clock;
mod under;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::{Chain, LinkEpoch, Skip, SkipReason};
use yizhan_schemas::payload::receipt::Note;
use yizhan_schemas::payload::stats;
use yizhan_schemas::{Code, Envelope, Epoch, Lane, MessageId, StoreId};
use yizhan_topology::Amendment;
use yizhan_topology::ruling::Ruling;

use crate::link::Link;
use crate::matter::Change;
use crate::seal::HeldSeal;
use crate::time::{BootId, Now};

pub use clock::{Bridged, Exchanged};
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

/// See [`Record::Put`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Put {
    /// The message.
    pub envelope: Envelope,
    /// How it came; `None` if a publisher submitted it here.
    pub via: Option<Via>,
    /// Known age when it was taken, milliseconds.
    pub age_ms: u64,
    /// True if some station before could not tell how long it held it.
    pub age_unknown: bool,
    /// Links crossed to come here.
    pub hops: u32,
    /// The boot in which it was taken.
    pub boot: BootId,
    /// Our clock since that boot when it was taken, milliseconds.
    pub taken_boot_ms: u64,
    /// Our wall clock then, Unix milliseconds.
    pub taken_wall_ms: u64,
    /// What it owes, chosen once.
    pub legs: Vec<Leg>,
    /// The publisher's key, if it gave one.
    pub key: Option<PublisherKey>,
    /// True if one of the same origin and lane with a higher sequence was here before: the order
    /// is not what it was.
    #[serde(default)]
    pub late: bool,
    /// Of a message of our own: the stations that it is for, fixed when it was taken.
    #[serde(default)]
    pub targets: Vec<Code>,
    /// The seal that it came under, if it goes on to a neighbour.
    #[serde(default)]
    pub under: Option<Under>,
    /// True if it opens a matter that this station handles.
    #[serde(default)]
    pub opens: bool,
}

/// The leg of a neighbour by which a message came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// The neighbour.
    pub link: Link,
    /// Its leg sequence, in the message's lane.
    pub sequence: u64,
}

/// One message owed to one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// To whom.
    pub link: Link,
    /// Dense per link and lane.
    pub sequence: u64,
    /// The chain through this leg.
    pub chain: Chain,
}

/// What makes a publisher's retry recognisable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublisherKey {
    /// `ce-source`, else the publisher's user.
    pub scope: String,
    /// `ce-id` or `Nats-Msg-Id`.
    pub key: String,
    /// Digest of the body.
    pub body: Digest,
}

impl Put {
    /// A message made at this station, with its legs.
    pub fn of_our_own(envelope: Envelope, now: Now, boot: BootId, legs: Vec<Leg>) -> Self {
        Self {
            envelope,
            via: None,
            age_ms: 0,
            age_unknown: false,
            hops: 0,
            boot,
            taken_boot_ms: now.boot_ms(),
            taken_wall_ms: now.wall_ms,
            legs,
            key: None,
            late: false,
            targets: Vec::new(),
            under: None,
            opens: false,
        }
    }
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
