//! [`Holes`]: which legs, and which of a station's own messages, damage took out of a segment.
//!
//! Both are numbered densely, so a jump is a loss; what is missing at the ends only the footer
//! knows.

use std::collections::BTreeMap;

use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::commit::{Issuer, Note};
use super::damage::{Damage, IdRange, LegRange};
use super::footer::Footer;

/// What is missing in a segment.
#[derive(Debug, Default)]
pub(super) struct Holes {
    legs: Dense<(Link, Lane)>,
    ids: Dense<Issuer>,
}

impl Holes {
    /// Takes in a record of commit `number`.
    pub(super) fn take(&mut self, number: u64, note: &Note) {
        for leg in note.legs.iter().filter(|_| !note.again) {
            self.legs.take(number, (leg.link.clone(), leg.lane), leg.sequence);
        }
        if let Some((issuer, sequence)) = &note.issued {
            self.ids.take(number, issuer.clone(), *sequence);
        }
    }

    /// What is missing by the footer's word.
    pub(super) fn compare(&mut self, footer: &Footer) {
        let commits = (footer.first, footer.last);
        for (link, lane, run) in footer.runs.iter().filter(|(_, _, run)| !run.again) {
            self.legs.compare(commits, (link.clone(), *lane), (run.first, run.last));
        }
        for (issuer, ends) in &footer.tally.issued {
            self.ids.compare(commits, issuer.clone(), *ends);
        }
    }

    /// Gives each missing range to the damage that it was noticed behind.
    pub(super) fn attribute(self, damage: &mut [Damage]) {
        for (noticed, (link, lane), (from, through)) in self.legs.found {
            if let Some(one) = noticed_behind(damage, noticed) {
                one.legs.push(LegRange { link, lane, from, through });
            }
        }
        for (noticed, issuer, (from, through)) in self.ids.found {
            if let Some(one) = noticed_behind(damage, noticed) {
                let Issuer { origin, epoch, lane } = issuer;
                one.ids.push(IdRange { origin, epoch, lane, from, through });
            }
        }
    }
}

fn noticed_behind(damage: &mut [Damage], noticed: u64) -> Option<&mut Damage> {
    let before = damage.iter().rposition(|one| one.took_commit_before(noticed));
    let any = damage.iter().position(|one| one.took_commit_before(u64::MAX));
    before.or(any).and_then(|at| damage.get_mut(at))
}

/// Numbers that are dense for each key.
#[derive(Debug)]
struct Dense<K> {
    /// First and last seen.
    seen: BTreeMap<K, (u64, u64)>,
    /// What is missing, and the commit that showed it.
    found: Vec<(u64, K, (u64, u64))>,
}

impl<K> Default for Dense<K> {
    fn default() -> Self {
        Self { seen: BTreeMap::new(), found: Vec::new() }
    }
}

impl<K: Ord + Clone> Dense<K> {
    fn take(&mut self, commit: u64, key: K, sequence: u64) {
        let fresh = (sequence, sequence.saturating_sub(1));
        let (_, last) = self.seen.entry(key.clone()).or_insert(fresh);
        let from = last.saturating_add(1);
        *last = sequence.max(*last);
        if from < sequence {
            self.found.push((commit, key, (from, sequence - 1)));
        }
    }

    fn compare(&mut self, commits: (u64, u64), key: K, due: (u64, u64)) {
        let Some(seen) = self.seen.get(&key).copied() else {
            self.found.push((commits.1, key, due));
            return;
        };
        if seen.0 > due.0 {
            self.found.push((commits.0, key.clone(), (due.0, seen.0 - 1)));
        }
        if seen.1 < due.1 {
            self.found.push((commits.1, key, (seen.1 + 1, due.1)));
        }
    }
}
