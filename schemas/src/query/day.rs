//! [`DayBook`]: what crossed one link on one day, as one end of it knows; and [`Part`]: a piece of
//! it, down to single ids.
//!
//! The day of a message is that of its acceptance at its origin, which its envelope tells at both
//! ends. Digests are over single ids, so it does not matter in what runs an end keeps them.

use serde::{Deserialize, Serialize};

use super::RUNS_MAX;
use crate::payload::stats::Day;
use crate::{Code, Epoch, Lane, Outcome};

/// So many ids, and their digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// First 8 bytes of SHA-256 over all of them in order.
    #[serde(with = "serde_bytes")]
    pub digest: [u8; 8],
}

/// What crossed a link on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayBook {
    /// False if this end does not remember the whole day: its counts then say nothing.
    pub whole: bool,
    /// Each origin.
    pub lines: Vec<Line>,
}

/// The messages of one origin that crossed a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The origin.
    pub origin: Code,
    /// Those that crossed: at the sender, acked by the other end; at the receiver, taken.
    pub moved: Sum,
    /// Pairs of (message, target) at the receiver's side by how they ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<(Outcome, Sum)>,
}

/// A place in the order of one origin's messages.
pub type Mark = (Epoch, Lane, u64);

/// Messages of one epoch and lane: the first sequence and the last.
pub type Run = (Epoch, Lane, u64, u64);

/// Which part of a day is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The day.
    pub day: Day,
    /// The origin.
    pub origin: Code,
    /// From this place on.
    pub from: Mark,
    /// Up to and with this one.
    pub through: Mark,
}

/// What is in a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartTold {
    /// Too much to list: its two halves.
    Split {
        /// Where the upper half begins.
        at: Mark,
        /// Below that.
        lower: Sums,
        /// From there on.
        upper: Sums,
    },
    /// The ids.
    Ids {
        /// Those that crossed.
        moved: Vec<Run>,
        /// Those that this end knows and that did not cross, or are on their way.
        kept: Vec<Run>,
        /// Where and how they ended.
        ended: Vec<(Code, Outcome, Vec<Run>)>,
    },
}

/// What is in one half of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Messages that crossed.
    pub moved: Sum,
    /// Pairs of (message, target) that ended, with where and how.
    pub ended: Sum,
}

impl Line {
    pub(super) fn fits(&self) -> bool {
        self.ended.len() <= Outcome::ALL.len()
    }
}

impl PartTold {
    pub(super) fn fits(&self) -> bool {
        match self {
            Self::Split { .. } => true,
            Self::Ids { moved, kept, ended } => {
                let ended = ended.iter().map(|(_, _, runs)| runs.len().max(1)).sum::<usize>();
                moved.len() + kept.len() + ended <= RUNS_MAX
            }
        }
    }
}
