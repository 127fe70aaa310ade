//! [`Neighbour`]: the live side of one link: its session, its flights, its signs of life.
//!
//! All of this is forgotten at a restart, and made anew by a hello.

use std::collections::VecDeque;

use yizhan_schemas::frame::{Have, Hello, LinkEpoch, SessionTag};
use yizhan_schemas::{Lane, PerLane};

use crate::bucket::Bucket;
use crate::flight::Flight;
use crate::input::Marks;
use crate::lanes::Turns;
use crate::pace::Pace;
use crate::record::Renumbered;
use crate::time::Now;
use crate::transit::Transit;

/// Answers to hellos that may wait to be taken up.
const PROPOSALS_MAX: usize = 4;

/// Bytes of what one neighbour brought and is not taken that are kept at once.
pub const ASIDE_BURST_BYTES: u64 = 4 * 1024 * 1024;
/// And then a second.
pub const ASIDE_BYTES_PER_SECOND: u64 = 4 * 1024;
/// Hand-overs whose time is measured, per lane, at any moment.
const SAMPLES_MAX: usize = 512;

/// What of a neighbour's bytes may still be put aside.
#[derive(Debug)]
pub struct AsideRoom(pub Bucket);

impl Default for AsideRoom {
    fn default() -> Self {
        Self(Bucket::new(ASIDE_BURST_BYTES, ASIDE_BYTES_PER_SECOND))
    }
}

/// The live side of one link.
#[derive(Debug, Default)]
pub struct Neighbour {
    /// The session, if one stands.
    pub session: Option<Session>,
    /// What the neighbour had when our numbering of a lane was last made anew.
    pub answered: PerLane<Option<Have>>,
    /// Hand-overs being measured, lane by lane.
    pub samples: [Samples; 4],
    /// How fast the link is; also over the end of a session.
    pub pace: Pace,
    /// Smoothed round trip, microseconds.
    pub rtt_us: Option<u64>,
    /// How far its wall clock is ahead of ours, milliseconds, as far as it said.
    pub clock_offset_ms: Option<i64>,
    /// How long the exchange took that began the last session: a round trip at most.
    greeting_us: Option<u64>,
    /// When anything of its session last came, microseconds since boot.
    pub heard_us: Option<u64>,
    /// The leg of the last fold put, and when that was (microseconds since boot), lane by lane.
    pub folds: PerLane<(u64, u64)>,
    /// When it was last asked for a hello, microseconds since boot.
    pub nudged_us: Option<u64>,
    /// What of its bytes may still be put aside.
    pub aside: AsideRoom,
    /// Welcomes that no frame has confirmed yet, newest last.
    proposals: VecDeque<Proposal>,
}

/// A hello that was welcomed, and what follows if the welcome arrived.
#[derive(Debug)]
pub struct Proposal {
    /// What the first frame of the session carries.
    pub tag: SessionTag,
    /// The frame version of the session.
    pub version: u8,
    /// The hello.
    pub hello: Hello,
    /// What our log said of the places that matter.
    pub marks: PerLane<Marks>,
    /// The numberings that the child was told.
    pub told: PerLane<LinkEpoch>,
    /// Lanes that get a new numbering.
    pub renumbered: PerLane<Option<Renumbered>>,
    /// When the hello came.
    pub at: Now,
}

/// What both ends have agreed on.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The session's tag.
    pub tag: SessionTag,
    /// Its frame version.
    pub version: u8,
    /// The newest dictionary that both have.
    pub dictionary: Option<u32>,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    /// Its tag.
    pub tag: SessionTag,
    /// The frame version that both ends speak.
    pub version: u8,
    /// Number of the dictionary to pack bodies with; `None` if the other end reads none packed.
    pub dictionary: Option<u32>,
    /// What is on its way, lane by lane: flash first.
    pub flights: [Flight; 4],
    /// Whose turn it is.
    pub turns: Turns,
    /// How long its frames are on their way.
    pub transit: Transit,
    /// When a child was welcomed to it, milliseconds since boot: until the first frame that says
    /// when it was sent, which was later.
    pub welcomed_ms: Option<u64>,
    /// What the neighbour was last told to be durable one hop further, lane by lane.
    pub told: PerLane<Vec<(u64, u64)>>,
    /// When that was, microseconds since boot.
    pub told_us: u64,
    /// True while a [`crate::effect::Send`] has not been answered.
    pub asking: bool,
    /// When we last sent a sign of life, microseconds since boot.
    pub beat_us: u64,
    /// True if the parent says that spans get to somebody who collects them.
    pub collects: bool,
    /// True if the neighbour said last that it had no room, lane by lane.
    pub full: PerLane<bool>,
}

impl Session {
    /// A session that begins with these cursors.
    pub fn begin(terms: Terms, acked: PerLane<u64>, now_us: u64) -> Self {
        let Terms { tag, version, dictionary } = terms;
        Self {
            tag,
            version,
            dictionary,
            flights: acked.0.map(Flight::begin),
            turns: Turns::default(),
            transit: Transit::default(),
            welcomed_ms: None,
            told: PerLane::default(),
            told_us: 0,
            asking: false,
            beat_us: now_us,
            collects: false,
            full: PerLane::default(),
        }
    }

    /// The flight of one lane.
    pub fn flight(&mut self, lane: Lane) -> &mut Flight {
        let [f, i, p, r] = &mut self.flights;
        match lane {
            Lane::Flash => f,
            Lane::Immediate => i,
            Lane::Priority => p,
            Lane::Routine => r,
        }
    }

    /// Bytes in flight over all lanes.
    pub fn bytes(&self) -> u64 {
        self.flights.iter().map(Flight::bytes).sum()
    }
}

/// Legs whose hand-over is being timed, in runs of those that were taken at the same moment.
#[derive(Debug, Default)]
pub struct Samples(VecDeque<Sample>);

#[derive(Debug, Clone, Copy)]
struct Sample {
    first: u64,
    last: u64,
    taken_us: u64,
}

impl Samples {
    /// Times this leg.
    pub fn watch(&mut self, leg: u64, taken_us: u64) {
        match self.0.back_mut() {
            Some(newest) if leg <= newest.last => {}
            Some(newest) if newest.taken_us == taken_us && newest.last + 1 == leg => {
                newest.last = leg;
            }
            _ => self.push(Sample { first: leg, last: leg, taken_us }),
        }
    }

    /// Legs that were held before this opening: nobody knows since when, so they are timed from now.
    pub fn held_before(&mut self, first: u64, last: u64, now_us: u64) {
        self.push(Sample { first, last, taken_us: now_us });
    }

    /// Where there is no room, two samples become one, with the time of the elder: how long legs
    /// wait is then known less exactly, and never as shorter than it is.
    fn push(&mut self, sample: Sample) {
        if self.0.len() >= SAMPLES_MAX {
            let mut joined: VecDeque<Sample> = VecDeque::with_capacity(SAMPLES_MAX);
            for (at, sample) in self.0.drain(..).enumerate() {
                match joined.back_mut().filter(|_| at % 2 == 1) {
                    Some(elder) => elder.last = sample.last,
                    None => joined.push_back(sample),
                }
            }
            self.0 = joined;
        }
        self.0.push_back(sample);
    }

    /// The legs up to this one arrived: how many were taken when?
    pub fn arrived(&mut self, through: u64) -> Vec<(u64, u64)> {
        let mut taken = Vec::new();
        while let Some(oldest) = self.0.front_mut().filter(|oldest| oldest.first <= through) {
            let last = oldest.last.min(through);
            taken.push((last - oldest.first + 1, oldest.taken_us));
            if last < oldest.last {
                oldest.first = last + 1;
                break;
            }
            self.0.pop_front();
        }
        taken
    }

    /// When the oldest leg that is being timed was taken.
    pub fn oldest_us(&self) -> Option<u64> {
        self.0.front().map(|oldest| oldest.taken_us)
    }
}

impl Neighbour {
    /// One of whose link the operator says how fast it is, bytes a second.
    pub fn hinted(rate: Option<u64>) -> Self {
        Self { pace: Pace::hinted(rate), ..Self::default() }
    }

    /// The least time between two words of so many bytes that matter less than the messages:
    /// they take no more than a fifth of the line, answers included.
    pub fn chat_us(&self, bytes: u64) -> u64 {
        self.pace.takes_us(bytes).saturating_mul(5)
    }

    /// Remembers a welcome until a frame confirms it.
    pub fn propose(&mut self, proposal: Proposal) {
        if self.proposals.len() >= PROPOSALS_MAX {
            self.proposals.pop_front();
        }
        self.proposals.push_back(proposal);
    }

    /// The proposal with this tag; those before it are void.
    pub fn take_proposal(&mut self, tag: SessionTag) -> Option<Proposal> {
        let at = self.proposals.iter().position(|proposal| proposal.tag == tag)?;
        self.proposals.drain(..at);
        self.proposals.pop_front()
    }

    /// The round trip was measured.
    pub fn measured(&mut self, sample_us: u64) {
        // an eighth of each sample, as TCP smooths it (RFC 6298)
        let smooth = self.rtt_us.map_or(sample_us, |old| old - old / 8 + sample_us / 8);
        self.rtt_us = Some(smooth);
    }

    /// How long to wait for an ack before sending again: also as long as the line takes for what is
    /// on its way.
    pub fn resend_us(&self, min_ms: u64, round_trips: u64) -> u64 {
        let bytes = self.session.as_ref().map_or(0, Session::bytes);
        self.patience_us(min_ms, round_trips).saturating_add(self.pace.takes_us(bytes))
    }

    /// A session began with an exchange of so many bytes, which took so long.
    pub fn greeted(&mut self, now_us: u64, bytes: u64, took_us: u64) {
        self.pace.greeted(now_us, bytes, took_us);
        self.greeting_us = Some(took_us);
    }

    /// How long to wait for progress, or for life: at least `min_ms`, else so many round trips.
    pub fn patience_us(&self, min_ms: u64, round_trips: u64) -> u64 {
        let rtt_us = self.rtt_us.or(self.greeting_us).unwrap_or(0);
        let scaled = rtt_us.saturating_mul(round_trips);
        scaled.max(min_ms.saturating_mul(1000))
    }
}
