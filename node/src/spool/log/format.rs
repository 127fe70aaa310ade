//! The parts of fixed length: segment header, commit header, record frame, trailer.
//!
//! All numbers are little-endian. The picture is in [`super`].

use crc32c::{crc32c, crc32c_append};

/// The version that this release writes.
pub(super) const FORMAT_VERSION: u32 = 2;
/// The oldest version that this release reads: the same without [`CommitKind::Packed`].
const FORMAT_VERSION_OLDEST: u32 = 1;
/// Length of a [`SegmentHeader`].
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
/// Length of a [`CommitHeader`].
pub(super) const COMMIT_HEADER_BYTES: usize = 40;
/// Length of a [`Frame`].
pub(super) const FRAME_BYTES: usize = 12;
/// Length of the trailer behind a footer.
pub(super) const TRAILER_BYTES: usize = 16;
/// Longest commit, in bytes: a snapshot with full seen-sets (64 MiB) fits several times.
pub(super) const COMMIT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a commit header begins with; the search behind a damaged place looks for it.
pub(super) const COMMIT_MAGIC: [u8; 4] = *b"YZc1";
const SEGMENT_MAGIC: [u8; 8] = *b"YZsegmnt";
const TRAILER_MAGIC: [u8; 4] = *b"YZt1";

/// The first bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Drawn when the log was made. It stands in every commit too: nobody who does not know it
    /// can hand in a payload that looks like a commit.
    pub(super) store: u64,
    /// Number of the first commit.
    pub(super) first: u64,
    /// Puts with a publisher's key in all segments before.
    pub(super) keys_before: u64,
}

/// Why bytes are no segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Half-written or damaged.
    Broken,
    /// Intact, and of a version not known here.
    Version(u32),
}

impl SegmentHeader {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        out.extend_from_slice(&SEGMENT_MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&0_u32.to_le_bytes());
        for number in [self.store, self.first, self.keys_before] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.resize(SEGMENT_HEADER_BYTES - 4, 0);
        out.extend_from_slice(&crc32c(&out).to_le_bytes());
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, HeaderFault> {
        Self::fields(bytes).ok_or(HeaderFault::Broken).and_then(|(version, header)| match version {
            FORMAT_VERSION_OLDEST..=FORMAT_VERSION => Ok(header),
            other => Err(HeaderFault::Version(other)),
        })
    }

    fn fields(bytes: &[u8]) -> Option<(u32, Self)> {
        let bytes = bytes.get(..SEGMENT_HEADER_BYTES)?;
        let (body, crc) = bytes.split_at(SEGMENT_HEADER_BYTES - 4);
        let mut fields = Fields(body);
        let whole =
            fields.array() == Some(SEGMENT_MAGIC) && Fields(crc).u32() == Some(crc32c(body));
        let (version, _spare) = (fields.u32()?, fields.u32()?);
        let header =
            Self { store: fields.u64()?, first: fields.u64()?, keys_before: fields.u64()? };
        whole.then_some((version, header))
    }
}

/// What a commit holds. Another kind asks for another [`FORMAT_VERSION`]: a release that does not
/// know it would take it for damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitKind {
    /// Records.
    Records,
    /// A [`super::footer::Footer`]: the segment is closed.
    Footer,
    /// Records, packed: see [`super::packed`].
    Packed,
}

impl CommitKind {
    fn number(self) -> u32 {
        match self {
            Self::Records => 1,
            Self::Footer => 2,
            Self::Packed => 3,
        }
    }

    fn of(number: u32) -> Option<Self> {
        [Self::Records, Self::Footer, Self::Packed].into_iter().find(|kind| kind.number() == number)
    }

    /// True if there are records in it, packed or not.
    pub(super) fn has_records(self) -> bool {
        matches!(self, Self::Records | Self::Packed)
    }
}

/// The first bytes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommitHeader {
    pub(super) kind: CommitKind,
    pub(super) store: u64,
    pub(super) number: u64,
    pub(super) body_bytes: u32,
    pub(super) records: u32,
    /// Over the header up to here, and the body.
    pub(super) crc: u32,
}

impl CommitHeader {
    /// Writes the header into the room left for it at the start of `commit`.
    pub(super) fn seal(kind: CommitKind, store: u64, number: u64, records: u32, commit: &mut [u8]) {
        let Some((room, body)) = commit.split_at_mut_checked(COMMIT_HEADER_BYTES) else { return };
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let mut head = Vec::with_capacity(COMMIT_HEADER_BYTES);
        head.extend_from_slice(&COMMIT_MAGIC);
        head.extend_from_slice(&kind.number().to_le_bytes());
        head.extend_from_slice(&store.to_le_bytes());
        head.extend_from_slice(&number.to_le_bytes());
        head.extend_from_slice(&body_bytes.to_le_bytes());
        head.extend_from_slice(&records.to_le_bytes());
        head.extend_from_slice(&crc32c_append(crc32c(&head), body).to_le_bytes());
        head.extend_from_slice(&crc32c(&head).to_le_bytes());
        room.copy_from_slice(&head);
    }

    /// The header, if its own checksum holds.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..COMMIT_HEADER_BYTES)?;
        let (head, crc) = bytes.split_at(COMMIT_HEADER_BYTES - 4);
        let mut fields = Fields(head);
        if fields.array() != Some(COMMIT_MAGIC) || Fields(crc).u32() != Some(crc32c(head)) {
            return None;
        }
        Some(Self {
            kind: CommitKind::of(fields.u32()?)?,
            store: fields.u64()?,
            number: fields.u64()?,
            body_bytes: fields.u32()?,
            records: fields.u32()?,
            crc: fields.u32()?,
        })
    }

    /// True if the checksum over header and body holds.
    pub(super) fn covers(&self, commit: &[u8]) -> bool {
        let head = commit.get(..COMMIT_HEADER_BYTES - 8);
        let body = commit.get(COMMIT_HEADER_BYTES..);
        head.zip(body).is_some_and(|(head, body)| crc32c_append(crc32c(head), body) == self.crc)
    }

    /// Header and body, bytes.
    pub(super) fn commit_bytes(&self) -> usize {
        COMMIT_HEADER_BYTES.saturating_add(self.body_bytes as usize)
    }
}

/// What stands before a record: enough to pass over it without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) body_bytes: u32,
    crc: u32,
    /// The record's letter on disk.
    pub(super) kind: u8,
    /// The letter of the message's lane; 0 where there is no message.
    pub(super) lane: u8,
}

impl Frame {
    /// Writes the frame into the room left for it at the start of `record`.
    pub(super) fn seal(kind: u8, lane: u8, record: &mut [u8]) {
        let Some((room, body)) = record.split_at_mut_checked(FRAME_BYTES) else { return };
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let crc = Self::crc(body_bytes, kind, lane, body);
        let mut head = Vec::with_capacity(FRAME_BYTES);
        head.extend_from_slice(&body_bytes.to_le_bytes());
        head.extend_from_slice(&crc.to_le_bytes());
        head.extend_from_slice(&[kind, lane, 0, 0]);
        room.copy_from_slice(&head);
    }

    /// The frame at the start of `bytes`; its checksum is not looked at.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (body_bytes, crc) = (fields.u32()?, fields.u32()?);
        let [kind, lane, _, _] = fields.array()?;
        Some(Self { body_bytes, crc, kind, lane })
    }

    /// True if the checksum over frame and body holds.
    pub(super) fn covers(&self, body: &[u8]) -> bool {
        Self::crc(self.body_bytes, self.kind, self.lane, body) == self.crc
    }

    /// Frame and body, bytes.
    pub(super) fn record_bytes(&self) -> usize {
        FRAME_BYTES.saturating_add(self.body_bytes as usize)
    }

    fn crc(body_bytes: u32, kind: u8, lane: u8, body: &[u8]) -> u32 {
        let crc = crc32c_append(crc32c(&body_bytes.to_le_bytes()), &[kind, lane, 0, 0]);
        crc32c_append(crc, body)
    }
}

/// What stands at the very end of a closed segment: where its footer begins.
pub(super) fn trailer(footer_offset: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(TRAILER_BYTES);
    out.extend_from_slice(&TRAILER_MAGIC);
    out.extend_from_slice(&footer_offset.to_le_bytes());
    out.extend_from_slice(&crc32c(&out).to_le_bytes());
    out
}

/// The footer's offset, from the last bytes of a file.
pub(super) fn read_trailer(bytes: &[u8]) -> Option<u64> {
    let (body, crc) = bytes.split_at_checked(TRAILER_BYTES - 4)?;
    let mut fields = Fields(body);
    let whole = fields.array() == Some(TRAILER_MAGIC) && Fields(crc).u32() == Some(crc32c(body));
    fields.u64().filter(|_| whole)
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
