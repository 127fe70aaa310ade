//! [`Devices`]: what adapters were asked, what was answered, and how that may end.

use std::collections::{BTreeMap, BTreeSet};

use yizhan_core::input::Attempted;
use yizhan_schemas::{Answer, MessageId, Outcome};

/// A message and a station.
type Pair = (MessageId, usize);

/// Commands that devices were told, and answers that applications were promised to be passed on.
#[derive(Debug, Default)]
pub(super) struct Devices {
    asked: BTreeMap<Pair, Outcome>,
    answers: BTreeSet<(MessageId, usize, Answer)>,
    /// Stations whose process has ended at some time.
    ended: BTreeSet<usize>,
}

impl Devices {
    /// A station's process ended.
    pub(super) fn ended(&mut self, host: usize) {
        self.ended.insert(host);
    }

    /// An adapter is asked; true if it was asked before.
    pub(super) fn asked(&mut self, host: usize, id: &MessageId, result: &Attempted) -> bool {
        let outcome = match result {
            Attempted::Done(_) | Attempted::Failed(_) => Outcome::Delivered,
            Attempted::NoSuchDevice(_)
            | Attempted::NoAdapter
            | Attempted::Forbidden(_)
            | Attempted::Unfit(_) => Outcome::Rejected,
            Attempted::Expired => Outcome::Expired,
            Attempted::Unknown => Outcome::DeadLettered,
        };
        self.asked.insert((id.clone(), host), outcome).is_some()
    }

    /// An application was told that its answer is noted.
    pub(super) fn answered(&mut self, host: usize, id: &MessageId, answer: Answer) {
        self.answers.insert((id.clone(), host, answer));
    }

    /// Answers that were promised.
    pub(super) fn answers(&self) -> impl Iterator<Item = &(MessageId, usize, Answer)> {
        self.answers.iter()
    }

    pub(super) fn was_asked(&self, host: usize, id: &MessageId) -> bool {
        self.asked.contains_key(&(id.clone(), host))
    }

    /// True if a command may end so. If the station ended while a device was about to be asked,
    /// was, or had answered, nobody knows.
    pub(super) fn may_end(&self, host: usize, id: &MessageId, outcome: Option<Outcome>) -> bool {
        let right = self.asked.get(&(id.clone(), host)).copied().unwrap_or(Outcome::Expired);
        let unknown = self.ended.contains(&host) && outcome == Some(Outcome::DeadLettered);
        outcome == Some(right) || unknown
    }
}
