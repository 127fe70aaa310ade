//! [`Awaited`]: directives of this station that want an answer by a time, and whose answers are
//! missing.
//!
//! Promise: a station that gave the answer that is wanted, or said that it cannot, is reminded of
//! nothing; nobody is reminded twice; what is overdue is said once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::directive::Requires;
use yizhan_schemas::payload::receipt::{Event, Note};
use yizhan_schemas::selector::Target;
use yizhan_schemas::{Answer, Code, MessageId, Outcome, Selector};

/// Most directives whose answers are waited for; those beyond have no reminders.
pub const AWAITED_MAX: usize = 256;

/// What a directive asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wants {
    /// Which answer.
    pub requires: Requires,
    /// By when, as its payload says.
    pub due: String,
    /// The same, Unix milliseconds.
    pub due_ms: u64,
}

/// One directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Whom it is for.
    pub to: Selector,
    /// What it asks for.
    pub wants: Wants,
    /// When it left, Unix milliseconds.
    pub from_ms: u64,
    /// Stations whose answer is missing; true for those that are to be reminded.
    pub missing: BTreeMap<Code, bool>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited(BTreeMap<MessageId, Wanted>);

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Answers are waited for.
    #[serde(rename = "w")]
    Wanted {
        /// The directive.
        id: MessageId,
        /// What it asks for, and of whom.
        wanted: Wanted,
    },
    /// These stations were reminded.
    #[serde(rename = "r")]
    Reminded {
        /// The directive.
        id: MessageId,
        /// Those.
        stations: Vec<Code>,
    },
    /// Nothing is waited for any more: it is overdue, or was taken back.
    #[serde(rename = "o")]
    Over {
        /// The directive.
        id: MessageId,
    },
}

impl Wanted {
    /// Of a directive that leaves at `from_ms`, for these stations.
    pub fn new(
        to: Selector,
        wants: Wants,
        from_ms: u64,
        stations: impl IntoIterator<Item = Code>,
    ) -> Self {
        let missing = stations.into_iter().map(|station| (station, true)).collect();
        Self { to, wants, from_ms, missing }
    }

    /// When there is something to do next, Unix milliseconds: at half of the time as long as
    /// somebody is to be reminded, then when it is due.
    pub fn next_ms(&self) -> u64 {
        let due_ms = self.wants.due_ms;
        match self.missing.values().any(|remind| *remind) {
            true => self.from_ms + due_ms.saturating_sub(self.from_ms) / 2,
            false => due_ms,
        }
    }

    /// Those who are to be reminded: the people at a station whom it names, else the station.
    pub fn silent(&self) -> impl Iterator<Item = Target> {
        let silent = self.missing.iter().filter(|(_, remind)| **remind);
        silent.flat_map(|(station, _)| {
            let named = self.to.targets().iter();
            let named = named.filter(|it| it.is_somebody() && it.code() == Some(station));
            let named: Vec<Target> = named.cloned().collect();
            if named.is_empty() { vec![Target::One(station.clone())] } else { named }
        })
    }

    fn heard(&mut self, station: &Code, event: &Event) {
        let Some(remind) = self.missing.get_mut(station) else { return };
        let given = match event {
            Event::Relayed => return,
            Event::Answered { answer: Answer::Failed, .. } => {
                *remind = false;
                return;
            }
            Event::Answered { answer: Answer::Acknowledged, .. } => Requires::Acknowledged,
            Event::Answered { answer: Answer::Completed, .. } => Requires::Completed,
            Event::Ended { outcome: Outcome::Delivered, .. } => Requires::Delivered,
            Event::Ended { outcome: Outcome::Superseded | Outcome::Cancelled, .. } => {
                Requires::Completed
            }
            // it never came there: nobody is to be reminded of it
            Event::Ended { .. } => {
                *remind = false;
                return;
            }
        };
        if given >= self.wants.requires {
            self.missing.remove(station);
        }
    }
}

impl Awaited {
    /// Takes a change into account.
    pub fn change(&mut self, change: &Change) {
        match change {
            Change::Wanted { id, wanted } => {
                self.0.insert(id.clone(), wanted.clone());
            }
            Change::Reminded { id, stations } => {
                let Some(wanted) = self.0.get_mut(id) else { return };
                for station in stations {
                    if let Some(remind) = wanted.missing.get_mut(station) {
                        *remind = false;
                    }
                }
            }
            Change::Over { id } => {
                self.0.remove(id);
            }
        }
    }

    /// Something became of messages of this station.
    pub fn learnt(&mut self, note: &Note) {
        let within = |sequence: u64| {
            note.ranges.iter().any(|(from, through)| (*from..=*through).contains(&sequence))
        };
        self.0.retain(|id, wanted| {
            if id.epoch == note.epoch && id.lane == note.lane && within(id.sequence) {
                note.stations.iter().for_each(|station| wanted.heard(station, &note.event));
            }
            !wanted.missing.is_empty()
        });
    }

    /// True if there is room for one more.
    pub fn has_room(&self) -> bool {
        self.0.len() < AWAITED_MAX
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of them.
    pub fn get(&self, id: &MessageId) -> Option<&Wanted> {
        self.0.get(id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&MessageId, &Wanted)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    /// After one answer or outcome of a village: whether it is missing, and to be reminded.
    fn heard(requires: Requires, event: Event) -> Option<bool> {
        let (town, village) = (code("510722.101"), code("510722.101.002"));
        let id = MessageId::parse("510722-b7k2qf-r3").unwrap();
        let mut awaited = Awaited::default();
        let wants = Wants { requires, due: String::new(), due_ms: 3000 };
        let stations = vec![town.clone(), village.clone()];
        let wanted = Wanted::new(Selector::of(stations.clone()), wants, 1000, stations);
        awaited.change(&Change::Wanted { id: id.clone(), wanted });
        awaited.learnt(&Note::of(&id, village.clone(), event, 0));
        let wanted = awaited.get(&id).unwrap();
        assert_eq!(wanted.missing.get(&town), Some(&true), "nothing was heard of the township");
        wanted.missing.get(&village).copied()
    }

    #[test]
    fn who_gave_the_answer_is_not_missing_and_who_cannot_is_not_reminded() {
        let answered = |answer| Event::Answered { answer, remark: None };
        let ended = |outcome| Event::Ended { outcome, detail: None };
        use Requires::{Acknowledged, Completed, Delivered};
        for (requires, event, left) in [
            (Delivered, Event::Relayed, Some(true)),
            (Delivered, ended(Outcome::Delivered), None),
            (Delivered, ended(Outcome::Expired), Some(false)),
            (Acknowledged, ended(Outcome::Delivered), Some(true)),
            (Acknowledged, answered(Answer::Acknowledged), None),
            (Acknowledged, answered(Answer::Completed), None),
            (Completed, answered(Answer::Acknowledged), Some(true)),
            (Completed, answered(Answer::Failed), Some(false)),
            (Completed, ended(Outcome::Superseded), None),
        ] {
            assert_eq!(heard(requires, event.clone()), left, "{requires:?} {event:?}");
        }
    }

    #[test]
    fn an_answer_to_another_message_changes_nothing_and_the_last_one_ends_the_wait() {
        let (id, town) = (MessageId::parse("510722-b7k2qf-r3").unwrap(), code("510722.101"));
        let mut awaited = Awaited::default();
        let wants = Wants { requires: Requires::Delivered, due: String::new(), due_ms: 3000 };
        let stations = vec![town.clone()];
        let wanted = Wanted::new(Selector::of(stations.clone()), wants, 1000, stations);
        awaited.change(&Change::Wanted { id: id.clone(), wanted });
        let delivered = Event::Ended { outcome: Outcome::Delivered, detail: None };
        for other in ["510722-b7k2qf-r4", "510722-b7k2qf-p3", "510722-c7k2qf-r3"] {
            let other = MessageId::parse(other).unwrap();
            awaited.learnt(&Note::of(&other, town.clone(), delivered.clone(), 0));
            assert_eq!(awaited.get(&id).map(Wanted::next_ms), Some(2000), "{other}");
        }
        awaited.change(&Change::Reminded { id: id.clone(), stations: vec![town.clone()] });
        assert_eq!(awaited.get(&id).map(Wanted::next_ms), Some(3000));
        awaited.learnt(&Note::of(&id, town, delivered, 0));
        assert!(awaited.is_empty());
    }
}
