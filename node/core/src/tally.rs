//! [`Tally`]: what happened to matters, counted by day: here, and below by what children say.
//!
//! Promise: a number only ever grows, so a count that comes twice, late or out of order does no
//! harm, and what a station says is its own numbers and the sum of its children's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use yizhan_schemas::Code;
use yizhan_schemas::payload::stats::{self, Counts, Day, Digest, Family, Measure, Table};

/// Most days that are counted apart; the oldest goes first.
pub const DAYS_MAX: usize = 400;
/// Most categories of one day and family; what is beyond is counted under `*`.
pub const CATEGORIES_MAX: usize = 200;
/// Where categories beyond the limit are counted.
const REST: &str = "*";
/// A digest holds no more days once it is about so long, bytes.
const DIGEST_BYTES: usize = 16 * 1024;

/// Counts by family and category.
type Own = BTreeMap<Family, BTreeMap<String, Counts>>;

/// The counts of a station and of what is below it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    own: BTreeMap<Day, Own>,
    below: BTreeMap<Code, BTreeMap<Day, Table>>,
    /// Days of which the parent does not know all.
    untold: BTreeSet<Day>,
}

impl Tally {
    /// Counts one thing that happened here.
    pub fn count(&mut self, wall_ms: u64, family: Family, category: &str, measure: Measure) {
        let day = Day::of(wall_ms);
        let categories = self.own.entry(day).or_default().entry(family).or_default();
        let known = categories.contains_key(category) || categories.len() < CATEGORIES_MAX;
        let category = if known { category } else { REST };
        match categories.get_mut(category) {
            Some(counts) => counts.count(measure),
            None => categories.entry(category.to_owned()).or_default().count(measure),
        }
        self.untold.insert(day);
        while self.own.len() > DAYS_MAX {
            self.own.pop_first();
        }
    }

    /// A child said what happened below it.
    pub fn took(&mut self, child: &Code, digest: &Digest) {
        let days = self.below.entry(child.clone()).or_default();
        for (day, table) in &digest.days {
            stats::join(days.entry(*day).or_default(), table, Counts::grow);
            self.untold.insert(*day);
        }
        while days.len() > DAYS_MAX {
            days.pop_first();
        }
    }

    /// The sum of a day, of this station at this depth and of all below it.
    pub fn sum(&self, day: Day, depth: u8) -> Table {
        let own = self.own.get(&day).map(|own| (depth, own.clone()));
        let mut sum: Table = own.into_iter().collect();
        for table in self.below.values().filter_map(|days| days.get(&day)) {
            stats::join(&mut sum, table, Counts::add);
        }
        sum
    }

    /// The days that are counted, oldest first.
    pub fn days(&self) -> BTreeSet<Day> {
        self.own.keys().chain(self.below.values().flat_map(BTreeMap::keys)).copied().collect()
    }

    /// What a child said of a day.
    pub fn of_child(&self, child: &Code, day: Day) -> Option<&Table> {
        self.below.get(child)?.get(&day)
    }

    /// True if the parent knows all.
    pub fn is_told(&self) -> bool {
        self.untold.is_empty()
    }

    /// What the parent does not know yet: the newest days first, as many as fit.
    pub fn digest(&self, depth: u8) -> Option<Digest> {
        let mut digest = Digest::default();
        for day in self.untold.iter().rev() {
            digest.days.insert(*day, self.sum(*day, depth));
            let full = digest.encode().map_or(true, |bytes| bytes.len() > DIGEST_BYTES);
            if full && digest.days.len() > 1 {
                digest.days.remove(day);
                break;
            }
        }
        (!digest.days.is_empty()).then_some(digest)
    }

    /// A digest was written down for the parent.
    pub fn told(&mut self, digest: &Digest) {
        self.untold.retain(|day| !digest.days.contains_key(day));
    }

    /// The parent has another store than before: it knows nothing.
    pub fn tell_all_again(&mut self) {
        self.untold = self.days();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    fn closed(table: &Table) -> u64 {
        let families = table.values().flat_map(BTreeMap::values);
        families.flat_map(BTreeMap::values).map(|counts| counts.get(Measure::Closed)).sum()
    }

    #[test]
    fn a_sum_is_that_of_the_parts_however_often_they_are_told() {
        let (mut village, mut other, mut town) =
            (Tally::default(), Tally::default(), Tally::default());
        for _ in 0..3 {
            village.count(DAY_MS, Family::Incident, "积水", Measure::Closed);
        }
        other.count(DAY_MS, Family::Incident, "火情", Measure::Closed);
        let early = village.digest(2).unwrap();
        village.count(DAY_MS, Family::Incident, "积水", Measure::Closed);
        let late = village.digest(2).unwrap();
        town.count(DAY_MS, Family::Case, "积水", Measure::Closed);
        for digest in [&late, &early, &late] {
            town.took(&code("510722.101.002"), digest);
        }
        town.took(&code("510722.101.003"), &other.digest(2).unwrap());
        let sum = town.sum(Day::of(DAY_MS), 1);
        assert_eq!(closed(&sum), 6);
        let tiers: Vec<u8> = sum.keys().copied().collect();
        assert_eq!(tiers, [1, 2]);
    }

    #[test]
    fn what_is_told_is_not_told_again_until_it_changes_or_the_parent_forgets() {
        let mut tally = Tally::default();
        tally.count(0, Family::Incident, "积水", Measure::Taken);
        tally.count(9 * DAY_MS, Family::Incident, "积水", Measure::Taken);
        let digest = tally.digest(2).unwrap();
        assert_eq!(digest.days.len(), 2);
        tally.told(&digest);
        assert!(tally.is_told() && tally.digest(2).is_none());
        tally.count(9 * DAY_MS, Family::Incident, "积水", Measure::Closed);
        assert_eq!(tally.digest(2).unwrap().days.len(), 1);
        tally.tell_all_again();
        assert_eq!(tally.digest(2).unwrap().days.len(), 2);
    }

    #[test]
    fn categories_beyond_the_limit_are_counted_together() {
        let mut tally = Tally::default();
        for n in 0..CATEGORIES_MAX + 5 {
            tally.count(0, Family::Incident, &format!("第{n}类"), Measure::Closed);
        }
        let sum = tally.sum(Day::of(0), 2);
        assert_eq!(closed(&sum), CATEGORIES_MAX as u64 + 5);
        assert_eq!(sum[&2][&Family::Incident]["*"].get(Measure::Closed), 5);
    }
}
