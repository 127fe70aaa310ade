//! [`Matters`]: the incidents and cases that are under way at this station, those that have ended,
//! and the messages that wait.
//!
//! Reports that nobody has touched, and whose steps have no deadlines, are sets of sequences by
//! category: a hundred thousand of them cost about as much as ten.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::matter::Word;
use yizhan_schemas::payload::stats::{Family, Measure};
use yizhan_schemas::{Code, Epoch, Lane, MessageId, Outcome};

use crate::matter::{Change, Matter, Moment, Stage, To, Until};
use crate::record::Put;

/// Most matters that are followed one by one. Reports beyond that have no deadlines, and cases are
/// not taken.
pub const LIVE_MAX: usize = 20_000;
/// Most messages that wait for their subject or their hour.
pub const PARKED_MAX: usize = 256;
/// Most bytes of them.
pub const PARKED_BYTES_MAX: usize = 1024 * 1024;
/// Most messages taken back before they came that are remembered; the oldest goes first.
pub const TOMBSTONES_MAX: usize = 4096;

/// What is under way, and what has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Matters {
    /// By category.
    untouched: BTreeMap<String, IdSet>,
    live: BTreeMap<MessageId, Matter>,
    ended: IdSet,
    /// What a matter goes by on the tier above, and here.
    above: BTreeMap<MessageId, MessageId>,
    parked: BTreeMap<MessageId, (Put, Until)>,
    tombstones: BTreeMap<MessageId, (Outcome, Moment)>,
    /// What the message that opens the next matter is counted under.
    #[serde(default)]
    filed: Option<(MessageId, String)>,
    /// Messages that wait, in the order in which they came.
    #[serde(default)]
    waiting: Vec<MessageId>,
    /// Of what has ended: what is no case that was closed, here or above.
    #[serde(default)]
    unclosed: IdSet,
}

/// What is known of a message as a matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// A report that nobody has touched.
    Untouched,
    /// It is followed.
    Live(&'a Matter),
    /// It has ended here.
    Ended,
    /// It is no matter of this station's.
    Unknown,
}

/// One thing to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// When, Unix milliseconds.
    pub wall_ms: u64,
    /// Of what.
    pub family: Family,
    /// Under which category.
    pub category: String,
    /// As what.
    pub measure: Measure,
}

impl Matters {
    /// What is known of a message as a matter.
    pub fn standing(&self, id: &MessageId) -> Standing<'_> {
        if let Some(matter) = self.live.get(id) {
            return Standing::Live(matter);
        }
        if self.ended.contains(id) {
            return Standing::Ended;
        }
        match self.untouched.values().any(|set| set.contains(id)) {
            true => Standing::Untouched,
            false => Standing::Unknown,
        }
    }

    /// A message that opens a matter here was taken.
    pub fn opened(&mut self, id: MessageId, word: &Word, at: Moment) -> Option<Counted> {
        let (family, category, stage) = match word {
            Word::Reported { category, .. } => (Family::Incident, category, Stage::Reported),
            Word::Opened { category } => (Family::Case, category, Stage::Open),
            Word::Applied { category, .. } => (Family::Case, category, Stage::Proposed),
            _ => return None,
        };
        let filed = self.filed.take().filter(|(other, _)| *other == id);
        let category = filed.as_ref().map_or(category, |(_, category)| category);
        if stage == Stage::Reported {
            self.untouched.entry(category.clone()).or_default().insert(&id);
        } else {
            self.live.insert(id, fresh(family, category.clone(), stage, at));
        }
        let (category, measure) = (category.clone(), Measure::Taken);
        Some(Counted { wall_ms: at.wall_ms, family, category, measure })
    }

    /// Takes a change into account.
    pub fn change(&mut self, change: &Change) -> Vec<Counted> {
        match change {
            Change::Filed { id, category } => {
                self.filed = Some((id.clone(), category.clone()));
                Vec::new()
            }
            Change::Timed { id, severity, body, at } => {
                let category = self.touch(id);
                let matter = fresh(Family::Incident, category, Stage::Reported, *at);
                let (severity, body) = (Some(*severity), body.clone());
                self.live.insert(id.clone(), Matter { severity, body, ..matter });
                Vec::new()
            }
            Change::Stepped { id, to, measure, above, at } => {
                self.stepped(id, *to, *measure, above.as_ref(), *at)
            }
            Change::Attempted { id, by, at } => {
                let Some(matter) = self.live.get_mut(id) else { return Vec::new() };
                matter.attempts.push(by.clone());
                vec![counted(matter, *at, Measure::Attempts)]
            }
            Change::Carded { id, card, at } => {
                use yizhan_schemas::payload::incident::card::Colour;
                let Some(matter) = self.live.get_mut(id) else { return Vec::new() };
                (matter.card, matter.missed) = (Some(*card), true);
                let measure = match card {
                    Colour::Yellow => Measure::Yellow,
                    Colour::Red => Measure::Red,
                };
                vec![counted(matter, *at, measure)]
            }
            Change::Evaluated { at, .. } => vec![nameless(Family::Case, *at, Measure::Evaluated)],
            Change::Refused { family, at } => vec![nameless(*family, *at, Measure::Refused)],
            Change::Parked { put, until } => {
                let id = put.envelope.header().id();
                self.waiting.push(id.clone());
                self.parked.insert(id, (put.as_ref().clone(), until.clone()));
                Vec::new()
            }
            Change::Dropped { id } => {
                self.resumed(id);
                Vec::new()
            }
            Change::Tombstone { id, outcome, at } => {
                self.tombstone(id.clone(), *outcome, *at);
                Vec::new()
            }
        }
    }

    fn stepped(
        &mut self,
        id: &MessageId,
        to: To,
        measure: Option<Measure>,
        above: Option<&MessageId>,
        at: Moment,
    ) -> Vec<Counted> {
        let mut matter = match self.live.remove(id) {
            Some(matter) => matter,
            None => fresh(Family::Incident, self.touch(id), Stage::Reported, at),
        };
        if let Some(old) = matter.above.take() {
            self.above.remove(&old);
        }
        let mut counts: Vec<Counted> =
            measure.into_iter().map(|measure| counted(&matter, at, measure)).collect();
        if measure == Some(Measure::Closed) && matter.missed {
            counts.push(counted(&matter, at, Measure::Late));
        }
        let To::Stage(stage) = to else {
            self.ended.insert(id);
            // the tier above that has closed it counts it there
            let closed = matches!(measure, Some(Measure::Closed) | None);
            if matter.family != Family::Case || !closed {
                self.unclosed.insert(id);
            }
            return counts;
        };
        if let Some(above) = above {
            self.above.insert(above.clone(), id.clone());
        }
        let handled = !matches!(stage, Stage::Reported | Stage::Accepted | Stage::Dispatched);
        let body = matter.body.take().filter(|_| !handled || stage == Stage::Returned);
        let above = above.cloned();
        let matter = Matter { stage, since: at, card: None, above, body, ..matter };
        self.live.insert(id.clone(), matter);
        counts
    }

    /// Takes a report out of those that nobody has touched; its category.
    fn touch(&mut self, id: &MessageId) -> String {
        let mut sets = self.untouched.iter_mut();
        let category = sets.find_map(|(category, set)| set.remove(id).then(|| category.clone()));
        self.untouched.retain(|_, set| !set.is_empty());
        category.unwrap_or_else(|| yizhan_schemas::payload::matter::category(None))
    }

    fn tombstone(&mut self, id: MessageId, outcome: Outcome, at: Moment) {
        self.tombstones.insert(id, (outcome, at));
        while self.tombstones.len() > TOMBSTONES_MAX {
            let oldest = self.tombstones.iter().min_by_key(|(_, (_, at))| at.wall_ms);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else { break };
            self.tombstones.remove(&id);
        }
    }

    /// A message that waited is gone on with.
    pub fn resumed(&mut self, id: &MessageId) {
        self.parked.remove(id);
        self.waiting.retain(|other| other != id);
    }

    /// Messages that wait for this one, in the order in which they came.
    pub fn waiting_for(&self, subject: &MessageId) -> Vec<MessageId> {
        let waits = |until: &Until| matches!(until, Until::Subject(other) if other == subject);
        let mine = self.parked.iter().filter(|(_, (_, until))| waits(until));
        let mut ids: Vec<MessageId> = mine.map(|(id, _)| id.clone()).collect();
        // those from before the order was kept come first
        ids.sort_by_key(|id| self.waiting.iter().position(|other| other == id));
        ids
    }

    /// True if it is a case that has ended as it was closed, here or above.
    pub fn is_closed_case(&self, id: &MessageId) -> bool {
        self.ended.contains(id) && !self.unclosed.contains(id)
    }

    /// How a message is to end because it was taken back before it came.
    pub fn taken_back(&self, id: &MessageId) -> Option<Outcome> {
        self.tombstones.get(id).map(|(outcome, _)| *outcome)
    }

    /// The matter here that goes by this id on the tier above.
    pub fn known_above_as(&self, id: &MessageId) -> Option<(&MessageId, &Matter)> {
        let here = self.above.get(id)?;
        self.live.get_key_value(here)
    }

    /// Those that are followed one by one.
    pub fn live(&self) -> impl Iterator<Item = (&MessageId, &Matter)> {
        self.live.iter()
    }

    /// One that is followed.
    pub fn get(&self, id: &MessageId) -> Option<&Matter> {
        self.live.get(id)
    }

    /// How many are followed one by one.
    pub fn live_len(&self) -> usize {
        self.live.len()
    }

    /// How many reports nobody has touched, beside those that are followed.
    pub fn untouched_len(&self) -> u64 {
        self.untouched.values().map(IdSet::len).sum()
    }

    /// Messages that wait, and until when.
    pub fn parked(&self) -> impl Iterator<Item = (&MessageId, &Put, &Until)> {
        self.parked.iter().map(|(id, (put, until))| (id, put, until))
    }

    /// One that waits.
    pub fn waiting(&self, id: &MessageId) -> Option<&(Put, Until)> {
        self.parked.get(id)
    }

    /// True if a message of so many bytes may wait.
    pub fn may_park(&self, bytes: usize) -> bool {
        let held = self.parked.values().map(|(put, _)| put.envelope.bytes().len());
        self.parked.len() < PARKED_MAX && held.sum::<usize>() + bytes <= PARKED_BYTES_MAX
    }
}

fn fresh(family: Family, category: String, stage: Stage, at: Moment) -> Matter {
    Matter {
        family,
        category,
        stage,
        since: at,
        taken: at,
        severity: None,
        card: None,
        missed: false,
        attempts: Vec::new(),
        above: None,
        body: None,
    }
}

fn counted(matter: &Matter, at: Moment, measure: Measure) -> Counted {
    let category = matter.category.clone();
    Counted { wall_ms: at.wall_ms, family: matter.family, category, measure }
}

fn nameless(family: Family, at: Moment, measure: Measure) -> Counted {
    let category = yizhan_schemas::payload::matter::category(None);
    Counted { wall_ms: at.wall_ms, family, category, measure }
}

/// Message ids, as sets of sequences by (origin, epoch, lane).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct IdSet(BTreeMap<(Code, Epoch, Lane), RoaringTreemap>);

impl IdSet {
    fn key(id: &MessageId) -> (Code, Epoch, Lane) {
        (id.origin.clone(), id.epoch, id.lane)
    }

    fn insert(&mut self, id: &MessageId) {
        self.0.entry(Self::key(id)).or_default().insert(id.sequence);
    }

    fn remove(&mut self, id: &MessageId) -> bool {
        let key = Self::key(id);
        let Some(set) = self.0.get_mut(&key) else { return false };
        let removed = set.remove(id.sequence);
        if set.is_empty() {
            self.0.remove(&key);
        }
        removed
    }

    fn contains(&self, id: &MessageId) -> bool {
        self.0.get(&Self::key(id)).is_some_and(|set| set.contains(id.sequence))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn len(&self) -> u64 {
        self.0.values().map(RoaringTreemap::len).sum()
    }
}
