//! [`fill`]: how legs read from a log become the frames of one [`Send`].

mod sealing;

use std::sync::Arc;

use bytes::Bytes;
use yizhan_schemas::Lane;
use yizhan_schemas::codec::CodecError;
use yizhan_schemas::frame::{Batch, Body, Carried, Chain, RECORDS_MAX, Record, SessionTag, Skip};

use crate::effect::Send;
use crate::link::Link;
use crate::record::{Leg, Put};
use crate::seal::{HeldSeal, Signet, Under};
use crate::time::{BootClock, BootId, Now};

use sealing::Cover;

/// Frames are cut at this many bytes of envelopes at the most; a single larger envelope goes alone.
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
    /// True if it came behind one that it should have come before.
    pub late: bool,
    /// True for a message of this station: it is signed when it leaves.
    pub own: bool,
    /// The seal that it came under.
    pub under: Option<Under>,
    /// The boot in which it was taken.
    pub boot: BootId,
    /// Clock since that boot then, milliseconds.
    pub taken_boot_ms: u64,
}

impl HeldLeg {
    /// One leg of a message, as a log that holds the whole message gives it back, with the seal
    /// that it names.
    pub fn of(put: &Put, leg: &Leg, seal: Option<Arc<HeldSeal>>) -> Self {
        Self {
            sequence: leg.sequence,
            chain: leg.chain,
            envelope: put.envelope.bytes().clone(),
            age_ms: put.age_ms,
            age_unknown: put.age_unknown,
            hops: put.hops,
            late: put.late,
            own: put.via.is_none(),
            under: seal.zip(put.under.map(|under| under.leaf)),
            boot: put.boot,
            taken_boot_ms: put.taken_boot_ms,
        }
    }

    /// Its age now, milliseconds; `None` if its time to live is over, or nobody can tell that it is
    /// not: it may not be delivered.
    pub fn age_within(&self, now: Now, clock: &BootClock, ttl_ms: Option<u64>) -> Option<u64> {
        let (age_ms, age_unknown) = self.age(now, clock);
        let is_over = ttl_ms.is_some_and(|ttl_ms| age_unknown || age_ms >= ttl_ms);
        (!is_over).then_some(age_ms)
    }

    /// Its known age now, milliseconds, and whether some of it is unknown.
    pub fn age(&self, now: Now, clock: &BootClock) -> (u64, bool) {
        match clock.since_ms(now, self.boot, self.taken_boot_ms) {
            Some(held_ms) => (self.age_ms.saturating_add(held_ms), self.age_unknown),
            None => (self.age_ms, true),
        }
    }
}

/// What a log has to say of legs, in order of their sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A leg.
    Leg(HeldLeg),
    /// Legs that it had and cannot give back.
    Gap {
        /// First leg.
        from: u64,
        /// Last leg.
        through: u64,
    },
}

/// Where legs are read from: only what is durable is shown.
pub trait LegSource: std::marker::Send + Sync {
    /// Gives the legs `from..=through` of a lane of a link to `each`, in order, until it answers
    /// `false` or there are no more.
    ///
    /// # Errors
    /// They cannot be read at present, in words for people.
    fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String>;

    /// The chain through one leg, if it is there.
    fn chain_at(&self, link: &Link, lane: Lane, sequence: u64) -> Option<Chain>;
}

/// What became of a [`Send`].
#[derive(Debug)]
pub struct Filled {
    /// The frames, in order.
    pub frames: Vec<Batch>,
    /// The last leg in them; one before the first asked for if there are none.
    pub through: u64,
    /// Legs that come next and cannot be given back.
    pub gap: Option<(u64, u64)>,
    /// Seals made for them.
    pub signed: u64,
}

/// Fills the frames that a send asks for; `signet` signs what of them is this station's own.
///
/// # Errors
/// The log cannot be read at present, or holds what fits no frame.
pub fn fill(
    send: &Send,
    source: &dyn LegSource,
    signet: &dyn Signet,
    now: Now,
) -> Result<Filled, String> {
    let mut filling = Filling::of(send);
    let mut gap = None;
    let chain_at = |sequence| source.chain_at(&send.link, send.lane, sequence);
    loop {
        filling.skip_ended(chain_at);
        let from = filling.next();
        let through = filling.next_ended().map_or(send.through, |run| run.saturating_sub(1));
        let through = through.min(send.through);
        if from > through {
            break;
        }
        let mut more = More::Yes;
        source.legs(&send.link, send.lane, from, through, &mut |reading| {
            match reading {
                Reading::Leg(leg) => more = filling.leg(&leg, now, &send.clock),
                Reading::Gap { from, through } => {
                    gap = Some((from, through));
                    more = More::No;
                }
            }
            more == More::Yes
        })?;
        if more == More::No || filling.next() <= through {
            break;
        }
    }
    let through = filling.through();
    let gap = gap.filter(|(from, _)| *from == filling.next());
    let (frames, signed) = filling.frames(signet, now).map_err(|fault| fault.to_string())?;
    Ok(Filled { frames, through, gap, signed })
}

/// The frames of one send, being filled.
#[derive(Debug)]
struct Filling {
    session: SessionTag,
    lane: Lane,
    max_bytes: usize,
    frame_bytes: usize,
    ended: std::collections::VecDeque<crate::effect::EndedRun>,
    frames: Vec<Frame>,
    next: u64,
    bytes: usize,
}

/// One frame, being filled.
#[derive(Debug)]
struct Frame {
    first: u64,
    records: Vec<Record>,
    /// What each of them is under.
    covers: Vec<Cover>,
    bytes: usize,
}

/// Whether more legs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

impl Filling {
    /// Nothing filled yet.
    fn of(send: &Send) -> Self {
        Self {
            session: send.session,
            lane: send.lane,
            max_bytes: usize::try_from(send.max_bytes).unwrap_or(usize::MAX),
            frame_bytes: usize::try_from(send.frame_bytes)
                .map_or(FRAME_FILL_BYTES, |bytes| bytes.min(FRAME_FILL_BYTES)),
            ended: send.ended.iter().copied().collect(),
            frames: Vec::new(),
            next: send.from,
            bytes: 0,
        }
    }

    /// The leg wanted next.
    fn next(&self) -> u64 {
        self.next
    }

    /// The last leg filled; one before the first asked for if there is none.
    fn through(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Fills the runs of ended legs that come next. `chain_at` looks a chain up in the log.
    fn skip_ended(&mut self, chain_at: impl Fn(u64) -> Option<Chain>) {
        while let Some(run) = self.ended.front().copied().filter(|run| run.from <= self.next) {
            self.ended.pop_front();
            let chain = run.chain.or_else(|| chain_at(run.through)).unwrap_or_default();
            let skip = Skip { from: run.from, through: run.through, reason: run.reason, chain };
            self.push(Record::Skip(skip), Cover::Bare, 32);
            self.next = run.through.saturating_add(1);
        }
    }

    /// The first leg of the next run of ended legs: legs from the log are wanted up to there.
    fn next_ended(&self) -> Option<u64> {
        self.ended.front().map(|run| run.from)
    }

    /// Takes the leg wanted next, if it still fits.
    fn leg(&mut self, leg: &HeldLeg, now: Now, clock: &BootClock) -> More {
        debug_assert_eq!(leg.sequence, self.next, "legs come in order");
        let size = leg.envelope.len();
        if self.bytes > 0 && self.bytes.saturating_add(size) > self.max_bytes {
            return More::No;
        }
        let (age_ms, age_unknown) = leg.age(now, clock);
        let carried =
            Carried { envelope: leg.envelope.clone(), age_ms, age_unknown, hops: leg.hops };
        let cover = match &leg.under {
            Some((seal, at)) => Cover::Under(Arc::clone(seal), *at),
            None if leg.own => Cover::Own,
            None => Cover::Bare,
        };
        self.push(Record::Carried(carried), cover, size);
        self.next = leg.sequence.saturating_add(1);
        if self.bytes >= self.max_bytes { More::No } else { More::Yes }
    }

    fn push(&mut self, record: Record, cover: Cover, size: usize) {
        let last = self.frames.last_mut();
        let size = size + cover.bytes(last.as_ref().and_then(|frame| frame.covers.last()));
        self.bytes = self.bytes.saturating_add(size);
        match last {
            Some(frame)
                if frame.bytes.saturating_add(size) <= self.frame_bytes
                    && frame.records.len() < RECORDS_MAX =>
            {
                frame.records.push(record);
                frame.covers.push(cover);
                frame.bytes = frame.bytes.saturating_add(size);
            }
            _ => {
                let (records, covers) = (vec![record], vec![cover]);
                self.frames.push(Frame { first: self.next, records, covers, bytes: size });
            }
        }
    }

    /// The frames, in order, and how many seals were made for them.
    ///
    /// # Errors
    /// A record that fits no frame: an envelope longer than any station reads.
    fn frames(self, signet: &dyn Signet, now: Now) -> Result<(Vec<Batch>, u64), CodecError> {
        let mut signed = 0;
        let batch = |Frame { first, records, covers, .. }| {
            let (seals, own) = sealing::seals(&records, &covers, signet);
            signed += u64::from(own);
            let body = Body { records, seals }.encode()?;
            let (session, lane, sent_ms) = (self.session, self.lane, now.boot_ms());
            Ok(Batch { session, lane, first, sent_ms, packing: None, body })
        };
        let frames = self.frames.into_iter().map(batch).collect::<Result<_, CodecError>>()?;
        Ok((frames, signed))
    }
}

#[cfg(test)]
mod tests;
