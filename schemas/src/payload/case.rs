//! Cases, 梯度解纷: a dispute is mediated where it arises, and climbs a tier by application only.
//!
//! | kind | who | what |
//! |---|---|---|
//! | `case.open` | the tier that takes it up | a dispute, with its class |
//! | `case.attempt` | the tier that has it | one mediation: who, when, with what outcome |
//! | `case.apply` | the tier that has it, to the one above | with the whole history |
//! | `case.accept`, `case.return` | the tier above | takes it, or sends it back with a reason |
//! | `case.close` | the tier that has it | how it ended |
//! | `case.evaluate` | a third party | 第三方评价 of a closed case |
//!
//! Behind an application the case goes by the id of the `case.apply` on the tier above.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ID_PATTERN, INSTANT_PATTERN};

/// Most attempts that one case may have on one tier.
pub const ATTEMPTS_MAX: usize = 64;

/// A dispute is taken up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "case.open")]
pub struct Open {
    /// What kind of dispute, in the list of the system that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub category: Option<String>,
    /// Its code in the system that it comes from, where that has codes beside names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub source_code: Option<String>,
    /// The same in the county's own list, with the version of the table that mapped it, as in
    /// `2026.1:邻里纠纷`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub mapped_code: Option<String>,
    /// How grave it is.
    #[serde(default)]
    pub class: Class,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20000), extend("dataclassification" = "personal"))]
    pub description: Option<String>,
    /// Between whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("dataclassification" = "personal"))]
    pub parties: Vec<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How grave a dispute is.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// 一般
    #[default]
    General,
    /// 普通
    Ordinary,
    /// 重大
    Major,
}

/// One mediation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "case.attempt")]
pub struct Attempt {
    /// The case: the id of its `case.open`, or of the `case.apply` that brought it.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// Who mediated.
    #[schemars(length(min = 1, max = 200), extend("dataclassification" = "personal"))]
    pub who: String,
    /// When (RFC 3339 with offset).
    #[schemars(regex(pattern = INSTANT_PATTERN), extend("format" = "date-time"))]
    pub at: String,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20000), extend("dataclassification" = "personal"))]
    pub notes: Option<String>,
    /// Who was there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("dataclassification" = "personal"))]
    pub participants: Vec<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What came of a mediation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// The parties agreed.
    Agreed,
    /// They did not.
    Failed,
    /// To be gone on with.
    Adjourned,
}

/// The tier above is asked to take a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "case.apply")]
pub struct Apply {
    /// The case, as on the tier that applies.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// What kind of dispute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub category: Option<String>,
    /// How grave it is.
    #[serde(default)]
    pub class: Class,
    /// Why it is to go up.
    #[schemars(length(min = 1, max = 2000), extend("dataclassification" = "personal"))]
    pub reason: String,
    /// All that was done so far, on all tiers: each entry names the message that recorded it.
    #[schemars(length(max = 512))]
    pub history: Vec<Entry>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One thing that was done for a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The message that recorded it.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub id: String,
    /// What it said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("dataclassification" = "personal"))]
    pub payload: Map<String, Value>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The tier above takes a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "case.accept")]
pub struct Accept {
    /// The application.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// Who will take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("dataclassification" = "personal"))]
    pub participants: Vec<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The tier above sends a case back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "case.return")]
pub struct Return {
    /// The application.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// Why; it travels back in a receipt, so it names nobody.
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A case has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "case.close")]
pub struct Close {
    /// The case.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// How.
    pub outcome: Ending,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20000), extend("dataclassification" = "personal"))]
    pub notes: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How a case ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// By agreement.
    Settled,
    /// Withdrawn by the parties.
    Withdrawn,
    /// To a court or an authority.
    Referred,
}

/// A third party's opinion of a closed case, 第三方评价.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "case.evaluate")]
pub struct Evaluate {
    /// The case.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// Who judges.
    #[schemars(length(min = 1, max = 200), extend("dataclassification" = "personal"))]
    pub by: String,
    /// From 1 (not at all content) to 5.
    #[schemars(range(min = 1, max = 5))]
    pub score: u8,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20000), extend("dataclassification" = "personal"))]
    pub notes: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
