//! [`RecentKeys`]: publishers' keys that the index does not surely have yet.
//!
//! The index is written behind the log, so its word is a hint; this is what makes a retry in the
//! same second recognisable, and after a crash it is rebuilt from the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::MessageId;
use yizhan_schemas::envelope::Digest;

use crate::draft::Known;
use crate::mutant::{self, Mutant};
use crate::record::PublisherKey;

type Name = (String, String);

/// Keys newer than the index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentKeys {
    taken: u64,
    indexed: u64,
    by_name: BTreeMap<Name, (MessageId, Digest)>,
    by_ordinal: BTreeMap<u64, Name>,
}

/// A key that the index may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent<'a> {
    /// The how-manieth key of the log it is.
    pub ordinal: u64,
    /// The key.
    pub key: PublisherKey,
    /// The message that it was used for.
    pub message: &'a MessageId,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not used before.
    New,
    /// Used before for the same body.
    Same(MessageId),
    /// Used before for another body.
    Other(MessageId),
    /// The index was asked too long ago to tell.
    Unsure,
}

impl RecentKeys {
    /// A message with this key was taken.
    pub fn took(&mut self, key: &PublisherKey, id: &MessageId) {
        self.taken = self.taken.saturating_add(1);
        let name = (key.scope.clone(), key.key.clone());
        self.by_ordinal.insert(self.taken, name.clone());
        self.by_name.insert(name, (id.clone(), key.body));
    }

    /// The index has the keys through this ordinal.
    pub fn indexed(&mut self, through: u64) {
        let last = if mutant::is(Mutant::KeysForgotten) { self.taken } else { through };
        let newer = self.by_ordinal.split_off(&last.saturating_add(1));
        for name in std::mem::replace(&mut self.by_ordinal, newer).values() {
            self.by_name.remove(name);
        }
        self.indexed = self.indexed.max(through);
    }

    /// What is known of this key, here and by the index's word.
    pub fn standing(&self, key: &PublisherKey, known: &Known) -> Standing {
        let name = (key.scope.clone(), key.key.clone());
        let earlier = self.by_name.get(&name).or(known.message.as_ref());
        match earlier {
            Some((id, body)) if *body == key.body => Standing::Same(id.clone()),
            Some((id, _)) => Standing::Other(id.clone()),
            // keys between the two were in neither place when the index was asked
            None if known.through < self.indexed => Standing::Unsure,
            None => Standing::New,
        }
    }

    /// The ordinal through which the index once said to have all.
    pub fn indexed_through(&self) -> u64 {
        self.indexed
    }

    /// Keys behind an ordinal, in order.
    pub fn newer_than(&self, ordinal: u64) -> impl Iterator<Item = Recent<'_>> {
        let newer = self.by_ordinal.range(ordinal.saturating_add(1)..);
        newer.filter_map(|(ordinal, name)| {
            let (message, body) = self.by_name.get(name)?;
            let (scope, key) = name.clone();
            let key = PublisherKey { scope, key, body: *body };
            Some(Recent { ordinal: *ordinal, key, message })
        })
    }

    /// Keys taken since the log began: the ordinal of the last.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How many the index does not have.
    pub fn len(&self) -> usize {
        self.by_ordinal.len()
    }

    /// True if the index has all.
    pub fn is_empty(&self) -> bool {
        self.by_ordinal.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, body: u8) -> PublisherKey {
        PublisherKey { scope: "s".into(), key: name.into(), body: Digest([body; 16]) }
    }

    #[test]
    fn a_retry_is_recognised_before_and_after_the_index_has_it() {
        let id = MessageId::parse("510722-b7k2qf-r1").unwrap();
        let mut keys = RecentKeys::default();
        keys.took(&key("a", 1), &id);
        assert_eq!(keys.standing(&key("a", 1), &Known::default()), Standing::Same(id.clone()));
        assert_eq!(keys.standing(&key("a", 2), &Known::default()), Standing::Other(id.clone()));
        keys.indexed(1);
        assert!(keys.is_empty());
        // asked before the index had it: cannot tell
        assert_eq!(keys.standing(&key("a", 1), &Known::default()), Standing::Unsure);
        let word = Known { through: 1, message: Some((id.clone(), Digest([1; 16]))) };
        assert_eq!(keys.standing(&key("a", 1), &word), Standing::Same(id));
        assert_eq!(
            keys.standing(&key("b", 1), &Known { through: 1, message: None }),
            Standing::New
        );
    }

    #[test]
    fn the_index_is_told_what_it_does_not_have_in_the_order_of_the_log() {
        let mut keys = RecentKeys::default();
        let id = |n| MessageId::parse(&format!("510722-b7k2qf-r{n}")).unwrap();
        for (n, name) in [(1, "c"), (2, "a"), (3, "b")] {
            keys.took(&key(name, n as u8), &id(n));
        }
        let newer = |keys: &RecentKeys, ordinal| {
            let recent = |it: Recent<'_>| (it.ordinal, it.key, it.message.clone());
            keys.newer_than(ordinal).map(recent).collect::<Vec<_>>()
        };
        let (a, b) = ((2, key("a", 2), id(2)), (3, key("b", 3), id(3)));
        assert_eq!(newer(&keys, 1), [a, b.clone()]);
        assert_eq!((keys.taken(), keys.indexed_through(), keys.len()), (3, 0, 3));
        keys.indexed(2);
        assert_eq!(newer(&keys, 0), [b]);
        assert_eq!((keys.taken(), keys.indexed_through(), keys.len()), (3, 2, 1));
        assert!(!keys.is_empty());
        // an index that was restored says less than it once had
        keys.indexed(1);
        assert_eq!((keys.indexed_through(), keys.len()), (2, 1));
    }

    #[test]
    fn an_index_that_knows_all_of_it_is_believed_and_one_that_lags_is_asked_again() {
        let mut keys = RecentKeys::default();
        for n in 1..=3 {
            let id = MessageId::parse(&format!("510722-b7k2qf-r{n}")).unwrap();
            keys.took(&key(&n.to_string(), 1), &id);
        }
        keys.indexed(2);
        let standing = |through| keys.standing(&key("new", 1), &Known { through, message: None });
        assert_eq!([standing(0), standing(1)], [Standing::Unsure, Standing::Unsure]);
        assert_eq!([standing(2), standing(3)], [Standing::New, Standing::New]);
    }
}
