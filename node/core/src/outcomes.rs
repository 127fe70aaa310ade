//! [`Outcomes`]: which of its own messages an origin still waits to hear of, and from whom.
//!
//! Promise: every (message, target) pair is open until its first outcome is known here, and is
//! counted under exactly that one. Sets of sequences are compressed bitmaps by target, so 10^7
//! open reports to one county cost about as much as ten.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::receipt::{Event, Note};
use yizhan_schemas::{Code, Epoch, Lane, MessageId, Outcome};

/// Open pairs and the count of the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcomes {
    open: BTreeMap<(Epoch, Lane), BTreeMap<Code, RoaringTreemap>>,
    /// Pairs since the store was made.
    pub taken: u64,
    /// Pairs by outcome, in the order of [`Outcome::ALL`].
    pub ended: [u64; Outcome::ALL.len()],
}

impl Outcomes {
    /// A message of our own was taken.
    pub fn took(&mut self, id: &MessageId, targets: &[Code]) {
        let open = self.open.entry((id.epoch, id.lane)).or_default();
        for target in targets {
            let fresh = open.entry(target.clone()).or_default().insert(id.sequence);
            self.taken = self.taken.saturating_add(u64::from(fresh));
        }
    }

    /// Something became of messages of our own. How many pairs ended by it: those that were open.
    pub fn learnt(&mut self, note: &Note) -> u64 {
        let Event::Ended { outcome, .. } = &note.event else { return 0 };
        let Some(open) = self.open.get_mut(&(note.epoch, note.lane)) else { return 0 };
        let mut ended = 0;
        for station in &note.stations {
            let Some(sequences) = open.get_mut(station) else { continue };
            for (from, through) in &note.ranges {
                ended += sequences.remove_range(*from..=*through);
            }
            if sequences.is_empty() {
                open.remove(station);
            }
        }
        if open.is_empty() {
            self.open.remove(&(note.epoch, note.lane));
        }
        let count = self.ended.get_mut(*outcome as usize);
        count.into_iter().for_each(|count| *count = count.saturating_add(ended));
        ended
    }

    /// Pairs without an outcome.
    pub fn open(&self) -> u64 {
        self.open.values().flat_map(BTreeMap::values).map(RoaringTreemap::len).sum()
    }

    /// Pairs with this outcome.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.ended.get(outcome as usize).copied().unwrap_or(0)
    }

    /// True if this pair has no outcome yet.
    pub fn is_open(&self, id: &MessageId, target: &Code) -> bool {
        let open = self.open.get(&(id.epoch, id.lane)).and_then(|open| open.get(target));
        open.is_some_and(|sequences| sequences.contains(id.sequence))
    }

    /// `taken = open + ended`.
    pub fn balances(&self) -> bool {
        self.taken == self.open() + self.ended.iter().sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_outcome_of_a_pair_stands_and_is_counted_once() {
        let [a, b] = ["510722.101", "510722.102"].map(|code| Code::parse(code).unwrap());
        let id = MessageId {
            origin: Code::parse("510722").unwrap(),
            epoch: Epoch::from_random(1),
            lane: Lane::Flash,
            sequence: 9,
        };
        let mut outcomes = Outcomes::default();
        outcomes.took(&id, &[a.clone(), b.clone()]);
        let ended = |outcome| Event::Ended { outcome, detail: None };
        let note = |station: &Code, event| Note::of(&id, station.clone(), event, 0);
        assert_eq!(outcomes.learnt(&note(&a, Event::Relayed)), 0);
        assert_eq!(outcomes.learnt(&note(&a, ended(Outcome::Delivered))), 1);
        assert_eq!(outcomes.learnt(&note(&a, ended(Outcome::Expired))), 0, "it was delivered");
        assert!(outcomes.is_open(&id, &b) && !outcomes.is_open(&id, &a));
        assert!(outcomes.balances());
        assert_eq!(outcomes.learnt(&note(&b, ended(Outcome::Expired))), 1);
        assert_eq!((outcomes.open(), outcomes.ended(Outcome::Expired)), (0, 1));
        assert!(outcomes.balances());
    }
}
