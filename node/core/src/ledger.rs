//! [`Ledger`]: every leg taken is held, handed over or ended, by origin and precedence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contents::{Counted, Whose};
use crate::outbound::Tally;

/// Legs by whose message they carry, over all links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger(BTreeMap<Whose, Tally>);

impl Ledger {
    /// These legs were opened, or opened again.
    pub fn taken(&mut self, legs: &Counted) {
        self.add(legs, |tally| &mut tally.taken);
    }

    /// These legs are owed again, and of those the log cannot give back the second ones.
    pub fn reopened(&mut self, (again, gone): &(Counted, Counted)) {
        self.taken(again);
        self.ended(gone);
    }

    /// These are durable elsewhere.
    pub fn handed_over(&mut self, legs: &Counted) {
        self.add(legs, |tally| &mut tally.handed_over);
    }

    /// These ended otherwise.
    pub fn ended(&mut self, legs: &Counted) {
        self.add(legs, |tally| &mut tally.ended);
    }

    fn add(&mut self, legs: &Counted, count: impl Fn(&mut Tally) -> &mut u64) {
        for (whose, n) in legs {
            let tally = self.0.entry(whose.clone()).or_default();
            let count = count(tally);
            *count = count.saturating_add(*n);
        }
    }

    /// The count of each origin and precedence.
    pub fn entries(&self) -> impl Iterator<Item = (&Whose, &Tally)> {
        self.0.iter()
    }

    /// Whose count is off, if these legs are held: nobody's, or there is a defect.
    pub fn imbalance(&self, held: &BTreeMap<Whose, u64>) -> Option<Whose> {
        let off = |(whose, tally): &(&Whose, &Tally)| {
            let held = held.get(*whose).copied().unwrap_or(0);
            tally.taken != held + tally.handed_over + tally.ended
        };
        let unknown = held.iter().find(|(whose, n)| **n > 0 && !self.0.contains_key(*whose));
        let unknown = unknown.map(|(whose, _)| whose.clone());
        self.0.iter().find(off).map(|(whose, _)| whose.clone()).or(unknown)
    }
}
