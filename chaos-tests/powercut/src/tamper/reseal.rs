//! Fresh checksums over what was changed, so that lies get past the first check. The offsets are
//! those of the picture in `yizhan::spool::log`.

use crc32c::{crc32c, crc32c_append};

const SEGMENT_HEADER_BYTES: usize = 64;
const COMMIT_HEADER_BYTES: usize = 40;
const FRAME_BYTES: usize = 12;
const TRAILER_BYTES: usize = 16;

/// Seals every part of a segment that can be found from its start.
pub(super) fn reseal(segment: &mut [u8]) {
    seal(segment, None);
}

/// The same, with another store number in all of them.
pub(super) fn with_store(segment: &mut [u8], store: u64) {
    seal(segment, Some(store));
}

fn seal(segment: &mut [u8], store: Option<u64>) {
    if let Some(header) = segment.get_mut(..SEGMENT_HEADER_BYTES) {
        store.inspect(|store| put(header, 16, &store.to_le_bytes()));
        close(header);
    }
    let mut at = SEGMENT_HEADER_BYTES;
    while let Some(commit) = segment.get_mut(at..) {
        if !commit.starts_with(b"YZc1") {
            break;
        }
        let Some(bytes) = number(commit, 24).map(|body| COMMIT_HEADER_BYTES + body) else { break };
        let Some(commit) = commit.get_mut(..bytes) else { break };
        store.inspect(|store| put(commit, 8, &store.to_le_bytes()));
        if number(commit, 4) == Some(1) {
            records(commit.get_mut(COMMIT_HEADER_BYTES..).unwrap_or_default());
        }
        let (head, body) = commit.split_at_mut(COMMIT_HEADER_BYTES);
        let crc = crc32c_append(crc32c(head.get(..32).unwrap_or_default()), body);
        put(head, 32, &crc.to_le_bytes());
        close(head);
        at += bytes;
    }
    let trailer = segment.len().saturating_sub(TRAILER_BYTES);
    let trailer = segment.get_mut(trailer..).filter(|trailer| trailer.starts_with(b"YZt1"));
    trailer.into_iter().for_each(close);
}

fn records(mut body: &mut [u8]) {
    while let Some(bytes) = number(body, 0).map(|bytes| FRAME_BYTES + bytes) {
        let Some((record, rest)) = body.split_at_mut_checked(bytes) else { return };
        let [kind, lane] = [record.get(8), record.get(9)].map(|at| at.copied().unwrap_or(0));
        let crc = crc32c(record.get(..4).unwrap_or_default());
        let crc = crc32c_append(crc, &[kind, lane, 0, 0]);
        let crc = crc32c_append(crc, record.get(FRAME_BYTES..).unwrap_or_default());
        put(record, 4, &crc.to_le_bytes());
        body = rest;
    }
}

/// The last four bytes are the checksum of those before.
fn close(part: &mut [u8]) {
    if let Some((body, last)) = part.split_last_chunk_mut::<4>() {
        *last = crc32c(body).to_le_bytes();
    }
}

fn put(part: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(room) = part.get_mut(at..at + bytes.len()) {
        room.copy_from_slice(bytes);
    }
}

fn number(part: &[u8], at: usize) -> Option<usize> {
    let bytes = part.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}
