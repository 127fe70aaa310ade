//! `directive.issue`: something is to be done. Whom it is for is the selector's to say. What is said
//! of missing answers: [`reminder`].

pub mod reminder;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::notice::{MsgType, Status};
use super::{ID_PATTERN, INSTANT_PATTERN};

/// The kind.
pub const KIND: &str = "directive.issue";

/// A directive to stations below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "directive.issue")]
pub struct Issue {
    /// Its heading.
    #[schemars(length(min = 1, max = 500))]
    pub title: String,
    /// What is to be done.
    #[schemars(length(max = 50000))]
    pub text: String,
    /// Which answer is asked for.
    pub requires: Requires,
    /// By when (RFC 3339 with offset).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub due: Option<String>,
    /// Not to be sent before (RFC 3339 with offset); the station that takes it keeps it so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub not_before: Option<String>,
    /// Whether it is meant: `Exercise` says that it is not.
    #[serde(default)]
    pub status: Status,
    /// What it does to those in `references`.
    #[serde(default, rename = "msgType")]
    pub msg_type: MsgType,
    /// Earlier messages of the same origin, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(regex(pattern = ID_PATTERN)))]
    pub references: Vec<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Issue {
    /// A directive of which nothing is said that need not be.
    pub fn plain(title: String, text: String, requires: Requires) -> Self {
        Self {
            title,
            text,
            requires,
            due: None,
            not_before: None,
            status: Status::default(),
            msg_type: MsgType::default(),
            references: Vec::new(),
            more: Map::new(),
        }
    }

    /// Its JSON.
    pub fn to_json(&self) -> bytes::Bytes {
        super::to_json(self)
    }
}

impl Requires {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Acknowledged, Self::Completed];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Completed => "completed",
        }
    }
}

/// The answer that a directive asks for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Requires {
    /// Being in the inbox is enough.
    Delivered,
    /// Somebody has read it.
    Acknowledged,
    /// It has been done.
    Completed,
}
