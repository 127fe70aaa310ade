//! [`Outcome`] and [`Answer`]: how a message ended at one target, and what was said to it there.
//!
//! Promise: a (message, target) pair has exactly one outcome; the first one that its origin
//! learns stands. An answer comes beside it and changes nothing of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a (message, target station) pair ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// In the inbox, surely synced, or carried out by an adapter.
    Delivered,
    /// Its time to live ran out before.
    Expired,
    /// The target, or a station on the way, could not take it; the detail says why.
    Rejected,
    /// A newer message took its place.
    Superseded,
    /// Its sender took it back.
    Cancelled,
    /// Given up: nobody can say whether it had an effect, or it cannot be read any more.
    DeadLettered,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 6] = [
        Self::Delivered,
        Self::Expired,
        Self::Rejected,
        Self::Superseded,
        Self::Cancelled,
        Self::DeadLettered,
    ];

    /// The word on pages and in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::DeadLettered => "dead-lettered",
        }
    }

    /// The word that officials use.
    pub fn word_zh(self) -> &'static str {
        match self {
            Self::Delivered => "已送达",
            Self::Expired => "已过期",
            Self::Rejected => "被拒收",
            Self::Superseded => "已被取代",
            Self::Cancelled => "已撤销",
            Self::DeadLettered => "无法处置",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What an application or an adapter at a target said to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Somebody has read it.
    Acknowledged,
    /// It has been done.
    Completed,
    /// It was tried and did not work.
    Failed,
}

impl Answer {
    /// The word on pages and in requests on `yz.ack.<id>`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_on_the_wire() {
        for outcome in Outcome::ALL {
            let wire = serde_json::to_string(&outcome).unwrap();
            assert_eq!(wire, format!("\"{outcome}\""));
        }
        assert_eq!(serde_json::to_string(&Answer::Failed).unwrap(), "\"failed\"");
    }
}
