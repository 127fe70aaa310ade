//! [`Ledger`]: what was published and accepted, and [`Harvest`]: what the inboxes hold. Together
//! they give a [`Verdict`].
//!
//! Promise: a message counts as delivered only where it is wanted, once, under the id that its
//! publisher was told *and* under the publisher's own; whatever is otherwise is named.

use std::collections::{BTreeMap, BTreeSet};

use yizhan_schemas::{Code, MessageId};

/// What became of publishing one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its publisher was told that it is accepted, under this id.
    Accepted(MessageId),
    /// Its publisher was told no, or nothing for too long.
    Unaccepted(String),
}

/// One published message.
#[derive(Debug, Clone)]
struct Entry {
    origin: Code,
    targets: BTreeSet<Code>,
    fate: Option<Fate>,
}

/// What was published, by the publishers' own keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(BTreeMap<String, Entry>);

/// One message in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// `Yz-Id`.
    pub(super) id: String,
    /// `ce-id`.
    pub(super) key: String,
}

/// What the inboxes hold of this run, by station, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Harvest(BTreeMap<Code, Vec<Seen>>);

/// How the count comes out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Publishers' requests that ended, well or not.
    pub(super) published: usize,
    /// Of these, accepted.
    pub(super) accepted: usize,
    /// Pairs of an accepted message and a target that has it.
    pub(super) delivered: usize,
    /// Pairs of an accepted message and a target that does not have it, in words.
    pub(super) lost: Vec<String>,
    /// What is in an inbox more than once, in words.
    pub(super) double: Vec<String>,
    /// What is in an inbox where nobody sent it, in words.
    pub(super) stray: Vec<String>,
    /// What was never accepted, in words.
    pub(super) unaccepted: Vec<String>,
}

impl Ledger {
    /// A message is about to be published.
    pub(super) fn publish(&mut self, key: &str, origin: &Code, targets: &BTreeSet<Code>) {
        let entry = Entry { origin: origin.clone(), targets: targets.clone(), fate: None };
        self.0.insert(key.to_owned(), entry);
    }

    /// Publishing it has ended.
    pub(super) fn settle(&mut self, key: &str, fate: Fate) {
        if let Some(entry) = self.0.get_mut(key) {
            entry.fate = Some(fate);
        }
    }

    /// How many were handed to a station so far, and how many of these were accepted.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.0.len(), self.0.values().filter(|entry| entry.id().is_some()).count())
    }

    /// What was accepted: origin, id and targets of each.
    pub(super) fn accepted(&self) -> impl Iterator<Item = (&Code, &MessageId, &BTreeSet<Code>)> {
        self.0.values().filter_map(|entry| Some((&entry.origin, entry.id()?, &entry.targets)))
    }

    /// A part of it, by key and origin.
    pub(super) fn part(&self, wanted: impl Fn(&str, &Code) -> bool) -> Self {
        let part = self.0.iter().filter(|(key, entry)| wanted(key, &entry.origin));
        Self(part.map(|(key, entry)| (key.clone(), entry.clone())).collect())
    }

    /// True if nothing accepted is missing anywhere.
    pub(super) fn is_complete(&self, harvest: &Harvest) -> bool {
        let held: BTreeMap<&Code, BTreeSet<&str>> = harvest
            .0
            .iter()
            .map(|(station, seen)| (station, seen.iter().map(|seen| seen.key.as_str()).collect()))
            .collect();
        self.0.iter().filter(|(_, entry)| entry.id().is_some()).all(|(key, entry)| {
            let has = |station| held.get(station).is_some_and(|keys| keys.contains(key.as_str()));
            entry.targets.iter().all(has)
        })
    }

    /// Of what was accepted for one station: how much is there, and how much there is.
    pub(super) fn at(&self, station: &Code, harvest: &Harvest) -> (usize, usize) {
        let its = self
            .part(|key, _| self.0.get(key).is_some_and(|entry| entry.targets.contains(station)));
        let mut verdict = Verdict::default();
        let accepted = its.0.iter().filter_map(|(key, entry)| Some((key, entry.id()?)));
        let accepted: Vec<_> = accepted.collect();
        for (key, id) in &accepted {
            verdict.pair(harvest, station, key, &id.to_string());
        }
        (verdict.delivered, accepted.len())
    }

    /// Compares with what the inboxes hold.
    pub(super) fn verdict(&self, harvest: &Harvest) -> Verdict {
        let mut verdict = Verdict { published: self.0.len(), ..Verdict::default() };
        for (key, entry) in &self.0 {
            match &entry.fate {
                Some(Fate::Accepted(id)) => {
                    verdict.accepted += 1;
                    for station in &entry.targets {
                        verdict.pair(harvest, station, key, &id.to_string());
                    }
                }
                Some(Fate::Unaccepted(why)) => {
                    verdict.unaccepted.push(format!("{key} at {}: {why}", entry.origin));
                }
                None => verdict.unaccepted.push(format!("{key} at {}: unfinished", entry.origin)),
            }
        }
        for (station, seen) in &harvest.0 {
            verdict.singles(station, seen);
            let wanted = |seen: &&Seen| match self.0.get(&seen.key) {
                Some(entry) => entry.targets.contains(station),
                None => false,
            };
            let stray = seen.iter().filter(|seen| !wanted(seen));
            verdict
                .stray
                .extend(stray.map(|Seen { id, key }| format!("{key} ({id}) at {station}")));
        }
        verdict
    }
}

impl Entry {
    fn id(&self) -> Option<&MessageId> {
        match &self.fate {
            Some(Fate::Accepted(id)) => Some(id),
            _ => None,
        }
    }
}

impl Harvest {
    /// An inbox has one more.
    pub(super) fn add(&mut self, station: &Code, seen: Seen) {
        self.0.entry(station.clone()).or_default().push(seen);
    }

    /// The part of it that is in a ledger.
    pub(super) fn of(&self, ledger: &Ledger) -> Self {
        let known = |seen: &&Seen| ledger.0.contains_key(&seen.key);
        let part = |seen: &Vec<Seen>| seen.iter().filter(known).cloned().collect();
        Self(self.0.iter().map(|(station, seen)| (station.clone(), part(seen))).collect())
    }

    /// How many an inbox holds.
    pub(super) fn count(&self, station: &Code) -> usize {
        self.0.get(station).map_or(0, Vec::len)
    }
}

impl Verdict {
    /// True if all was accepted and is exactly where it should be.
    pub(super) fn is_good(&self) -> bool {
        self.problems().next().is_none()
    }

    /// Everything that is not as it should be, with a word for each.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let named = |word, list| std::iter::repeat(word).zip(list);
        named("lost", &self.lost)
            .chain(named("double", &self.double))
            .chain(named("stray", &self.stray))
            .chain(named("not accepted", &self.unaccepted))
    }

    fn pair(&mut self, harvest: &Harvest, station: &Code, key: &str, id: &str) {
        let there = harvest.0.get(station).map(Vec::as_slice).unwrap_or_default();
        if there.iter().any(|seen| seen.key == key && seen.id == id) {
            self.delivered += 1;
            return;
        }
        let other = there.iter().find(|seen| seen.key == key);
        let but = other.map_or(String::new(), |seen| format!(", where it is {}", seen.id));
        self.lost.push(format!("{key} ({id}) at {station}{but}"));
    }

    fn singles(&mut self, station: &Code, seen: &[Seen]) {
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
        for Seen { id, key } in seen {
            *keys.entry(key).or_default() += 1;
            *ids.entry(id).or_default() += 1;
        }
        let mut double = BTreeSet::new();
        for Seen { id, key } in seen {
            let times = keys.get(key.as_str()).max(ids.get(id.as_str())).copied().unwrap_or(0);
            if times > 1 && double.insert(key) {
                self.double.push(format!("{key} ({id}) at {station}, {times} times"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
