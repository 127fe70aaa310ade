//! [`Receipts`]: what the log of an origin says became of its messages: what a page would show.
//!
//! The first outcome of a (message, station) pair stands.

use std::collections::BTreeMap;

use yizhan_core::record::Record;
use yizhan_schemas::payload::receipt::{Event, Note};
use yizhan_schemas::{Answer, Code, MessageId, Outcome};

/// Messages of one note that are looked at, at most.
const IDS_MAX: usize = 100_000;

/// What is known at an origin of its own messages.
#[derive(Debug, Clone, Default)]
pub struct Receipts {
    outcomes: BTreeMap<(MessageId, Code), Outcome>,
    answers: BTreeMap<(MessageId, Code), Vec<Answer>>,
}

impl Receipts {
    /// A record became durable.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::Noted(routed) if routed.toward.is_none() => self.note(&routed.note),
            Record::FoldTaken(taken) => {
                let ours = taken.notes.iter().filter(|routed| routed.toward.is_none());
                ours.for_each(|routed| self.note(&routed.note));
            }
            _ => {}
        }
    }

    fn note(&mut self, note: &Note) {
        for id in note.ids(IDS_MAX) {
            for station in &note.stations {
                let pair = (id.clone(), station.clone());
                match &note.event {
                    Event::Ended { outcome, .. } => {
                        self.outcomes.entry(pair).or_insert(*outcome);
                    }
                    Event::Answered { answer, .. } => {
                        self.answers.entry(pair).or_default().push(*answer);
                    }
                    Event::Relayed => {}
                }
            }
        }
    }

    /// How a message ended at a station, as far as its origin knows.
    pub fn outcome(&self, id: &MessageId, station: &Code) -> Option<Outcome> {
        self.outcomes.get(&(id.clone(), station.clone())).copied()
    }

    /// True if this answer is known.
    pub fn is_answered(&self, id: &MessageId, station: &Code, answer: Answer) -> bool {
        let known = self.answers.get(&(id.clone(), station.clone()));
        known.is_some_and(|answers| answers.contains(&answer))
    }
}
