//! [`MessageStatus`]: what a station knows of one message.

use serde::{Deserialize, Serialize};

use crate::reply::Grade;
use crate::{Code, Kind, Lane, MessageId, Selector};

use super::word;

/// The answer of `GET /v1/messages/{id}`: at the origin of its own messages, elsewhere of what
/// passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageStatus {
    /// The message.
    pub id: MessageId,
    /// What it is about.
    pub kind: Kind,
    /// The station that took it from its publisher.
    pub origin: Code,
    /// Whom it is for.
    pub to: Selector,
    /// How urgent it is.
    #[serde(with = "word")]
    pub precedence: Lane,
    /// When the origin took it; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<String>,
    /// The furthest grade that is known here.
    pub grade: Grade,
    /// Each station that it is for.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// What happened to it, in order.
    #[serde(default)]
    pub trail: Vec<Trace>,
}

/// One station that a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The station.
    pub station: Code,
    /// `delivered`, `expired`, `rejected`, `superseded`, `cancelled`, `dead-lettered`; `null`
    /// while it is under way.
    pub outcome: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What an application answered: `acknowledged`, `completed`, `failed`; `null` if none did.
    pub answer: Option<String>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// One event in the life of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Where.
    pub station: Code,
    /// What: `accepted`, `received`, `handed_over`, `delivered`, an outcome.
    pub event: String,
    /// When, by that station's clock.
    pub at: String,
    /// How long the station had held it by then, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<u64>,
}
