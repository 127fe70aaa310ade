//! `video.dispatch`: a camera is to do something, now. What an adapter is asked and answers.
//!
//! A body that keeps to the schema names a device that can exist and a command that there is; whether
//! there is such a device, the catalogue and the adapter say.

mod device;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use device::{DEVICE_PATTERN, DeviceFault, DeviceId};

/// The kind of these messages.
pub const KIND: &str = "video.dispatch";

/// How long a session lasts that `open` or `playback` begins without saying so, seconds.
pub const SESSION_S_DEFAULT: u64 = 300;
/// The longest session, seconds.
pub const SESSION_S_MAX: u64 = 3600;

/// A command to one device. Perishable: a command that comes late is not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "video.dispatch")]
pub struct Dispatch {
    /// The device.
    pub device_id: DeviceId,
    /// What it is to do.
    pub command: Order,
    /// With which settings. `ptz`: speeds `pan`, `tilt`, `zoom`, or a `preset`; `playback`: the
    /// times `from` and `to`; `open` and `playback`: `session_s`, how long; `stop`: `session`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Dispatch {
    /// Reads a payload: MessagePack if its content type says so, else JSON.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(content_type: Option<&str>, payload: &[u8]) -> Result<Self, String> {
        super::read(content_type, payload).map_err(|why| format!("the body is no {KIND}: {why}"))
    }
}

/// What a device can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Show what is there now.
    Open,
    /// Turn, tilt, zoom.
    Ptz,
    /// One picture.
    Snapshot,
    /// Show what was there.
    Playback,
    /// End what `open` or `playback` began.
    Stop,
}

impl Order {
    /// The word in payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ptz => "ptz",
            Self::Snapshot => "snapshot",
            Self::Playback => "playback",
            Self::Stop => "stop",
        }
    }
}

/// A request on `yz.video.<device id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The message that it comes from.
    pub id: String,
    /// What the device is to do.
    pub command: Order,
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
