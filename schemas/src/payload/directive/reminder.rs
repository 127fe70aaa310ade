//! `directive.reminder` and `directive.overdue`: an answer is missing. Stations say so themselves;
//! nobody publishes these.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Requires;
use crate::payload::{ID_PATTERN, INSTANT_PATTERN};

/// The kind of a reminder.
pub const KIND: &str = "directive.reminder";
/// The kind of the card that its issuer gets.
pub const OVERDUE_KIND: &str = "directive.overdue";
/// Most stations that a card names; `missing_count` counts all.
pub const MISSING_MAX: usize = 1000;

/// To a station whose answer is missing at half of the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "directive.reminder")]
pub struct Reminder {
    /// The directive.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// Who issued it.
    pub station: String,
    /// Which answer it asks for.
    pub requires: Requires,
    /// By when (RFC 3339 with offset).
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub due: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// To the station that issued a directive: it is due, and these have not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "directive.overdue")]
pub struct Overdue {
    /// The directive.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// Who issued it.
    pub station: String,
    /// Which answer it asks for.
    pub requires: Requires,
    /// By when (RFC 3339 with offset).
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub due: String,
    /// The stations that have not given it.
    #[schemars(length(max = 1000))]
    pub missing: Vec<String>,
    /// How many those are, also where not all are named.
    pub missing_count: u64,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Reminder {
    /// Its JSON.
    pub fn to_json(&self) -> Bytes {
        crate::payload::to_json(self)
    }
}

impl Overdue {
    /// Its JSON.
    pub fn to_json(&self) -> Bytes {
        crate::payload::to_json(self)
    }
}
