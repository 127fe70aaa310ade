//! [`Filling`]: how legs read from a log become the frames of one [`Send`].

use bytes::Bytes;
use yizhan_schemas::Lane;
use yizhan_schemas::codec::CodecError;
use yizhan_schemas::frame::{Batch, Body, Carried, Chain, RECORDS_MAX, Record, SessionTag, Skip};

use crate::effect::Send;
use crate::time::{BootId, Now};

/// Frames are cut at this many bytes of envelopes, so that flash pre-empts between them; a single
/// larger envelope goes alone.
pub const FRAME_FILL_BYTES: usize = 64 * 1024;

/// One leg as the log gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLeg {
    /// Its sequence.
    pub sequence: u64,
    /// The chain through it.
    pub chain: Chain,
    /// The envelope's bytes.
    pub envelope: Bytes,
    /// Known age when it was taken, milliseconds.
    pub age_ms: u64,
    /// True if that leaves out a time that nobody knows.
    pub age_unknown: bool,
    /// Links crossed.
    pub hops: u32,
    /// The boot in which it was taken.
    pub boot: BootId,
    /// Clock since that boot then, milliseconds.
    pub taken_boot_ms: u64,
}

impl HeldLeg {
    /// Its known age now, milliseconds, and whether some of it is unknown.
    pub fn age(&self, now: Now, boot: BootId) -> (u64, bool) {
        if self.boot != boot {
            return (self.age_ms, true);
        }
        let held_ms = now.boot_ms().saturating_sub(self.taken_boot_ms);
        (self.age_ms.saturating_add(held_ms), self.age_unknown)
    }
}

/// The frames of one send, being filled.
#[derive(Debug)]
pub struct Filling {
    session: SessionTag,
    lane: Lane,
    max_bytes: usize,
    ended: std::collections::VecDeque<crate::effect::EndedRun>,
    frames: Vec<(u64, Vec<Record>, usize)>,
    next: u64,
    bytes: usize,
}

/// Whether more legs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// Go on with the leg at [`Filling::next`].
    Yes,
    /// The send is full.
    No,
}

impl Filling {
    /// Nothing filled yet.
    pub fn of(send: &Send) -> Self {
        Self {
            session: send.session,
            lane: send.lane,
            max_bytes: usize::try_from(send.max_bytes).unwrap_or(usize::MAX),
            ended: send.ended.iter().copied().collect(),
            frames: Vec::new(),
            next: send.from,
            bytes: 0,
        }
    }

    /// The leg wanted next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The last leg filled; one before the first asked for if there is none.
    pub fn through(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Fills the runs of ended legs that come next. `chain_at` looks a chain up in the log.
    pub fn skip_ended(&mut self, chain_at: impl Fn(u64) -> Option<Chain>) {
        while let Some(run) = self.ended.front().copied().filter(|run| run.from <= self.next) {
            self.ended.pop_front();
            let chain = run.chain.or_else(|| chain_at(run.through)).unwrap_or_default();
            let skip = Skip { from: run.from, through: run.through, reason: run.reason, chain };
            self.push(Record::Skip(skip), 32);
            self.next = run.through.saturating_add(1);
        }
    }

    /// The first leg of the next run of ended legs: legs from the log are wanted up to there.
    pub fn next_ended(&self) -> Option<u64> {
        self.ended.front().map(|run| run.from)
    }

    /// Takes the leg wanted next, if it still fits.
    pub fn leg(&mut self, leg: &HeldLeg, now: Now, boot: BootId) -> More {
        debug_assert_eq!(leg.sequence, self.next, "legs come in order");
        let size = leg.envelope.len();
        if self.bytes > 0 && self.bytes.saturating_add(size) > self.max_bytes {
            return More::No;
        }
        let (age_ms, age_unknown) = leg.age(now, boot);
        let carried =
            Carried { envelope: leg.envelope.clone(), age_ms, age_unknown, hops: leg.hops };
        self.push(Record::Carried(carried), size);
        self.next = leg.sequence.saturating_add(1);
        if self.bytes >= self.max_bytes { More::No } else { More::Yes }
    }

    fn push(&mut self, record: Record, size: usize) {
        self.bytes = self.bytes.saturating_add(size);
        match self.frames.last_mut() {
            Some((_, records, filled))
                if filled.saturating_add(size) <= FRAME_FILL_BYTES
                    && records.len() < RECORDS_MAX =>
            {
                records.push(record);
                *filled = filled.saturating_add(size);
            }
            _ => self.frames.push((self.next, vec![record], size)),
        }
    }

    /// The frames, in order.
    ///
    /// # Errors
    /// A record that fits no frame: an envelope longer than any station reads.
    pub fn frames(self, now: Now) -> Result<Vec<Batch>, CodecError> {
        let batch = |(first, records, _)| {
            let body = Body { records, seals: Vec::new() }.encode()?;
            let (session, lane, sent_ms) = (self.session, self.lane, now.boot_ms());
            Ok(Batch { session, lane, first, sent_ms, packing: None, body })
        };
        self.frames.into_iter().map(batch).collect()
    }
}
