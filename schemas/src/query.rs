//! What neighbours ask each other, and what they tell: the insides of
//! [`crate::frame::Query`] and [`crate::frame::Answer`].
//!
//! Promise: every list has a limit, and what is beyond it is refused before anybody looks at it.
//! What is told of a message's way ([`Hop`]) and of a link's day ([`Finding`]) has the same members
//! in JSON, for `GET /v1/trace/{id}` and `GET /v1/reconcile`.

mod day;
mod finding;
mod hop;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::payload::stats::Day;
use crate::{Code, MessageId};

pub use day::{DayBook, Line, Mark, Part, PartTold, Run, Sum, Sums};
pub use finding::{Finding, Gap, GapKind, State};
pub use hop::{Hop, HopEvent, HopState, Wait, WaitReason};

/// Longest answer, all parts together, bytes.
pub const TOLD_BYTES_MAX: usize = 256 * 1024;
/// Most hops in an answer.
pub const HOPS_MAX: usize = 1024;
/// Most events of one hop.
pub const EVENTS_MAX: usize = 64;
/// Most origins in the book of a day.
pub const LINES_MAX: usize = 4096;
/// Most runs of ids in one part of a day; what has more is split.
pub const RUNS_MAX: usize = 256;
/// Most links that an answer has findings of.
pub const FINDINGS_MAX: usize = 1024;
/// Most gaps that are named for one link.
pub const GAPS_MAX: usize = 64;

/// What one asks a neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// What became of a message there, and at the stations beyond.
    Trace(MessageId),
    /// Counts and digests of what crossed this link, of one day.
    Day(Day),
    /// The ids of a part of that.
    Part(Part),
    /// What it finds when it compares that day with its own children, and they with theirs; of one
    /// station only, or of all.
    Findings(Day, Option<Code>),
}

/// What the neighbour tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// To [`Ask::Trace`]: itself, and the stations beyond.
    Trace(Vec<Hop>),
    /// To [`Ask::Day`].
    Day(DayBook),
    /// To [`Ask::Part`].
    Part(PartTold),
    /// To [`Ask::Findings`].
    Findings(Vec<Finding>),
    /// It does not say, and why.
    Refused(String),
}

impl Told {
    /// Writes it.
    ///
    /// # Errors
    /// Longer than [`TOLD_BYTES_MAX`].
    pub fn encode(&self) -> Result<Bytes, CodecError> {
        codec::encode(self, TOLD_BYTES_MAX)
    }

    /// Reads it, and refuses lists longer than their limits.
    ///
    /// # Errors
    /// Not such an answer, or beyond its limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let told: Self = codec::decode(bytes, TOLD_BYTES_MAX)?;
        let fits = match &told {
            Self::Trace(hops) => hops.len() <= HOPS_MAX && hops.iter().all(Hop::fits),
            Self::Day(book) => book.lines.len() <= LINES_MAX && book.lines.iter().all(Line::fits),
            Self::Part(part) => part.fits(),
            Self::Findings(all) => all.len() <= FINDINGS_MAX && all.iter().all(Finding::fits),
            Self::Refused(_) => true,
        };
        match fits {
            true => Ok(told),
            false => Err(CodecError::Malformed("an answer with a list beyond its limit".into())),
        }
    }
}

#[cfg(test)]
mod tests;
