//! What a station says about itself and about one message: the answers of `GET /v1/stations`,
//! `/v1/messages/{id}` and `/v1/stream`, and what children send to their parent on
//! `yz.status.<code>`.
//!
//! Promise: members are only added; what a reader does not know it skips, and what a writer has
//! nothing to say about is left out. Ages and times of flight are milliseconds, times of day are
//! RFC 3339 with an offset.

mod message;
mod stream;
mod sum;

use serde::{Deserialize, Serialize};

pub use message::{MessageStatus, Target, Trace};
pub use stream::Happening;
pub use sum::{MISSING_MAX, Sum};

use crate::{Code, Lane};

/// The answer of `GET /v1/stations`: the station asked, then those below it, by code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stations {
    /// Each station once.
    pub stations: Vec<StationStatus>,
    /// On `yz.status.<code>`: the next word is to be expected after so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
}

/// One station, as it sees itself or as it was last heard of. Also `GET /v1/stations/{code}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationStatus {
    /// Its place.
    pub code: Code,
    /// Its name; left out on the wire, because a parent has it in its topology.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The name of its tier; left out on the wire likewise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tier: String,
    /// Whether it is being heard of; `null` if that cannot be known from here.
    pub online: Option<bool>,
    /// Since when `online` is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The version of its software; empty if it was never heard of.
    #[serde(default)]
    pub version: String,
    /// Its links: up, each child, the inbox.
    #[serde(default)]
    pub links: Vec<LinkStatus>,
    /// Messages that it took from publishers since its data directory was made.
    #[serde(default)]
    pub accepted: u64,
    /// Messages that entered its inbox since then.
    #[serde(default)]
    pub delivered: u64,
    /// Version of the policy that counts there; 0 is the one of a topology file without a version.
    #[serde(default, skip_serializing_if = "unsaid")]
    pub policy_version: u64,
    /// Age of the oldest message that it still has to hand over, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_oldest_ms: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks it so")]
fn unsaid(version: &u64) -> bool {
    *version == 0
}

impl StationStatus {
    /// What is known of a station that was never heard of.
    pub fn unheard(code: Code) -> Self {
        Self {
            code,
            name: String::new(),
            tier: String::new(),
            online: None,
            since: None,
            version: String::new(),
            links: Vec::new(),
            accepted: 0,
            delivered: 0,
            policy_version: 0,
            age_oldest_ms: None,
        }
    }

    /// The link to its parent; a root has none.
    pub fn uplink(&self) -> Option<&LinkStatus> {
        self.links.iter().find(|link| link.link == "up")
    }

    /// Messages that wait on all its links.
    pub fn backlog(&self) -> u64 {
        self.links.iter().map(|link| link.backlog.messages()).sum()
    }

    /// Age of the oldest message that it has to hand over, in milliseconds.
    pub fn oldest_ms(&self) -> Option<u64> {
        let on_links = self.links.iter().filter_map(|link| link.backlog.oldest_ms()).max();
        self.age_oldest_ms.max(on_links)
    }
}

/// One link of a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// `up`, `inbox`, or a child's code.
    pub link: String,
    /// True if there is a session and it shows life.
    pub up: bool,
    /// Round trip, in milliseconds; absent until measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u64>,
    /// What waits to be handed over.
    #[serde(default)]
    pub backlog: Backlog,
}

/// What waits on a link, by lane; empty lanes are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Backlog {
    /// 特提.
    #[serde(default, skip_serializing_if = "LaneBacklog::is_empty")]
    pub flash: LaneBacklog,
    /// 特急.
    #[serde(default, skip_serializing_if = "LaneBacklog::is_empty")]
    pub immediate: LaneBacklog,
    /// 加急.
    #[serde(default, skip_serializing_if = "LaneBacklog::is_empty")]
    pub priority: LaneBacklog,
    /// 平急.
    #[serde(default, skip_serializing_if = "LaneBacklog::is_empty")]
    pub routine: LaneBacklog,
}

/// What waits in one lane of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LaneBacklog {
    /// How many messages.
    pub messages: u64,
    /// Age of the oldest of them, in milliseconds; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
}

impl LaneBacklog {
    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }
}

impl Backlog {
    /// One lane, to fill in.
    pub fn get_mut(&mut self, lane: Lane) -> &mut LaneBacklog {
        match lane {
            Lane::Flash => &mut self.flash,
            Lane::Immediate => &mut self.immediate,
            Lane::Priority => &mut self.priority,
            Lane::Routine => &mut self.routine,
        }
    }

    /// All lanes, most urgent first.
    pub fn lanes(&self) -> [(Lane, LaneBacklog); 4] {
        let Self { flash, immediate, priority, routine } = *self;
        [
            (Lane::Flash, flash),
            (Lane::Immediate, immediate),
            (Lane::Priority, priority),
            (Lane::Routine, routine),
        ]
    }

    /// Messages in all lanes.
    pub fn messages(&self) -> u64 {
        self.lanes().iter().map(|(_, lane)| lane.messages).sum()
    }

    /// Age of the oldest message in any lane, in milliseconds.
    pub fn oldest_ms(&self) -> Option<u64> {
        self.lanes().iter().filter_map(|(_, lane)| lane.oldest_ms).max()
    }
}

/// Precedences as words, for answers that people read.
mod word {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::Lane;

    pub(super) fn serialize<S: Serializer>(lane: &Lane, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(lane.word())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Lane, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
