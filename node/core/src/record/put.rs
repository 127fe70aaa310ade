//! [`Put`]: a message on the disk, with the legs that it owes.

use serde::{Deserialize, Serialize};
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Envelope};

use super::Under;
use crate::link::Link;
use crate::time::{BootId, Now};

/// See [`super::Record::Put`].
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
