//! `video.dispatch`: a camera is to do something, now. What an adapter is asked and answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A command to one device. Perishable: a command that comes late is not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "video.dispatch")]
pub struct Dispatch {
    /// The device: letters, digits, `-` and `_` (a GB/T 28181 id has 20 digits).
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[0-9A-Za-z_-]+$"))]
    pub device_id: String,
    /// What it is to do.
    #[schemars(length(min = 1, max = 64))]
    pub command: String,
    /// With which settings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A request on `yz.video.<device id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The message that it comes from.
    pub id: String,
    /// What the device is to do.
    pub command: String,
    /// With which settings.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// How long the command is good for from now on, in milliseconds.
    pub deadline_ms: u64,
}

/// An adapter's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// True if the device did it.
    pub ok: bool,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub result: Map<String, Value>,
    /// `no_such_device`, `busy` or `failed`, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
