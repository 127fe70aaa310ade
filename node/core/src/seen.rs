//! [`SeenSets`]: which messages have been here, per origin, epoch and lane, without a time window.
//!
//! In the usual case, everything up to a watermark, a set costs a few bytes; where a station gets
//! only some of an origin's sequences, a compressed bitmap holds the rest.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use yizhan_schemas::{Code, Epoch, MessageId, PerLane};

/// Sequences of one (origin, epoch, lane).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// Every sequence from 1 to this one.
    through: u64,
    /// Sequences above it.
    above: RoaringTreemap,
}

/// All that a station has seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SeenSets {
    origins: BTreeMap<(Code, Epoch), PerLane<Seen>>,
}

impl Seen {
    fn contains(&self, sequence: u64) -> bool {
        sequence <= self.through || self.above.contains(sequence)
    }

    fn highest(&self) -> u64 {
        self.above.max().unwrap_or(0).max(self.through)
    }

    fn insert(&mut self, sequence: u64) -> bool {
        if self.contains(sequence) {
            return false;
        }
        if sequence != self.through.saturating_add(1) {
            return self.above.insert(sequence);
        }
        self.through = sequence;
        while self.above.remove(self.through.saturating_add(1)) {
            self.through = self.through.saturating_add(1);
        }
        true
    }
}

impl SeenSets {
    /// True if the message has been here.
    pub fn contains(&self, id: &MessageId) -> bool {
        self.origins
            .get(&(id.origin.clone(), id.epoch))
            .is_some_and(|lanes| lanes.get(id.lane).contains(id.sequence))
    }

    /// True if one of the same origin, epoch and lane with a higher sequence has been here.
    pub fn is_late(&self, id: &MessageId) -> bool {
        let lanes = self.origins.get(&(id.origin.clone(), id.epoch));
        lanes.is_some_and(|lanes| lanes.get(id.lane).highest() > id.sequence)
    }

    /// True if one of the same origin and lane that was sent later may have been here. Of two epochs
    /// nobody can tell here which is the later one.
    pub fn may_be_late(&self, id: &MessageId) -> bool {
        let lane_of = |lanes: &PerLane<Seen>| lanes.get(id.lane).highest();
        let mut others = self.origins.iter().filter(|((origin, _), _)| *origin == id.origin);
        self.is_late(id) || others.any(|((_, epoch), it)| *epoch != id.epoch && lane_of(it) > 0)
    }

    /// Notes that it is here; `false` if it was before.
    pub fn insert(&mut self, id: &MessageId) -> bool {
        let lanes = self.origins.entry((id.origin.clone(), id.epoch)).or_default();
        lanes.get_mut(id.lane).insert(id.sequence)
    }

    /// How many (origin, epoch) pairs there are.
    pub fn len(&self) -> usize {
        self.origins.len()
    }

    /// True if nothing has been seen.
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_message_is_new_exactly_once_in_any_order(sequences in prop::collection::vec(1_u64..300, 0..600)) {
            let mut seen = SeenSets::default();
            let mut model = BTreeSet::new();
            for sequence in sequences {
                let id = MessageId::parse(&format!("510722-b7k2qf-r{sequence}")).unwrap();
                prop_assert_eq!(seen.contains(&id), model.contains(&sequence));
                prop_assert_eq!(seen.insert(&id), model.insert(sequence));
            }
        }
    }

    fn id(sequence: u64) -> MessageId {
        MessageId::parse(&format!("510722-b7k2qf-r{sequence}")).unwrap()
    }

    #[test]
    fn a_message_is_late_if_a_later_one_was_here() {
        let mut seen = SeenSets::default();
        assert!(!seen.is_late(&id(1)), "nothing was here");
        seen.insert(&id(1));
        seen.insert(&id(2));
        assert!(seen.is_late(&id(1)) && !seen.is_late(&id(2)) && !seen.is_late(&id(3)));
        seen.insert(&id(9));
        assert!(seen.is_late(&id(8)) && !seen.is_late(&id(9)) && !seen.is_late(&id(10)));
    }

    #[test]
    fn a_set_without_holes_is_a_watermark_whatever_the_order_was() {
        let mut seen = Seen::default();
        for sequence in [4, 2, 3, 6, 1] {
            assert!(seen.insert(sequence));
        }
        assert_eq!((seen.through, seen.above.len()), (4, 1));
    }

    #[test]
    fn sets_are_counted_by_origin_and_epoch() {
        let mut seen = SeenSets::default();
        assert!(seen.is_empty());
        seen.insert(&id(1));
        seen.insert(&id(2));
        seen.insert(&MessageId::parse("510722-aaaaaa-r1").unwrap());
        assert_eq!((seen.len(), seen.is_empty()), (2, false));
    }
}
