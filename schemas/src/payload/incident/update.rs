//! `incident.update`: an incident takes a step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::payload::{ID_PATTERN, INSTANT_PATTERN};

/// The kind.
pub const KIND: &str = "incident.update";

/// One step of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "incident.update")]
pub struct Update {
    /// The report that it is about: its message id.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// The step.
    pub step: Step,
    /// Why; needed for `returned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub reason: Option<String>,
    /// Who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("dataclassification" = "personal"))]
    pub by: Option<String>,
    /// When (RFC 3339 with offset).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub at: Option<String>,
    /// What was done, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20000), extend("dataclassification" = "personal"))]
    pub note: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A step of an incident.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// 受理: it is ours to handle.
    Accepted,
    /// 交办: somebody is on it.
    Dispatched,
    /// 办理: it has been dealt with.
    Handled,
    /// 核查: that was looked at on the spot.
    Verified,
    /// 结案: nothing is left to do.
    Closed,
    /// 回退: back to where it came from, with a reason.
    Returned,
    /// Its reporter takes it back.
    Cancelled,
}

impl Step {
    /// All, in the order in which an incident takes them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Dispatched,
        Self::Handled,
        Self::Verified,
        Self::Closed,
        Self::Returned,
        Self::Cancelled,
    ];

    /// Its word, as in payloads.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Dispatched => "dispatched",
            Self::Handled => "handled",
            Self::Verified => "verified",
            Self::Closed => "closed",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
        }
    }
}
