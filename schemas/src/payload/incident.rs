//! `incident.report`: something happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::INSTANT_PATTERN;

/// An incident as reported by a grid worker, a sensor or another system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "incident.report")]
pub struct Report {
    /// What kind of incident, in the county's own list.
    #[schemars(length(min = 1, max = 200))]
    pub category: String,
    /// How bad it is: 特别重大, 重大, 较大, 一般.
    pub severity: Severity,
    /// What happened, in words.
    #[schemars(length(max = 20000), extend("dataclassification" = "personal"))]
    pub description: String,
    /// When it happened (RFC 3339 with offset, as in 2026-11-23T08:30:00+08:00).
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub occurred_at: String,
    /// Latitude, degrees (WGS 84).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -90, max = 90), extend("dataclassification" = "personal"))]
    pub lat: Option<f64>,
    /// Longitude, degrees (WGS 84).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -180, max = 180), extend("dataclassification" = "personal"))]
    pub lng: Option<f64>,
    /// Where, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("dataclassification" = "personal"))]
    pub address: Option<String>,
    /// Who reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("dataclassification" = "personal"))]
    pub reporter: Option<String>,
    /// The category in the system that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_code: Option<String>,
    /// Pictures and papers, by reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub attachments: Vec<Attachment>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How bad an incident is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// 特别重大
    Critical,
    /// 重大
    Major,
    /// 较大
    Significant,
    /// 一般
    General,
}

/// Something kept elsewhere, with the hash that proves it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// Where it is; names of files say something of people.
    #[schemars(length(min = 1, max = 2000), extend("dataclassification" = "personal"))]
    pub reference: String,
    /// SHA-256 of its bytes, in hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
