//! [`Query`] and [`Answer`]: what neighbours ask each other beside custody.
//!
//! Neither is custody: any of them may be lost, and who asked asks again. A parent asks on
//! `yz.query.<child>` and hears the answer on `yz.up.<child>`; a child asks on `yz.up.<child>` and
//! hears the answer on `yz.down.<child>`. An answer comes in parts that are small on a thin link.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::codec::CodecError;
use crate::query::Ask;

/// The frame version that brought queries: neighbours of an older one are not asked.
pub const QUERIES_SINCE: u8 = 3;
/// Longest time that an answer may take, milliseconds.
pub const DEADLINE_MS_MAX: u64 = 60_000;
/// Longest part of an answer, bytes.
pub const PART_BYTES_MAX: usize = 16 * 1024;
/// Most parts of an answer.
pub const PARTS_MAX: u32 = 4096;

/// A question to a neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The asker's number for it, which its answer carries.
    pub id: u64,
    /// Nobody waits for the answer any more after so many milliseconds.
    pub deadline_ms: u64,
    /// What is asked.
    pub ask: Ask,
}

/// A part of the answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's number.
    pub id: u64,
    /// Which part, from 0.
    pub part: u32,
    /// True if it is the last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// A piece of a [`crate::query::Told`] by the codec.
    pub body: Bytes,
}

impl Query {
    pub(super) fn check(&self) -> Result<(), CodecError> {
        if self.deadline_ms > DEADLINE_MS_MAX {
            let given = self.deadline_ms;
            let why = format!("a query with {given} ms of time; at most are {DEADLINE_MS_MAX}");
            return Err(CodecError::Malformed(why));
        }
        Ok(())
    }
}

impl Answer {
    pub(super) fn check(&self) -> Result<(), CodecError> {
        if self.part >= PARTS_MAX || self.body.len() > PART_BYTES_MAX {
            let (part, bytes) = (self.part, self.body.len());
            return Err(CodecError::Malformed(format!(
                "part {part} of an answer with {bytes} bytes; allowed are {PARTS_MAX} parts of \
                 {PART_BYTES_MAX}"
            )));
        }
        Ok(())
    }
}
