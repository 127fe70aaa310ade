//! [`Step`]: what one turn of the station decided, as writes and, after them, effects.
//!
//! The promise that the whole project rests on is made here by types: an effect is reachable only
//! through [`Pending::release`], which asks for a [`Durable`], and only [`commit_through`] makes
//! one, after the spool has written *and* synced. Effects of step k wait for every commit up to
//! k, also when step k writes nothing itself: else the ack of a retransmission could overtake the
//! commit that it answers for.

use std::collections::BTreeMap;
use std::sync::Arc;

use yizhan_schemas::frame::{Ack, LaneAck, SessionTag};

use crate::effect::Effect;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record::Record;
use crate::seal::HeldSeal;

/// How long a step that nobody waits for may gather, microseconds: most are swallowed by the next
/// message ([`crate::station::Station::may_wait`]).
pub const STEP_WAITS_US: u64 = 10_000;
/// Records that a step has room for when it writes its first.
const RECORDS_TYPICAL: usize = 32;
/// Seals of a commit among which one is looked for, so that it is written once.
const SEALS_LOOKED_AT: usize = 64;

/// Number of a commit, counted from 1 in each run of a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitNo(u64);

/// A step being gathered: any number of inputs may be handled into one.
#[derive(Debug)]
#[must_use = "an uncommitted step is a lost decision"]
pub struct Step {
    number: CommitNo,
    /// What stands at the head of the commit.
    seals: Vec<Arc<HeldSeal>>,
    records: Vec<Record>,
    effects: Vec<Effect>,
    acks: BTreeMap<Link, Ack>,
}

/// The records of one step, to be written as one atomic commit.
#[derive(Debug)]
#[must_use = "writes that are not written are lost"]
pub struct Writes {
    number: CommitNo,
    records: Vec<Record>,
}

/// The effects of one step, which nobody can see yet.
#[derive(Debug)]
#[must_use = "effects that are not released are never seen"]
pub struct Pending {
    waits_for: CommitNo,
    effects: Vec<Effect>,
}

/// Speaks for every commit up to its number.
#[derive(Debug, Clone, Copy)]
pub struct Durable {
    through: CommitNo,
}

/// Numbers steps. One for each run of a station.
#[derive(Debug)]
pub struct Steps {
    last: CommitNo,
}

impl Default for Steps {
    fn default() -> Self {
        Self { last: CommitNo(0) }
    }
}

impl Steps {
    /// A new, empty step.
    pub fn begin(&mut self) -> Step {
        self.last.0 = self.last.0.saturating_add(1);
        Step {
            number: self.last,
            seals: Vec::new(),
            records: Vec::new(),
            effects: Vec::new(),
            acks: BTreeMap::new(),
        }
    }
}

impl Step {
    /// Ends the gathering: what to write, and what may be said once that is durable.
    pub(crate) fn close(self) -> (Writes, Pending) {
        let mut effects = self.effects;
        // acks go before data: a neighbour's window opens first
        let acks = self.acks.into_iter().map(|(link, ack)| Effect::Ack { link, ack });
        effects.splice(0..0, acks);
        let free = self.records.is_empty() && mutant::is(Mutant::EmptyStepOvertakes);
        let waits_for = if free { CommitNo(0) } else { self.number };
        let mut records = self.records;
        records.splice(0..0, self.seals.into_iter().map(Record::Seal));
        let writes = Writes { number: self.number, records };
        (writes, Pending { waits_for, effects })
    }

    /// True if closing it would neither write nor say anything.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.effects.is_empty() && self.acks.is_empty()
    }

    /// True if it writes something that nobody waits for: it notes that a neighbour has something,
    /// and says nothing but what logs and metrics hear. Lost in a crash, it is found out again from
    /// the neighbour.
    pub(crate) fn is_note(&self) -> bool {
        let is_note = |record: &Record| {
            matches!(record, Record::HandedOver(_) | Record::Beyond(_) | Record::Indexed(_))
        };
        let is_notice = |effect: &Effect| matches!(effect, Effect::Notice(_));
        !self.records.is_empty()
            && self.acks.is_empty()
            && self.records.iter().all(is_note)
            && self.effects.iter().all(is_notice)
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn write(&mut self, record: Record) {
        if self.records.is_empty() {
            // few steps write less than this, and growing moves all that is there
            self.records.reserve(RECORDS_TYPICAL);
        }
        self.records.push(record);
    }

    /// Writes a seal at the head of the commit, unless it was the last one or one of a few before
    /// it; gives its place.
    pub(crate) fn seal(&mut self, seal: &Arc<HeldSeal>) -> u32 {
        let near = (0..self.seals.len()).zip(&self.seals).rev().take(SEALS_LOOKED_AT);
        let known = near.into_iter().find(|(_, known)| Arc::ptr_eq(known, seal));
        let place = known.map(|(place, _)| place).unwrap_or_else(|| {
            self.seals.push(Arc::clone(seal));
            self.seals.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    pub(crate) fn after(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// One cumulative ack a lane, whatever came in during the step: the last word counts.
    pub(crate) fn ack(
        &mut self,
        link: &Link,
        session: SessionTag,
        lane: LaneAck,
        echo_ms: Option<u64>,
    ) {
        let fresh = || Ack { session, lanes: Vec::new(), echo_ms: None };
        let ack = self.acks.entry(link.clone()).or_insert_with(fresh);
        if ack.session != session {
            *ack = fresh();
        }
        ack.lanes.retain(|earlier| earlier.lane != lane.lane);
        ack.lanes.push(lane);
        ack.echo_ms = echo_ms.or(ack.echo_ms);
    }
}

impl Writes {
    /// Its number.
    pub fn number(&self) -> CommitNo {
        self.number
    }

    /// What to write, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}

impl Pending {
    /// The commit that must be durable first.
    pub fn waits_for(&self) -> CommitNo {
        self.waits_for
    }

    /// The effects, if what they wait for is durable; otherwise itself again.
    pub fn release(self, durable: &Durable) -> Result<Vec<Effect>, Self> {
        let due = durable.through >= self.waits_for || mutant::is(Mutant::AckBeforeCommit);
        if due { Ok(self.effects) } else { Err(self) }
    }
}

/// Where commits go. An implementation promises: when [`Spool::sync`] returns `Ok`, every commit
/// written before survives a power cut, whole; a commit whose sync did not return may survive
/// whole or not at all, never in part.
pub trait Spool {
    /// What can go wrong. After any error the process must end and recover.
    type Error;
    /// Writes one commit, in order; it need not be durable yet.
    fn write(&mut self, writes: &Writes) -> Result<(), Self::Error>;
    /// Makes all that was written durable.
    fn sync(&mut self) -> Result<(), Self::Error>;
}

/// Writes a commit and makes it durable: the only maker of a [`Durable`].
///
/// Commits must come in the order of their numbers. A step that wrote nothing costs no sync.
pub fn commit_through<S: Spool>(spool: &mut S, writes: &Writes) -> Result<Durable, S::Error> {
    if !writes.records.is_empty() {
        spool.write(writes)?;
        spool.sync()?;
    }
    Ok(Durable { through: writes.number })
}
