//! Commits of records packed by zstd, so that a report takes a fifth of the disk.
//!
//! Promise: what is packed reads back as the same bytes, and never as more than a commit may have;
//! a commit is packed only where that makes it shorter. Places in it ([`super::lanes::Mark`]) are
//! those that it would have unpacked: whoever reads from one unpacks the commit first.
//!
//! ```text
//! body:  +-----------------+------------------------------------+
//!        | unpacked length | the records with their frames, as  |
//!        | 4               | one frame of zstd                  |
//!        +-----------------+------------------------------------+
//! ```
//!
//! No dictionary: custody must not depend on a file beside the log.

use std::borrow::Cow;

use zstd::bulk::{Compressor, Decompressor};

use super::format::{COMMIT_BYTES_MAX, COMMIT_HEADER_BYTES, CommitKind};
use super::scan::Placed;

/// Shorter commits go as they are: they are within the one page that is written anyway. Bytes.
const PACK_BYTES_MIN: usize = 4096;
/// Longer ones too: whoever wants one leg of a commit unpacks all of it. Bytes.
const PACK_BYTES_MAX: usize = 1024 * 1024;
/// Longer ones on average are photographs and the like, which are packed already: looking costs more
/// than it saves. Bytes of a record.
const PACK_RECORD_BYTES_MAX: usize = 8192;
/// The level of zstd. Measured with commits of 70 real reports: 1 packs to 0.19 in 0.65 µs each and
/// unpacks in 0.26 µs, 3 to 0.19 in 0.81 µs, -5 to 0.27 in 0.49 µs.
const LEVEL: i32 = 1;
/// Bytes that say how long it is unpacked.
const LENGTH_BYTES: usize = 4;

/// Packs commits.
#[derive(Default)]
pub(super) struct Packer(Option<Compressor<'static>>);

impl std::fmt::Debug for Packer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Packer")
    }
}

impl Packer {
    /// The same commit of so many records packed, with room for its header as it has itself; `None`
    /// if it would not be shorter by an eighth.
    pub(super) fn pack(&mut self, commit: &[u8], records: u32) -> Option<Vec<u8>> {
        let body = commit.get(COMMIT_HEADER_BYTES..)?;
        let each = body.len().checked_div(records as usize)?;
        if !(PACK_BYTES_MIN..=PACK_BYTES_MAX).contains(&body.len()) || each > PACK_RECORD_BYTES_MAX
        {
            return None;
        }
        let start = COMMIT_HEADER_BYTES + LENGTH_BYTES;
        let mut out = vec![0; start + body.len() / 8 * 7];
        let (head, room) = out.split_at_mut_checked(start)?;
        let raw_bytes = u32::try_from(body.len()).ok()?.to_le_bytes();
        head.get_mut(COMMIT_HEADER_BYTES..)?.copy_from_slice(&raw_bytes);
        // no room is no fault: it is what says that packing is not worth it
        let packed = self.tool()?.compress_to_buffer(body, room).ok()?;
        out.truncate(start + packed);
        Some(out)
    }

    fn tool(&mut self) -> Option<&mut Compressor<'static>> {
        if self.0.is_none() {
            self.0 = Compressor::new(LEVEL).ok();
        }
        self.0.as_mut()
    }
}

/// Length of a commit, unpacked, by what it says; bytes.
pub(super) fn commit_bytes(kind: CommitKind, commit: &[u8]) -> usize {
    let said = commit.get(COMMIT_HEADER_BYTES..).and_then(<[u8]>::first_chunk);
    match said.filter(|_| kind == CommitKind::Packed) {
        Some(said) => COMMIT_HEADER_BYTES.saturating_add(u32::from_le_bytes(*said) as usize),
        None => commit.len(),
    }
}

/// Unpacks commits.
#[derive(Default)]
pub(super) struct Unpacker(Option<Decompressor<'static>>);

impl Unpacker {
    /// The records of an intact commit with their frames. `Err` says what is wrong with it.
    pub(super) fn records<'a>(
        &mut self,
        segment: &'a [u8],
        commit: &Placed,
    ) -> Result<Cow<'a, [u8]>, String> {
        let end = commit.offset.saturating_add(commit.bytes);
        let body = segment.get(commit.offset.saturating_add(COMMIT_HEADER_BYTES)..end);
        let body = body.unwrap_or_default();
        match commit.kind {
            CommitKind::Packed => self.unpack(body).map(Cow::Owned),
            CommitKind::Records | CommitKind::Footer => Ok(Cow::Borrowed(body)),
        }
    }

    /// The records in the body of a packed commit. `Err` says what is wrong with it.
    pub(super) fn unpack(&mut self, body: &[u8]) -> Result<Vec<u8>, String> {
        let short = || "it is too short to be a packed commit".to_owned();
        let (length, packed) = body.split_first_chunk().ok_or_else(short)?;
        let raw_bytes = u32::from_le_bytes(*length);
        if u64::from(raw_bytes) > COMMIT_BYTES_MAX {
            return Err(format!("unpacked it would have {raw_bytes} bytes"));
        }
        let raw_bytes = raw_bytes as usize;
        let failed = |fault: std::io::Error| format!("it does not unpack: {fault}");
        let tool = match &mut self.0 {
            Some(tool) => tool,
            none => none.insert(Decompressor::new().map_err(failed)?),
        };
        let raw = tool.decompress(packed, raw_bytes).map_err(failed)?;
        if raw.len() != raw_bytes {
            return Err(format!("it says that it has {raw_bytes} bytes, and it has {}", raw.len()));
        }
        Ok(raw)
    }
}
