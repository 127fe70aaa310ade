//! [`Index`]: publishers' keys as the index behind the log has them: late, but surely.

use std::collections::{BTreeMap, VecDeque};

use yizhan_core::draft::Known;
use yizhan_core::keys::RecentKeys;
use yizhan_core::record::{PublisherKey, Record};
use yizhan_schemas::MessageId;
use yizhan_schemas::envelope::Digest;

type Use = (u64, PublisherKey, MessageId);

/// What the index has synced, and what waits for it.
#[derive(Debug, Clone, Default)]
pub struct Index {
    through: u64,
    keys: BTreeMap<(String, String), (MessageId, Digest)>,
    waiting: VecDeque<Use>,
    ordinal: u64,
}

impl Index {
    /// The log was opened: keys that the index had not synced are read from it again.
    pub fn open(&mut self, recent: &RecentKeys) {
        let newer = recent.newer_than(self.through);
        self.waiting = newer.map(|r| (r.ordinal, r.key, r.message.clone())).collect();
        self.ordinal = recent.taken();
    }

    /// These records are durable.
    pub fn committed(&mut self, records: &[Record]) {
        for record in records {
            let Record::Put(put) = record else { continue };
            let Some(key) = &put.key else { continue };
            self.ordinal += 1;
            self.waiting.push_back((self.ordinal, key.clone(), put.envelope.header().id()));
        }
    }

    /// Takes all that waits and syncs; the last ordinal that it has, if it has a new one.
    pub fn catch_up(&mut self) -> Option<u64> {
        self.waiting.back()?;
        for (ordinal, key, id) in self.waiting.drain(..) {
            self.keys.insert((key.scope, key.key), (id, key.body));
            self.through = ordinal;
        }
        Some(self.through)
    }

    /// The last ordinal that it surely has.
    pub fn through(&self) -> u64 {
        self.through
    }

    /// Its word on a key.
    pub fn look(&self, key: &PublisherKey) -> Known {
        let name = (key.scope.clone(), key.key.clone());
        Known { through: self.through, message: self.keys.get(&name).cloned() }
    }
}
