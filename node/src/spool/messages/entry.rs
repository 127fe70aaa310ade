//! The rows of the index: `m` + the first message of a run, `o` + its ordinal, and how far it is.

use yizhan_core::link::Link;
use yizhan_schemas::{Lane, MessageId, codec};

/// Longest row that says how far the index is, bytes.
const REACHED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Name of the row of a run: ordered by sequence among those of one origin, epoch and lane.
pub(super) fn row_name(first: &MessageId) -> Vec<u8> {
    let head = format!("m{}-{}-{}", first.origin, first.epoch, first.lane.letter());
    [head.as_bytes(), &first.sequence.to_be_bytes()].concat()
}

/// Name of an ordinal's row: ordered by number.
pub(super) fn ordinal_name(ordinal: u64) -> Vec<u8> {
    [b"o".as_slice(), &ordinal.to_be_bytes()].concat()
}

/// The ordinal out of its row's name.
pub(super) fn read_ordinal(name: &[u8]) -> Option<u64> {
    name.strip_prefix(b"o")?.try_into().ok().map(u64::from_be_bytes)
}

/// How far in the log an index is, and what it needs to go on from there.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Reached {
    /// The last commit taken in.
    pub commit: u64,
    /// The ordinal of the last message taken in.
    pub ordinal: u64,
    /// The oldest ordinal that may still be there.
    pub oldest: u64,
    /// The cursors of the links.
    pub cursors: Vec<LinkCursor>,
    /// What was taken before this time, Unix milliseconds, is not all there: the log did not have it any
    /// more when the index was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
}

/// How far one lane of one link has been handed over.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkCursor {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// The last leg that is handed over or ended.
    pub acked: u64,
    /// Runs of legs behind it that ended.
    pub ended: Vec<(u64, u64)>,
    /// The last leg that is surely of a message that the index has forgotten.
    #[serde(default)]
    pub forgotten: u64,
}

impl Reached {
    pub(super) const NAME: &'static [u8] = b"reached";

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // numbers, texts and lists always have a form, and the cursors' runs are bounded
        codec::encode(self, REACHED_BYTES_MAX).map(|bytes| bytes.to_vec()).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        codec::decode(bytes, REACHED_BYTES_MAX).map_err(|fault| fault.to_string())
    }
}
