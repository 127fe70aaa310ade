//! [`Link`]: a neighbour, or this station's own inbox, as a receiver of legs.

use serde::{Deserialize, Serialize};
use yizhan_schemas::{Code, Lane};

/// Where legs go to, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Link {
    /// The parent, whoever that is.
    #[serde(rename = "U")]
    Up,
    /// A child.
    #[serde(rename = "D")]
    Down(Code),
    /// The JetStream stream `YZ_INBOX` of the local bus. Its legs have one numbering for all
    /// lanes, because the stream has one.
    #[serde(rename = "I")]
    Inbox,
}

impl Link {
    /// The lane under which a leg of this link is numbered.
    pub fn numbered_lane(&self, lane: Lane) -> Lane {
        if *self == Self::Inbox { Lane::Routine } else { lane }
    }

    /// The word for metrics and pages: `up`, `inbox` or the child's code.
    pub fn word(&self) -> &str {
        match self {
            Self::Up => "up",
            Self::Down(code) => code.as_str(),
            Self::Inbox => "inbox",
        }
    }
}
