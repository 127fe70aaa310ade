//! What directives and broadcasts have in common with the Common Alerting Protocol (CAP 1.2, OASIS):
//! whether they are meant, and what they do to earlier ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether it is meant (CAP `status`).
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
pub enum Status {
    /// To be acted on.
    #[default]
    Actual,
    /// Part of an exercise: only those who take part in it act.
    Exercise,
    /// Between systems.
    System,
    /// A test of the way; nobody acts.
    Test,
    /// A sketch.
    Draft,
}

/// What it does to earlier messages (CAP `msgType`).
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
pub enum MsgType {
    /// It stands for itself.
    #[default]
    Alert,
    /// It takes the place of those that it references.
    Update,
    /// It takes those that it references back.
    Cancel,
}
