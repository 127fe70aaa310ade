//! [`Gauge`]: how much the spool holds and how much it may, as the volume really is.
//!
//! Promise: what the core was allowed to commit fits. New messages are taken only while the volume
//! has room for all commits that may be under way when the last word on it is out of date; with
//! less, what is left (the tail, the spare) is for records that bring messages to their end.

use yizhan_core::station::BEYOND_PART;

use std::sync::Arc;

use super::Options;
use super::format::SEGMENT_HEADER_BYTES;
use super::shared::Shared;
use crate::spool::disk;

/// Room for the one message by which a commit may be longer than is aimed at, twice over: bytes.
const COMMIT_SLACK_BYTES: u64 = 1024 * 1024;

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that its segments take on disk.
    pub held_bytes: u64,
    /// Bytes that they may take: no more than are held, if the volume has no room.
    pub max_bytes: u64,
}

/// Reads how full the spool is, from any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gauge {
    shared: Arc<Shared>,
    max_bytes: u64,
}

impl Gauge {
    pub(super) fn new(shared: Arc<Shared>, max_bytes: u64) -> Self {
        Self { shared, max_bytes }
    }

    /// How full the spool is now.
    pub fn read(&self) -> Room {
        let (held_bytes, snapshot_bytes) = {
            let state = self.shared.read();
            (state.held_bytes(), state.snapshot_bytes)
        };
        let options = self.shared.options;
        let reserve = reserve_bytes(options, snapshot_bytes).saturating_add(options.segment_bytes);
        let left = self.shared.free_with_spare_bytes().saturating_sub(reserve);
        // the core may go beyond what it is told by a part of it, for what is guaranteed
        let volume_bytes = held_bytes.saturating_add(left);
        let max_bytes = self.max_bytes.min(volume_bytes / (BEYOND_PART + 1) * BEYOND_PART);
        Room { held_bytes, max_bytes }
    }
}

/// What a step should gather at most: with the letter that brings it over this (a payload, or what
/// is carried: a quarter of a segment, and one message more) it fits a segment, and so the spare.
pub fn step_bytes_max(segment_bytes: u64) -> u64 {
    segment_bytes / 8 * 3
}

/// Free bytes beside the spare that new messages leave alone: two commits under way, each with its
/// roll, and the next snapshot where that is too large for the spare.
fn reserve_bytes(options: Options, snapshot_bytes: u64) -> u64 {
    let snapshot = match snapshot_segment_bytes(options, snapshot_bytes) {
        small if small <= options.segment_bytes => 0,
        // it grows
        large => large.saturating_add(snapshot_bytes / 4),
    };
    (2 * options.segment_bytes + COMMIT_SLACK_BYTES).saturating_add(snapshot)
}

/// The size of the segment that a snapshot begins: a large one still leaves a segment's room
/// behind it.
pub(super) fn snapshot_segment_bytes(options: Options, snapshot_bytes: u64) -> u64 {
    let head_bytes = (SEGMENT_HEADER_BYTES as u64).saturating_add(snapshot_bytes);
    let small = head_bytes <= options.segment_bytes / 2;
    if small { options.segment_bytes } else { head_bytes.saturating_add(options.segment_bytes) }
}

impl Shared {
    /// Bytes free on the volume, the spare counted in. A volume that does not say has none.
    fn free_with_spare_bytes(&self) -> u64 {
        disk::free_bytes(&self.dir).unwrap_or(0).saturating_add(self.spare_bytes())
    }

    /// True if there is room for the next snapshot, which is about as large as the last.
    pub(super) fn snapshot_fits(&self, bytes: u64) -> bool {
        let segment_bytes = snapshot_segment_bytes(self.options, bytes);
        if self.spare_bytes() >= segment_bytes {
            return true;
        }
        let free_bytes = disk::free_bytes(&self.dir).unwrap_or(0);
        free_bytes >= segment_bytes.saturating_add(bytes / 4)
    }
}
