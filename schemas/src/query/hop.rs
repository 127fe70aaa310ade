//! [`Hop`]: what one station says of a message.

use serde::{Deserialize, Serialize};

use super::EVENTS_MAX;
use crate::Code;

/// One station on the way of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The station.
    pub station: Code,
    /// Whether it knows the message, or could be asked at all.
    pub state: HopState,
    /// Why it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What happened there, and what it was told by others, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<HopEvent>,
    /// What a message that is still there waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
}

/// Whether a station knows a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopState {
    /// It does, and holds it.
    Holding,
    /// It does, and holds it no more.
    Passed,
    /// It does not: the message has not come there, or its history is gone.
    Unknown,
    /// It could not be asked.
    Dark,
}

/// One event at, or known to, a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopEvent {
    /// `accepted`, `received`, `handed_over`, `relayed`, an outcome or an answer.
    pub event: String,
    /// Where; of `handed_over`, to whom.
    pub station: Code,
    /// When, by the clock of whoever says so.
    pub at: String,
    /// How long the station had held it by then, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<u64>,
    /// What it waited for in that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Why a message stayed, and how long for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Why.
    pub why: WaitReason,
    /// How long, milliseconds.
    pub ms: u64,
}

/// What a message may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// The link was down.
    LinkDown,
    /// The station itself did not run.
    StationDown,
    /// The inbox took nothing: its stream was full, or not there.
    InboxClosed,
    /// The link was up, and the neighbour had no room: its spool was full.
    Quota,
    /// The link was up, and others were before it in its lane.
    Lane,
}

impl Hop {
    /// A station that could not be asked.
    pub fn dark(station: Code, why: &str) -> Self {
        let (state, why) = (HopState::Dark, Some(why.to_owned()));
        Self { station, state, why, events: Vec::new(), waits: Vec::new() }
    }

    pub(super) fn fits(&self) -> bool {
        self.events.len() <= EVENTS_MAX
    }
}

impl WaitReason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::LinkDown, Self::StationDown, Self::InboxClosed, Self::Quota, Self::Lane];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::LinkDown => "link_down",
            Self::StationDown => "station_down",
            Self::InboxClosed => "inbox_closed",
            Self::Quota => "quota",
            Self::Lane => "lane",
        }
    }
}
