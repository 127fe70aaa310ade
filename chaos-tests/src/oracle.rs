//! [`Oracle`]: what must be true, judged by what publishers were told and what inboxes hold.

use std::collections::{BTreeMap, BTreeSet};

use yizhan_schemas::{Epoch, Lane, MessageId};

/// Publishers' and readers' view of the world.
#[derive(Debug, Default)]
pub struct Oracle {
    /// What was accepted, and at which host (index) it must arrive.
    pub owed: BTreeMap<MessageId, usize>,
    /// Accepted messages that only a lost or regressed store had.
    pub excused: BTreeSet<MessageId>,
    /// What each publisher's key was answered with.
    pub keys: BTreeMap<u64, MessageId>,
    /// Keys whose memory was lost with a store.
    pub keys_excused: bool,
    /// Messages with a time to live: they may end as expired.
    pub perishable: BTreeSet<MessageId>,
    /// True once a store was lost or put back: order is then only promised for what is not late.
    pub stores_touched: bool,
    /// Duplicates that a publisher was told of.
    pub told_duplicates: u64,
    faults: Vec<String>,
}

/// How a story ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Accepted messages.
    pub accepted: usize,
    /// Found in the inbox that they were for.
    pub delivered: usize,
    /// Accepted messages that nobody could have had any more.
    pub excused: usize,
    /// Neither delivered nor excused nor expired.
    pub lost: Vec<String>,
    /// In an inbox more than once.
    pub duplicates: Vec<String>,
    /// Anything else that must not be.
    pub faults: Vec<String>,
}

impl Verdict {
    /// True if every promise held.
    pub fn is_good(&self) -> bool {
        self.lost.is_empty() && self.duplicates.is_empty() && self.faults.is_empty()
    }
}

impl Oracle {
    /// A publisher was told that its message is on disk.
    pub fn accepted(&mut self, key: u64, id: MessageId, target: usize) {
        match self.keys.get(&key) {
            Some(earlier) if *earlier != id && !self.keys_excused => {
                self.faults.push(format!("key {key} was taken as {earlier} and again as {id}"));
            }
            _ => {}
        }
        self.keys.insert(key, id.clone());
        self.owed.insert(id, target);
    }

    /// Something that must not be.
    pub fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// Judges the inboxes of all hosts.
    pub fn judge(&self, inboxes: &[Vec<MessageId>]) -> Verdict {
        let mut verdict = Verdict { accepted: self.owed.len(), ..Verdict::default() };
        verdict.faults.clone_from(&self.faults);
        let counts: Vec<BTreeMap<&MessageId, u32>> = inboxes.iter().map(|i| count(i)).collect();
        for (id, target) in &self.owed {
            let found = counts.get(*target).and_then(|counts| counts.get(id)).copied();
            match found {
                Some(_) => verdict.delivered += 1,
                None if self.excused.contains(id) => verdict.excused += 1,
                None if self.perishable.contains(id) => {}
                None => verdict.lost.push(id.to_string()),
            }
        }
        for (host, counts) in counts.iter().enumerate() {
            let twice = counts.iter().filter(|(_, n)| **n > 1);
            verdict.duplicates.extend(twice.map(|(id, n)| format!("{id} {n} times at {host}")));
        }
        if !self.stores_touched {
            inboxes.iter().for_each(|inbox| verdict.faults.extend(disorder(inbox)));
        }
        verdict
    }
}

fn count(inbox: &[MessageId]) -> BTreeMap<&MessageId, u32> {
    let mut counts = BTreeMap::new();
    for id in inbox {
        *counts.entry(id).or_insert(0) += 1;
    }
    counts
}

fn disorder(inbox: &[MessageId]) -> Vec<String> {
    let mut last: BTreeMap<(&str, Epoch, Lane), u64> = BTreeMap::new();
    let mut faults = Vec::new();
    for id in inbox {
        let before = last.insert((id.origin.as_str(), id.epoch, id.lane), id.sequence);
        if before.is_some_and(|before| before >= id.sequence) {
            faults.push(format!("{id} came after sequence {}", before.unwrap_or(0)));
        }
    }
    faults
}
