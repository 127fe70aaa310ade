//! `incident.report`: something happened. What becomes of it: [`update`], [`card`].

pub mod card;
pub mod update;

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
    /// The id of the grid worker who reported it, as in the station's roster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), extend("dataclassification" = "personal"))]
    pub reporter_id: Option<String>,
    /// The category in the system that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_code: Option<String>,
    /// The same in the county's own list of codes, with the version of the table that mapped it, as
    /// in `2026.1:0412`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub mapped_code: Option<String>,
    /// Where, as a division code: 12 digits, more where grids are numbered below the village.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]{12}[0-9]{0,8}$"))]
    pub place_code: Option<String>,
    /// What the reporter is: a grid worker, a resident, a sensor, another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub reporter_role: Option<String>,
    /// When it was reported, if later than it happened (RFC 3339 with offset).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub reported_at: Option<String>,
    /// Pictures and papers, by reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub attachments: Vec<Attachment>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Report {
    /// A report of which nothing is said that need not be.
    pub fn plain(
        category: String,
        severity: Severity,
        description: String,
        occurred_at: String,
    ) -> Self {
        Self {
            category,
            severity,
            description,
            occurred_at,
            lat: None,
            lng: None,
            address: None,
            reporter: None,
            reporter_id: None,
            source_code: None,
            mapped_code: None,
            place_code: None,
            reporter_role: None,
            reported_at: None,
            attachments: Vec::new(),
            more: Map::new(),
        }
    }
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

impl Severity {
    /// Its word, as in payloads and rules.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Major => "major",
            Self::Significant => "significant",
            Self::General => "general",
        }
    }
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
