//! The rows of the index: `k` + hash of a key, `o` + ordinal, and how far it is.

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use yizhan_schemas::MessageId;
use yizhan_schemas::envelope::Digest;

use super::KeyUse;

/// Length of a key's name: one letter and half a SHA-256.
const KEY_NAME_BYTES: usize = 17;

/// Name of a key's row. Scope and key are told apart by the scope's length.
pub(super) fn key_name(scope: &str, key: &str) -> [u8; KEY_NAME_BYTES] {
    let mut hash = Sha256::new();
    hash.update((scope.len() as u64).to_be_bytes());
    hash.update(scope);
    hash.update(key);
    let mut name = [b'k'; KEY_NAME_BYTES];
    for (to, from) in name.iter_mut().skip(1).zip(hash.finalize()) {
        *to = from;
    }
    name
}

/// Name of an ordinal's row: ordered by number.
pub(super) fn ordinal_name(ordinal: u64) -> Vec<u8> {
    [b"o".as_slice(), &ordinal.to_be_bytes()].concat()
}

/// All ordinals' rows.
pub(super) fn ordinals() -> Range<&'static [u8]> {
    b"o"..b"p"
}

/// Ordinal, key name and wall clock out of an ordinal's row.
pub(super) fn read_stamp<'a>(row: &[u8], value: &'a [u8]) -> Option<(u64, &'a [u8], u64)> {
    let ordinal = number(row.strip_prefix(b"o")?)?;
    let (name, wall) = value.split_at_checked(KEY_NAME_BYTES)?;
    Some((ordinal, name, number(wall)?))
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reached {
    /// The last ordinal taken in.
    pub(super) ordinal: u64,
    /// The latest wall clock seen: ordinals ascend, so what comes later is no older than this.
    newest_wall_ms: u64,
}

impl Reached {
    pub(super) const NAME: &'static [u8] = b"reached";

    pub(super) fn take(&mut self, ordinal: u64, wall_ms: u64) {
        self.ordinal = ordinal;
        self.newest_wall_ms = self.newest_wall_ms.max(wall_ms);
    }

    /// The value of the row of the ordinal just taken.
    pub(super) fn stamp(&self, name: &[u8]) -> Vec<u8> {
        [name, &self.newest_wall_ms.to_be_bytes()].concat()
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.ordinal.to_be_bytes(), self.newest_wall_ms.to_be_bytes()].concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (ordinal, wall) = bytes.split_at_checked(8)?;
        Some(Self { ordinal: number(ordinal)?, newest_wall_ms: number(wall)? })
    }
}

/// The value of a key's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) ordinal: u64,
    pub(super) wall_ms: u64,
    pub(super) body: Digest,
    pub(super) message: MessageId,
}

impl Use {
    pub(super) fn of(one: &KeyUse) -> Self {
        Self {
            ordinal: one.ordinal,
            wall_ms: one.wall_ms,
            body: one.key.body,
            message: one.message.clone(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let message = self.message.to_string();
        let (ordinal, wall) = (self.ordinal.to_be_bytes(), self.wall_ms.to_be_bytes());
        [&ordinal, &wall, self.body.0.as_slice(), message.as_bytes()].concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (ordinal, rest) = bytes.split_at_checked(8)?;
        let (wall, rest) = rest.split_at_checked(8)?;
        let (body, message) = rest.split_at_checked(16)?;
        Some(Self {
            ordinal: number(ordinal)?,
            wall_ms: number(wall)?,
            body: Digest(body.try_into().ok()?),
            message: MessageId::parse(std::str::from_utf8(message).ok()?).ok()?,
        })
    }
}
