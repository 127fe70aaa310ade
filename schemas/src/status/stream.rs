//! [`Happening`]: one event of `GET /v1/stream`.

use serde::{Deserialize, Serialize};

use crate::{Code, Kind, Lane, MessageId, Selector};

use super::word;

/// Something that happened to a message at the station asked; the `data` of a server-sent event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When, by that station's clock.
    pub at: String,
    /// What, as in a trail: `accepted`, `received`, `handed_over`, `delivered`, an outcome.
    pub event: String,
    /// Where.
    pub station: Code,
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
    /// How long the station had held it by then, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<u64>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
