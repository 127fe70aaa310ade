//! [`Commit`]: records as one run of bytes, written in one go and true as a whole or not at all.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_core::seal::HeldSeal;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Epoch, Lane};

use super::format::{
    COMMIT_BYTES_MAX, COMMIT_HEADER_BYTES, CommitHeader, CommitKind, FRAME_BYTES, Frame,
};
use super::packed::Packer;
use super::part::{self, Seals};
use super::scan::Placed;
use crate::spool::error::SpoolError;

/// Room set aside for a record beside its envelope, so that a buffer rarely grows. Bytes.
const RECORD_BYTES_TYPICAL: usize = 256;

/// An encoded commit. Its number is put in last, when it is known which segment it goes to.
#[derive(Debug)]
pub(super) struct Commit {
    /// As readers in memory want it.
    pub(super) bytes: Vec<u8>,
    /// As it goes to the disk, if that is shorter.
    packed: Option<Vec<u8>>,
    kind: CommitKind,
    records: u32,
    pub(super) notes: Vec<Note>,
    /// The seals at its head.
    seals: Vec<Option<Arc<HeldSeal>>>,
}

/// What the index and the footer want to know of one record.
#[derive(Debug, Clone)]
pub(super) struct Note {
    /// Where its frame begins in the commit, bytes.
    pub(super) offset: usize,
    /// Where it ends.
    pub(super) end: usize,
    pub(super) legs: Vec<NotedLeg>,
    /// True for [`Record::Reappended`].
    pub(super) again: bool,
    /// True for a [`Record::Put`] whose publisher gave a key.
    pub(super) keyed: bool,
    /// Wall clock when the message was taken, Unix milliseconds.
    pub(super) wall_ms: u64,
    /// Its number, if this station made it.
    pub(super) issued: Option<(Issuer, u64)>,
}

/// Whose messages are numbered densely.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Issuer {
    pub(super) origin: Code,
    pub(super) epoch: Epoch,
    pub(super) lane: Lane,
}

/// One leg, under the lane that it is numbered in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotedLeg {
    pub(super) link: Link,
    pub(super) lane: Lane,
    pub(super) sequence: u64,
    pub(super) chain: Chain,
}

impl Note {
    /// `None` for records without a message.
    pub(super) fn of(record: &Record, offset: usize, end: usize) -> Option<Self> {
        let put = record.put()?;
        let again = matches!(record, Record::Reappended(_));
        let first = matches!(record, Record::Put(_));
        let lane = put.envelope.header().lane;
        let legs = put.legs.iter().map(|leg| NotedLeg {
            link: leg.link.clone(),
            lane: leg.link.numbered_lane(lane),
            sequence: leg.sequence,
            chain: leg.chain,
        });
        let keyed = first && put.key.is_some();
        let wall_ms = put.taken_wall_ms;
        let issued = (first && put.via.is_none()).then(|| {
            let header = put.envelope.header();
            let issuer = Issuer { origin: header.origin.clone(), epoch: header.epoch, lane };
            (issuer, header.sequence)
        });
        Some(Self { offset, end, legs: legs.collect(), again, keyed, wall_ms, issued })
    }
}

impl Note {
    /// The day of that, counted from 1970.
    pub(super) fn day(&self) -> u32 {
        u32::try_from(self.wall_ms / 86_400_000).unwrap_or(u32::MAX)
    }
}

impl Commit {
    /// Encodes records, in order.
    pub(super) fn of(records: &[Record]) -> Result<Self, SpoolError> {
        let mut bytes = Vec::with_capacity(guess_bytes(records));
        bytes.resize(COMMIT_HEADER_BYTES, 0);
        let mut notes = Vec::with_capacity(records.len());
        let mut seals = Vec::new();
        for record in records {
            let offset = bytes.len();
            push(&mut bytes, record)?;
            notes.extend(Note::of(record, offset, bytes.len()));
            if let Record::Seal(seal) = record {
                seals.push(Some(Arc::clone(seal)));
            }
        }
        let records = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let kind = CommitKind::Records;
        let commit = Self { bytes, packed: None, kind, records, notes, seals };
        commit.within_bounds()
    }

    /// A commit around the encoded footer of a segment.
    pub(super) fn footer(body: &[u8]) -> Result<Self, SpoolError> {
        let mut bytes = vec![0; COMMIT_HEADER_BYTES];
        bytes.extend_from_slice(body);
        let (notes, seals) = (Vec::new(), Vec::new());
        let kind = CommitKind::Footer;
        Self { bytes, packed: None, kind, records: 0, notes, seals }.within_bounds()
    }

    /// Packs it for the disk, if that makes it shorter.
    pub(super) fn pack(&mut self, packer: &mut Packer) {
        self.packed = packer.pack(&self.bytes, self.records);
    }

    fn within_bounds(self) -> Result<Self, SpoolError> {
        let bytes = self.unpacked_bytes();
        if bytes > COMMIT_BYTES_MAX {
            return Err(SpoolError::CommitTooLarge { bytes, bytes_max: COMMIT_BYTES_MAX });
        }
        Ok(self)
    }

    /// Gives it its number and checksums.
    pub(super) fn seal(&mut self, store: u64, number: u64) {
        let (kind, bytes) = match &mut self.packed {
            Some(packed) => (CommitKind::Packed, packed),
            None => (self.kind, &mut self.bytes),
        };
        CommitHeader::seal(kind, store, number, self.records, bytes);
    }

    /// As it goes to the disk.
    pub(super) fn written(&self) -> &[u8] {
        self.packed.as_ref().unwrap_or(&self.bytes)
    }

    /// Its length on the disk, bytes.
    pub(super) fn len(&self) -> u64 {
        self.written().len() as u64
    }

    /// Its length unpacked, bytes: how much there is to read again after a restart.
    pub(super) fn unpacked_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }
}

fn guess_bytes(records: &[Record]) -> usize {
    let body = |record: &Record| match record {
        Record::Snapshot(bytes) => bytes.len(),
        other => other.put().map_or(0, envelope_bytes),
    };
    let records = records.iter().map(|record| RECORD_BYTES_TYPICAL + body(record));
    records.sum::<usize>() + COMMIT_HEADER_BYTES
}

fn envelope_bytes(put: &Put) -> usize {
    put.envelope.bytes().len()
}

fn push(out: &mut Vec<u8>, record: &Record) -> Result<(), SpoolError> {
    let start = out.len();
    out.resize(start + FRAME_BYTES, 0);
    rmp_serde::encode::write(out, record)
        .map_err(|fault| SpoolError::Unencodable { fault: fault.to_string() })?;
    let lane = record.put().map_or(0, |put| put.envelope.header().lane.letter() as u8);
    if let Some(framed) = out.get_mut(start..) {
        Frame::seal(part::letter(record), lane, framed);
    }
    Ok(())
}

/// One record of an intact commit.
#[derive(Debug)]
pub(super) struct RecordAt<'a> {
    pub(super) frame: Frame,
    /// Where its frame begins in the segment, counted in its commit as if that was not packed, bytes.
    pub(super) offset: usize,
    pub(super) body: &'a [u8],
}

impl RecordAt<'_> {
    /// Decodes it. `Err` holds the decoder's words.
    pub(super) fn decode(&self) -> Result<Record, String> {
        rmp_serde::from_slice(self.body).map_err(|fault| fault.to_string())
    }

    /// What the index wants to know of it.
    pub(super) fn note(&self, record: &Record) -> Option<Note> {
        Note::of(record, self.offset, self.offset + self.frame.record_bytes())
    }
}

/// The records of a commit, of what [`super::packed::Unpacker::records`] gave.
pub(super) fn records<'a>(
    unpacked: &'a [u8],
    commit: &Placed,
) -> impl Iterator<Item = RecordAt<'a>> + use<'a> {
    let start = commit.offset + COMMIT_HEADER_BYTES;
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = unpacked.get(at..)?;
        let frame = Frame::read(rest)?;
        let body = rest.get(FRAME_BYTES..frame.record_bytes())?;
        let record = RecordAt { frame, offset: start + at, body };
        at += frame.record_bytes();
        Some(record)
    })
}

/// The same bytes and seals, shared.
pub(super) fn share(commit: Commit) -> (Bytes, Vec<Note>, Option<Arc<Seals>>) {
    let seals = (!commit.seals.is_empty()).then(|| commit.seals.into());
    (commit.bytes.into(), commit.notes, seals)
}
