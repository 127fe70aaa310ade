//! [`Matter`]: an incident or a case that is under way at the station that handles it, and
//! [`Change`]: what is written down of matters.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::incident::Severity;
use yizhan_schemas::payload::incident::card::Colour;
use yizhan_schemas::payload::stats::{Family, Measure};
use yizhan_schemas::{MessageId, Outcome};

use crate::record::Put;
use crate::time::{BootClock, BootId, Now};

/// How far a matter has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// An incident that nobody has touched.
    Reported,
    /// 受理
    Accepted,
    /// 交办
    Dispatched,
    /// 办理
    Handled,
    /// 核查
    Verified,
    /// 回退: back, with a reason.
    Returned,
    /// A case that the tier below asks this one to take.
    Proposed,
    /// A case that this tier mediates.
    Open,
    /// The tier above is asked to take it.
    Applied,
    /// The tier above has it.
    Risen,
}

impl Stage {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Accepted => "accepted",
            Self::Dispatched => "dispatched",
            Self::Handled => "handled",
            Self::Verified => "verified",
            Self::Returned => "returned",
            Self::Proposed => "proposed",
            Self::Open => "open",
            Self::Applied => "applied",
            Self::Risen => "risen",
        }
    }
}

/// A moment by our own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The boot.
    pub boot: BootId,
    /// Since that boot, milliseconds.
    pub boot_ms: u64,
    /// Wall clock, Unix milliseconds: for people, and for the day that it is counted on.
    pub wall_ms: u64,
}

impl Moment {
    /// This one.
    pub fn of(now: Now, boot: BootId) -> Self {
        Self { boot, boot_ms: now.boot_ms(), wall_ms: now.wall_ms }
    }

    /// How long ago it was, milliseconds. After a power cut whose length nobody can tell, only the
    /// time since this boot began counts.
    pub fn ago_ms(&self, now: Now, clock: &BootClock) -> u64 {
        clock.since_ms(now, self.boot, self.boot_ms).unwrap_or_else(|| now.boot_ms())
    }
}

/// What a report said, kept for the tier above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Its media type.
    pub content_type: Option<String>,
    /// Its bytes.
    pub payload: Bytes,
}

/// One that is under way here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matter {
    /// What it is.
    pub family: Family,
    /// What it is counted under.
    pub category: String,
    /// How far it has come.
    pub stage: Stage,
    /// Since when.
    pub since: Moment,
    /// When it came to this station.
    pub taken: Moment,
    /// Of an incident whose steps have deadlines: how bad it is.
    pub severity: Option<Severity>,
    /// The last card of this stage.
    pub card: Option<Colour>,
    /// True once a deadline was missed.
    pub missed: bool,
    /// The attempts that were recorded on this tier.
    pub attempts: Vec<MessageId>,
    /// What it goes by on the tier above.
    pub above: Option<MessageId>,
    /// What it said, while it may have to go up.
    pub body: Option<Body>,
}

/// Where a change leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum To {
    /// It is under way still.
    #[serde(rename = "s")]
    Stage(Stage),
    /// It has ended here.
    #[serde(rename = "e")]
    End,
}

/// Until when a message waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// Until the message that it speaks of is here.
    #[serde(rename = "s")]
    Subject(MessageId),
    /// Until the wall clock says so, Unix milliseconds.
    #[serde(rename = "h")]
    Hour(u64),
}

/// What is written down of matters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// What the next message is counted under, by the county's table of categories.
    #[serde(rename = "f")]
    Filed {
        /// That message.
        id: MessageId,
        /// The county's category.
        category: String,
    },
    /// Its steps have deadlines.
    #[serde(rename = "t")]
    Timed {
        /// The report.
        id: MessageId,
        /// How bad it is.
        severity: Severity,
        /// What it said, if it may have to go up.
        body: Option<Body>,
        /// When it came.
        at: Moment,
    },
    /// It takes a step.
    #[serde(rename = "s")]
    Stepped {
        /// Which matter.
        id: MessageId,
        /// Where to.
        to: To,
        /// What is counted.
        measure: Option<Measure>,
        /// What it goes by on the tier above from now on.
        above: Option<MessageId>,
        /// When.
        at: Moment,
    },
    /// A mediation was recorded.
    #[serde(rename = "a")]
    Attempted {
        /// Of which case.
        id: MessageId,
        /// The message that recorded it.
        by: MessageId,
        /// When.
        at: Moment,
    },
    /// A step is overdue.
    #[serde(rename = "c")]
    Carded {
        /// Of which matter.
        id: MessageId,
        /// How badly.
        card: Colour,
        /// When.
        at: Moment,
    },
    /// A closed case was judged.
    #[serde(rename = "v")]
    Evaluated {
        /// Which one.
        id: MessageId,
        /// When.
        at: Moment,
    },
    /// A step was refused.
    #[serde(rename = "r")]
    Refused {
        /// Of what.
        family: Family,
        /// When.
        at: Moment,
    },
    /// A message waits: its inbox leg, or all its legs, are opened later.
    #[serde(rename = "p")]
    Parked {
        /// The message, without those legs.
        put: Box<Put>,
        /// Until when.
        until: Until,
    },
    /// It waits no more, and is not gone on with.
    #[serde(rename = "d")]
    Dropped {
        /// Which one.
        id: MessageId,
    },
    /// A message that is not here yet was taken back.
    #[serde(rename = "x")]
    Tombstone {
        /// Which one.
        id: MessageId,
        /// How it ends when it comes.
        outcome: Outcome,
        /// When.
        at: Moment,
    },
}
