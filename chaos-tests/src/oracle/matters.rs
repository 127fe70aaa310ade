//! [`Register`]: what one station must know of incidents and cases, worked out a second time from
//! what its disk took, in that order.
//!
//! Promise: nothing here asks the core what is legal. The [`rules`] are written down once more, so
//! that the oracle does not share the core's mistakes. A register lives with a disk, since what is
//! legal depends on what that disk took: a copy that is put back knows what it knew, and a new
//! store knows nothing. So the station itself is judged after such a loss too; what two stations
//! must know of one another is not, where a store on the way between them was touched, and the
//! root's sums are judged only where no store was touched and nobody altered what went up.
//!
//! Not judged: deadlines, cards and what rises by itself (the policy of a story has none; a county
//! at work has, see [`crate::county`]), the age after which a case may go up, copies by `notify`,
//! and steps with a time to live.

mod judge;
pub mod rules;
pub mod said;
pub mod shown;

use std::collections::{BTreeMap, BTreeSet};

use yizhan_core::matter::Change;
use yizhan_core::record::Record;
use yizhan_schemas::payload::receipt::{Event, Note};
use yizhan_schemas::payload::stats::{Counts, Family, Measure};
use yizhan_schemas::{Answer, Code, Envelope, MessageId, Outcome};

use rules::{ENDED, LADDER_ATTEMPTS};
use said::Said;

/// Messages of one note that are looked at, at most.
const IDS_MAX: usize = 100_000;
/// What is counted without a category.
const NAMELESS: &str = "-";

/// How a message about a matter must end at the station that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In its inbox.
    Delivered,
    /// Refused: it was not legal.
    Rejected,
    /// Not taken: it was taken back before it came.
    Superseded,
    /// It waits for what it speaks of.
    Waits,
}

/// One incident or case, at one station.
#[derive(Debug, Clone)]
pub struct File {
    family: Family,
    category: String,
    stage: &'static str,
    /// True if it is a case that was closed, here or above.
    closed: bool,
    attempts: Vec<MessageId>,
    above: Option<MessageId>,
}

/// What one station must know.
#[derive(Debug, Clone)]
pub struct Register {
    here: Code,
    files: BTreeMap<MessageId, File>,
    /// Our case of each application to the tier above that is not decided yet, or was taken.
    above: BTreeMap<MessageId, MessageId>,
    /// Steps whose subject is not here, in the order in which they came.
    waiting: Vec<(MessageId, Said)>,
    taken_back: BTreeSet<MessageId>,
    ends: BTreeMap<MessageId, End>,
    counts: BTreeMap<(Family, String), Counts>,
    /// How often anything changed.
    moves: u64,
    /// What became of messages since the oracle looked last.
    pub news: Vec<(MessageId, End)>,
    /// What the disk took and should not have.
    pub faults: Vec<String>,
}

impl Register {
    /// That of a station that has taken nothing.
    pub fn new(here: Code) -> Self {
        Self {
            here,
            files: BTreeMap::new(),
            above: BTreeMap::new(),
            waiting: Vec::new(),
            taken_back: BTreeSet::new(),
            ends: BTreeMap::new(),
            counts: BTreeMap::new(),
            moves: 0,
            news: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Whose it is.
    pub fn here(&self) -> &Code {
        &self.here
    }

    /// How often anything changed.
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// How a message must end here, if it was taken.
    pub fn end_of(&self, id: &MessageId) -> Option<End> {
        self.ends.get(id).copied()
    }

    /// A record became durable.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::Put(put) if !put.envelope.header().kind.is_internal() => {
                self.came(&put.envelope, put.via.is_none());
            }
            Record::Resumed(put) => self.resumed(&put.envelope.header().id()),
            Record::Matter(Change::Dropped { id })
                if self.waiting.iter().any(|(other, _)| other == id) =>
            {
                self.fault(format!("{id} was dropped while it waited"));
            }
            Record::FoldTaken(taken) => {
                let ours = taken.notes.iter().filter(|routed| routed.toward.is_none());
                ours.for_each(|routed| self.hear(&routed.note));
            }
            _ => {}
        }
    }

    fn fault(&mut self, what: String) {
        self.faults.push(format!("matters: {}: {what}", self.here));
    }

    fn came(&mut self, envelope: &Envelope, own: bool) {
        let header = envelope.header();
        let Some(said) = Said::read(header.kind.as_str(), envelope.payload()) else { return };
        let id = header.id();
        self.moves += 1;
        if let (true, Said::Apply { subject, history, .. }) = (own, &said) {
            self.applied(&id, subject, history);
        }
        let to = header.handled_by().to_string();
        if to.strip_prefix("up:").unwrap_or(&to) == self.here.as_str() {
            self.weigh(id, said);
        }
    }

    fn weigh(&mut self, id: MessageId, said: Said) {
        let end = match self.decide(&id, &said) {
            Ok(end) => end,
            Err(()) => {
                self.count(said.family(), NAMELESS, Measure::Refused);
                End::Rejected
            }
        };
        if end == End::Waits {
            self.waiting.push((id.clone(), said));
        }
        self.ended(id, end);
    }

    fn ended(&mut self, id: MessageId, end: End) {
        self.ends.insert(id.clone(), end);
        self.news.push((id, end));
    }

    fn decide(&mut self, id: &MessageId, said: &Said) -> Result<End, ()> {
        if self.taken_back.contains(id) {
            return Ok(End::Superseded);
        }
        let Some(subject) = said.subject() else {
            self.open(id, said);
            return Ok(End::Delivered);
        };
        if !rules::may_speak(&self.here, &id.origin, &subject.origin) {
            return Err(());
        }
        if matches!(said, Said::Apply { .. }) {
            self.open(id, said);
            return Ok(End::Delivered);
        }
        let subject = subject.clone();
        if self.files.contains_key(&subject) {
            return self.step(id, &subject, said);
        }
        if self.taken_back.contains(&subject) {
            return Err(());
        }
        if !said.cancels() {
            return Ok(End::Waits);
        }
        self.take_back(&subject);
        Ok(End::Delivered)
    }

    /// A matter ends before it begins: what waits for it has nothing to wait for.
    fn take_back(&mut self, subject: &MessageId) {
        let (over, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(_, said)| said.subject() == Some(subject));
        self.waiting = rest;
        self.taken_back.insert(subject.clone());
        for (id, said) in over {
            self.count(said.family(), NAMELESS, Measure::Refused);
            self.ended(id, End::Rejected);
        }
    }

    fn open(&mut self, id: &MessageId, said: &Said) {
        let (family, category, stage) = match said {
            Said::Report { category } => (Family::Incident, category, "reported"),
            Said::Open { category } => (Family::Case, category, "open"),
            Said::Apply { category, .. } => (Family::Case, category, "proposed"),
            _ => return,
        };
        self.count(family, category, Measure::Taken);
        let category = category.clone();
        let file =
            File { family, category, stage, closed: false, attempts: Vec::new(), above: None };
        if self.files.insert(id.clone(), file).is_some() {
            self.fault(format!("{id} was opened twice"));
        }
    }

    fn step(&mut self, id: &MessageId, subject: &MessageId, said: &Said) -> Result<End, ()> {
        let file = self.files.get_mut(subject).ok_or(())?;
        let (stage, measure) = rules::lead(file.family, file.stage, file.closed, said).ok_or(())?;
        if matches!(said, Said::Attempt { .. }) {
            file.attempts.push(id.clone());
        }
        file.stage = stage;
        file.closed |= stage == ENDED && measure == Measure::Closed && file.family == Family::Case;
        let (family, category) = match measure {
            Measure::Evaluated => (Family::Case, NAMELESS.to_owned()),
            _ => (file.family, file.category.clone()),
        };
        self.count(family, &category, measure);
        Ok(End::Delivered)
    }

    fn count(&mut self, family: Family, category: &str, measure: Measure) {
        self.counts.entry((family, category.to_owned())).or_default().count(measure);
    }

    /// A step that waited is gone on with: in the order in which they came, and once.
    fn resumed(&mut self, id: &MessageId) {
        self.moves += 1;
        let Some(at) = self.waiting.iter().position(|(other, _)| other == id) else {
            return self.fault(format!("{id} was gone on with and did not wait"));
        };
        let (id, said) = self.waiting.remove(at);
        let subject = said.subject().cloned();
        let before =
            self.waiting.iter().take(at).find(|(_, other)| other.subject() == said.subject());
        if let Some((before, _)) = before {
            let before = before.clone();
            self.fault(format!("{id} was gone on with before {before}, which came before it"));
        }
        if !subject.is_some_and(|subject| self.files.contains_key(&subject)) {
            self.fault(format!("{id} was gone on with, and its subject is not here"));
        }
        self.weigh(id, said);
    }

    /// True if a case may go up from here.
    pub fn may_apply(&self, subject: &MessageId, history: &[MessageId]) -> bool {
        let told = |attempt: &MessageId| history.contains(attempt);
        self.here.as_str().contains('.')
            && self.files.get(subject).is_some_and(|file| {
                file.stage == "open"
                    && file.attempts.len() >= LADDER_ATTEMPTS
                    && file.attempts.iter().all(told)
            })
    }

    fn applied(&mut self, id: &MessageId, subject: &MessageId, history: &[MessageId]) {
        if !self.may_apply(subject, history) {
            return self.fault(format!("{id} was taken: {subject} may not go up"));
        }
        let Some(file) = self.files.get_mut(subject) else { return };
        (file.stage, file.above) = ("applied", Some(id.clone()));
        let (family, category) = (file.family, file.category.clone());
        self.above.insert(id.clone(), subject.clone());
        self.count(family, &category, Measure::Raised);
    }

    /// The tier above has answered; what it did not take is open here again.
    fn hear(&mut self, note: &Note) {
        let above = self.here.as_str().rsplit_once('.').map(|(above, _)| above);
        let answer = match &note.event {
            Event::Answered { answer, .. } => *answer,
            Event::Ended { outcome: Outcome::Rejected | Outcome::Superseded, .. }
                if note.stations.iter().any(|at| Some(at.as_str()) == above) =>
            {
                Answer::Failed
            }
            _ => return,
        };
        for id in note.ids(IDS_MAX) {
            let Some(case) = self.above.get(&id).cloned() else { continue };
            let Some(file) = self.files.get_mut(&case) else { continue };
            self.moves += 1;
            match answer {
                Answer::Acknowledged => file.stage = "risen",
                Answer::Completed => (file.stage, file.closed, file.above) = (ENDED, true, None),
                Answer::Failed => (file.stage, file.above) = ("open", None),
            }
            if file.above.is_none() {
                self.above.remove(&id);
            }
        }
    }

    /// An application of ours of which we do not know what the tier above knows.
    pub fn unheard<'a>(&'a self, upper: &'a Self) -> impl Iterator<Item = &'a MessageId> {
        let differs = |(id, case): &(&MessageId, &MessageId)| {
            let mine = self.files.get(*case).map(|file| file.stage);
            let due = match upper.files.get(*id).map(|file| file.stage) {
                Some("proposed") => "applied",
                Some(ENDED) | None => ENDED,
                Some(_) => "risen",
            };
            mine != Some(due)
        };
        self.above.iter().filter(differs).map(|(id, _)| id)
    }
}
