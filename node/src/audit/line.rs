//! [`Line`]: one line of the log, to the byte.
//!
//! A line is one JSON object and a line feed. Its last two members are `prev`, the hash of the line
//! before, and `hash`, its own: that of all its bytes from `{` up to and without `,"hash":`. So a
//! hash covers the bytes as they stand there, and nobody has to agree on how JSON is written.

use jiff::Timestamp;
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::deed::{Deed, End};
use super::hash::{Algorithm, Hash};

/// Longest line, bytes: the texts of a deed at their longest, all of it escapes.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// What stands before a line's own hash.
const HASH: &[u8] = b",\"hash\":\"";
/// What stands behind it.
const END: &[u8] = b"\"}";

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// 1 for the first line of all, then one more each.
    pub seq: u64,
    /// When, by the station's wall clock; of many, the last.
    pub at: Timestamp,
    /// What happened.
    pub event: String,
    /// Who did it: a station, an application, the holder of a token, an address.
    pub who: String,
    /// To what.
    pub what: String,
    /// How it ended.
    pub outcome: End,
    /// More of it, in words.
    pub detail: String,
    /// How many times, if more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// When the first of them was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The first message of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// The hash of the line before.
    pub prev: Hash,
}

impl Line {
    /// The line of a deed, behind another.
    pub(super) fn of(deed: Deed, since: Option<Timestamp>, seq: u64, prev: Hash) -> Self {
        let count = deed.count;
        let (first, last) =
            count.as_ref().map_or((None, None), |c| (c.first.clone(), c.last.clone()));
        Self {
            seq,
            at: to_ms(deed.at),
            event: deed.event.to_owned(),
            who: deed.who,
            what: deed.what,
            outcome: deed.end,
            detail: deed.detail,
            count: count.map(|count| count.times),
            since: since.map(to_ms),
            first,
            last,
            prev,
        }
    }

    /// Its bytes, line feed included, and its hash.
    pub fn write(&self) -> Result<(Vec<u8>, Hash), serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        // the brace comes behind the hash
        bytes.pop();
        let hash = Algorithm::PRESENT.hash(&bytes);
        bytes.extend_from_slice(HASH);
        bytes.extend_from_slice(hash.to_string().as_bytes());
        bytes.extend_from_slice(END);
        bytes.push(b'\n');
        Ok((bytes, hash))
    }
}

fn to_ms(at: Timestamp) -> Timestamp {
    at.round(jiff::Unit::Millisecond).unwrap_or(at)
}

/// A line that was read, and what its bytes say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLine {
    /// What it says.
    pub line: Line,
    /// The hash that it states.
    pub stated: Hash,
    /// The hash that its bytes have.
    pub found: Hash,
}

impl ReadLine {
    /// Reads the bytes of one line, without its line feed.
    ///
    /// # Errors
    /// They are no line; that the hashes differ is not an error here.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        let no_line = |why: &str| format!("this is no line of an audit log: {why}");
        if bytes.len() > LINE_BYTES_MAX {
            return Err(no_line(&format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        // no text inside can hold these bytes: its quotes are escaped
        let at = memmem::rfind(bytes, HASH).ok_or_else(|| no_line("it has no hash"))?;
        let (said, rest) = bytes.split_at(at);
        let stated = rest.strip_prefix(HASH).and_then(|rest| rest.strip_suffix(END));
        let stated = stated.and_then(|text| std::str::from_utf8(text).ok());
        let stated = stated.ok_or_else(|| no_line("it does not end with its hash"))?;
        let stated: Hash = stated.parse().map_err(|why: String| no_line(&why))?;
        let mut json = said.to_vec();
        json.push(b'}');
        let line = serde_json::from_slice(&json).map_err(|why| no_line(&why.to_string()))?;
        Ok(Self { line, stated, found: stated.algorithm.hash(said) })
    }

    /// True if nothing of it was changed since it was written.
    pub fn is_whole(&self) -> bool {
        self.stated == self.found
    }
}
