//! The codec: one version byte, then MessagePack with named fields, within a size limit.
//!
//! Promise: [`decode`] of any bytes gives a value or a [`CodecError`]; it never panics, never
//! allocates more than the limit allows, and refuses bytes left over behind the value.

use bytes::Bytes;
use rmp_serde::decode::Error;
use serde::Serialize;
use serde::de::{Deserialize, IgnoredAny};

/// The version that this build writes, and the newest that it reads.
pub const VERSION: u8 = 1;
/// Deepest nesting that is read. Our own types nest five deep; the rest is room for later fields.
const DEPTH_MAX: usize = 16;

/// What most values fit into that carry nothing, bytes.
const SMALL_BYTES: usize = 256;

/// Why bytes are not a value, or a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Nothing there, not even a version.
    #[error("empty: expected a version byte and MessagePack")]
    Empty,
    /// Written by a later version, or not by us at all.
    #[error("version {0} is not known here; this station reads up to version {VERSION}")]
    Version(
        /// The byte that stood there.
        u8,
    ),
    /// Longer than allowed.
    #[error("{got_bytes} bytes, allowed are {limit_bytes}")]
    TooLarge {
        /// Its length.
        got_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// Not MessagePack, or not of the shape expected.
    #[error("malformed: {0}")]
    Malformed(
        /// What the decoder says.
        String,
    ),
    /// Bytes behind the value.
    #[error("bytes left over behind the value")]
    Trailing,
}

/// Writes a value; fails if it is longer than `limit_bytes`.
pub fn encode<T: Serialize>(value: &T, limit_bytes: usize) -> Result<Bytes, CodecError> {
    encode_about(value, limit_bytes, SMALL_BYTES)
}

/// The same for one that will take about so many bytes: its buffer need not grow.
pub fn encode_about<T: Serialize>(
    value: &T,
    limit_bytes: usize,
    about_bytes: usize,
) -> Result<Bytes, CodecError> {
    let mut out = Vec::with_capacity(about_bytes.min(limit_bytes));
    out.push(VERSION);
    rmp_serde::encode::write_named(&mut out, value)
        .map_err(|fault| CodecError::Malformed(fault.to_string()))?;
    within(out.len(), limit_bytes)?;
    Ok(out.into())
}

/// Reads a value of at most `limit_bytes`; what it borrows, it borrows from `bytes`.
pub fn decode<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    limit_bytes: usize,
) -> Result<T, CodecError> {
    within(bytes.len(), limit_bytes)?;
    let (version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if *version != VERSION {
        return Err(CodecError::Version(*version));
    }
    let mut reader = rmp_serde::Deserializer::from_read_ref(rest);
    reader.set_max_depth(DEPTH_MAX);
    let value =
        T::deserialize(&mut reader).map_err(|fault| CodecError::Malformed(fault.to_string()))?;
    // the reader does not say how far it came, but only at the very end is there no next marker
    match IgnoredAny::deserialize(&mut reader) {
        Err(Error::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(CodecError::Trailing),
    }
}

fn within(got_bytes: usize, limit_bytes: usize) -> Result<(), CodecError> {
    if got_bytes > limit_bytes {
        return Err(CodecError::TooLarge { got_bytes, limit_bytes });
    }
    Ok(())
}
