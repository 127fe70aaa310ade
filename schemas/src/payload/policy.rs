//! `policy.set`: the root changes a rule for all stations at once.
//!
//! Whose keys are believed: both lists only ever add. Who handles what, and how long it may take: the
//! highest version counts. Whatever order such messages come in, and however often, every station
//! ends up with the same.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::INSTANT_PATTERN;

/// The kind.
pub const KIND: &str = "policy.set";

/// A change of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "policy.set")]
pub struct Set {
    /// Public user nkeys that are believed from now on beside those in the topology file, by
    /// holder: a station's code, or NAME@CODE for an application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Vec<String>>,
    /// Keys that are not believed from now on, whoever lists them. None can be taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096))]
    pub revoked: Vec<Revocation>,
    /// The `[policy]` of a topology file, as TOML, in the place of the one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub policy: Option<String>,
    /// The version of that policy; the highest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub version: Option<u64>,
    /// From when on it counts, RFC 3339 with offset; at once if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub effective_at: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A key that is not believed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revocation {
    /// The public nkey.
    #[schemars(length(min = 56, max = 56), regex(pattern = "^U[A-Z2-7]{55}$"))]
    pub key: String,
    /// Since when, RFC 3339 with offset; for people, since nobody's clock decides.
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub at: String,
    /// Why, for people.
    #[schemars(length(min = 1, max = 100))]
    pub why: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Set {
    /// Reads a payload: MessagePack if its content type says so, else JSON.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(content_type: Option<&str>, payload: &[u8]) -> Result<Self, String> {
        super::read(content_type, payload)
    }

    /// True if it says anything that stations heed.
    pub fn speaks(&self) -> bool {
        self.speaks_of_keys() || self.policy.is_some()
    }

    /// True if it says whose keys are believed.
    pub fn speaks_of_keys(&self) -> bool {
        !self.keys.is_empty() || !self.revoked.is_empty()
    }
}
