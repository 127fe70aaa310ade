//! [`Finding`]: whether the two ends of a link agree on a day, and where they do not.

use serde::{Deserialize, Serialize};

use super::GAPS_MAX;
use crate::{Code, MessageId};

/// What a parent found when it compared a day with one child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Who compared.
    pub parent: Code,
    /// With whom.
    pub child: Code,
    /// What it comes to.
    pub state: State,
    /// Why they could not be compared, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Messages that went up, by the parent's count.
    pub up: u64,
    /// Orders that went down, by the parent's count.
    pub down: u64,
    /// Messages that are on their way across, or whose ack is.
    pub under_way: u64,
    /// The differences, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Messages that are in a difference and not named.
    #[serde(default, skip_serializing_if = "none")]
    pub unnamed: u64,
}

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Both ends say the same.
    Agreed,
    /// They do not.
    Gap,
    /// One end does not remember the whole day, or does not speak of it.
    NotComparable,
    /// The child could not be asked.
    Dark,
}

/// Messages that the two ends do not agree on: dense sequences from one id on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// In what.
    pub kind: GapKind,
    /// The first of them.
    pub id: MessageId,
    /// How many.
    pub count: u64,
    /// What each end says, in words.
    pub detail: String,
}

/// In what two ends do not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// The child says that it crossed, and the parent knows nothing of it.
    MissingAbove,
    /// The parent says that it crossed, and the child knows nothing of it.
    MissingBelow,
    /// They say different ends of it.
    OtherOutcome,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks it so")]
fn none(number: &u64) -> bool {
    *number == 0
}

impl State {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Agreed, Self::Gap, Self::NotComparable, Self::Dark];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Gap => "gap",
            Self::NotComparable => "not_comparable",
            Self::Dark => "dark",
        }
    }
}

impl GapKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MissingAbove, Self::MissingBelow, Self::OtherOutcome];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::MissingAbove => "missing_above",
            Self::MissingBelow => "missing_below",
            Self::OtherOutcome => "other_outcome",
        }
    }
}

impl Finding {
    /// A comparison that found nothing, yet.
    pub fn of(parent: Code, child: Code, state: State) -> Self {
        let (why, gaps) = (None, Vec::new());
        Self { parent, child, state, why, up: 0, down: 0, under_way: 0, gaps, unnamed: 0 }
    }

    /// The same with a reason.
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(super) fn fits(&self) -> bool {
        self.gaps.len() <= GAPS_MAX
    }
}
