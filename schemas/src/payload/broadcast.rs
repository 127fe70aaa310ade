//! `broadcast.issue`: everybody who is reached is told something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::directive::Requires;
use super::notice::{MsgType, Status};
use super::{ID_PATTERN, INSTANT_PATTERN};

/// The kind of these messages.
pub const KIND: &str = "broadcast.issue";

/// A broadcast to stations below, and to what hangs there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "broadcast.issue")]
pub struct Issue {
    /// Its heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub title: Option<String>,
    /// What is to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50000))]
    pub text: Option<String>,
    /// Which answer is asked for; being delivered is enough if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requires>,
    /// By when (RFC 3339 with offset).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub due: Option<String>,
    /// Not to be sent before (RFC 3339 with offset).
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
    /// The same as a CAP 1.2 alert in XML, for systems that speak it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100_000))]
    pub cap: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Issue {
    /// Reads a payload: MessagePack if its content type says so, else JSON.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(content_type: Option<&str>, payload: &[u8]) -> Result<Self, String> {
        super::read(content_type, payload).map_err(|why| format!("the body is no {KIND}: {why}"))
    }
}

/// A request on `yz.broadcast.<device id>`: a loudspeaker is to say this. It is answered like one
/// to a camera, with a [`super::video::Reply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Play {
    /// The message that it comes from.
    pub id: String,
    /// What it says.
    pub broadcast: Issue,
    /// For how long from now on that is worth beginning, in milliseconds.
    pub deadline_ms: u64,
}
