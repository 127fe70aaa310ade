//! `incident.card`: a step is overdue. Stations draw cards themselves; nobody publishes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::payload::ID_PATTERN;

/// The kind.
pub const KIND: &str = "incident.card";

/// A step that was not taken in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "incident.card")]
pub struct Card {
    /// The report that it is about.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub subject: String,
    /// The station that should have taken the step.
    pub station: String,
    /// Which card.
    pub card: Colour,
    /// The step that is missing.
    pub step: super::update::Step,
    /// How long it was allowed to take, seconds.
    pub within_s: u64,
    /// The report's category.
    pub category: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Card {
    /// Its JSON.
    pub fn to_json(&self) -> bytes::Bytes {
        crate::payload::to_json(self)
    }
}

/// The colour of a card, after the practice of supervision (督办): yellow when a deadline has passed,
/// red when it has passed by as much again.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// 黄牌
    Yellow,
    /// 红牌
    Red,
}
