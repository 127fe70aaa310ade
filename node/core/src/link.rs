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
    /// The adapters of this station: what is for a device goes to them, not into the inbox.
    #[serde(rename = "A")]
    Adapter,
}

impl Link {
    /// The lane under which a leg of this link is numbered.
    pub fn numbered_lane(&self, lane: Lane) -> Lane {
        if *self == Self::Inbox { Lane::Routine } else { lane }
    }

    /// True for a neighbour: a station at the other end.
    pub fn is_neighbour(&self) -> bool {
        matches!(self, Self::Up | Self::Down(_))
    }

    /// The word for metrics and pages: `up`, `inbox`, `adapter` or the child's code.
    pub fn word(&self) -> &str {
        match self {
            Self::Up => "up",
            Self::Down(code) => code.as_str(),
            Self::Inbox => "inbox",
            Self::Adapter => "adapter",
        }
    }
}
