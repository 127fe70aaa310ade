//! [`Block`]: some publishers' keys as one run of bytes, true as a whole or not at all.
//!
//! ```text
//! +--------+--------+--------+-------------+------+-----------------------------------+
//! | "YZk1" | body   | keys   | last ordinal| crc  | the keys, MessagePack             |
//! | 4      | len 4  | 4      | 8           | 4    |                                   |
//! +--------+--------+--------+-------------+------+-----------------------------------+
//! ```
//!
//! All numbers are little-endian; the crc is CRC32C over all but itself.

use crc32c::{crc32c, crc32c_append};
use serde::{Deserialize, Serialize};
use yizhan_core::record::PublisherKey;
use yizhan_schemas::MessageId;

use crate::spool::KeyUse;
use crate::spool::error::SpoolError;

/// Most keys in a block.
pub(super) const KEYS_MAX: usize = 4096;
/// Longest body that is read.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
const MAGIC: [u8; 4] = *b"YZk1";
const HEADER_BYTES: usize = 24;

/// A key as it stands in a block. The fields' order is the format.
#[derive(Serialize, Deserialize)]
struct Row(u64, PublisherKey, MessageId, u64);

/// An intact block and its place.
#[derive(Debug)]
pub(super) struct Block {
    /// Where it ends in the file, bytes.
    pub(super) end: usize,
    pub(super) bytes: usize,
    pub(super) uses: Vec<KeyUse>,
}

/// A block with these keys.
pub(super) fn encode(uses: &[KeyUse]) -> Result<Vec<u8>, SpoolError> {
    let row = |one: &KeyUse| Row(one.ordinal, one.key.clone(), one.message.clone(), one.wall_ms);
    let rows: Vec<Row> = uses.iter().map(row).collect();
    let body = rmp_serde::to_vec(&rows)
        .map_err(|fault| SpoolError::Unencodable { fault: fault.to_string() })?;
    let mut out = Vec::with_capacity(HEADER_BYTES + body.len());
    out.extend_from_slice(&MAGIC);
    for number in [body.len(), uses.len()] {
        out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }
    out.extend_from_slice(&uses.last().map_or(0, |one| one.ordinal).to_le_bytes());
    out.extend_from_slice(&crc32c_append(crc32c(&out), &body).to_le_bytes());
    out.extend_from_slice(&body);
    Ok(out)
}

/// The first intact block at or behind `from`.
pub(super) fn next(file: &[u8], from: usize) -> Option<Block> {
    let mut at = from;
    loop {
        if let Some(block) = read(file, at) {
            return Some(block);
        }
        let behind = file.get(at.checked_add(1)?..)?;
        at += 1 + behind.windows(MAGIC.len()).position(|bytes| bytes == MAGIC)?;
    }
}

fn read(file: &[u8], at: usize) -> Option<Block> {
    let (header, rest) = file.get(at..)?.split_at_checked(HEADER_BYTES)?;
    let (head, crc) = header.split_at_checked(HEADER_BYTES - 4)?;
    let body_bytes = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?) as usize;
    let body = rest.get(..body_bytes).filter(|_| body_bytes <= BODY_BYTES_MAX)?;
    let whole = head.starts_with(&MAGIC)
        && crc32c_append(crc32c(head), body) == u32::from_le_bytes(crc.try_into().ok()?);
    let rows: Vec<Row> = whole.then(|| rmp_serde::from_slice(body).ok()).flatten()?;
    let of = |Row(ordinal, key, message, wall_ms)| KeyUse { ordinal, key, message, wall_ms };
    let uses = rows.into_iter().map(of).collect();
    let bytes = HEADER_BYTES + body_bytes;
    Some(Block { end: at + bytes, bytes, uses })
}
