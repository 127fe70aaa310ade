//! What a station's page shows of matters and counts, held against its [`Register`].

use std::collections::BTreeMap;

use yizhan_core::station::{Governed, MatterView};
use yizhan_core::tally::Tally;
use yizhan_schemas::MessageId;
use yizhan_schemas::payload::stats::{self, Counts, Family, Table};

use super::rules::ENDED;
use super::{File, Register};

/// Counts by family and category.
pub type Sum = BTreeMap<(Family, String), Counts>;

impl File {
    /// True if it is shown one by one.
    fn is_followed(&self) -> bool {
        self.stage != ENDED && self.stage != "reported"
    }

    fn is(&self, view: &MatterView) -> bool {
        (self.family, self.stage, self.category.as_str())
            == (view.family, view.stage.word(), view.category.as_str())
            && self.attempts.len() == view.attempts
            && self.above == view.above
    }
}

impl Register {
    /// What is wrong with what the station shows.
    pub fn disagrees(&self, page: &Governed) -> Vec<String> {
        let mut faults = Vec::new();
        let mut shown: BTreeMap<&MessageId, &MatterView> =
            page.matters.iter().map(|view| (&view.id, view)).collect();
        for (id, file) in self.files.iter().filter(|(_, file)| file.is_followed()) {
            match shown.remove(id) {
                Some(view) if file.is(view) => {}
                found => faults.push(format!("{id} is {file:?}, and is shown as {found:?}")),
            }
        }
        faults.extend(shown.values().map(|view| format!("{view:?} is shown, and is not there")));
        let untouched = self.files.values().filter(|file| file.stage == "reported").count() as u64;
        if page.untouched != untouched {
            faults.push(format!("{untouched} reports untouched, {} are shown", page.untouched));
        }
        if page.parked != self.waiting.len() as u64 {
            faults.push(format!("{} steps wait, {} are shown", self.waiting.len(), page.parked));
        }
        let here = |(_, said): &&(MessageId, super::Said)| {
            said.subject().is_some_and(|subject| self.files.contains_key(subject))
        };
        if let Some((id, _)) = self.waiting.iter().find(here) {
            faults.push(format!("{id} waits for what is here"));
        }
        let own = total(&page.tally, page.depth, page.depth);
        if own != self.counts {
            faults.push(format!("it counts {own:?}, it were {:?}", self.counts));
        }
        faults.iter().map(|fault| format!("matters: {}: {fault}", self.here())).collect()
    }

    /// Adds what happened here to a sum.
    pub fn add_to(&self, sum: &mut Sum) {
        for (what, counts) in &self.counts {
            sum.entry(what.clone()).or_default().add(counts);
        }
    }
}

/// What the page of a station at `here` counts on one tier, over all days: wall clocks jump in a
/// story.
pub fn total(tally: &Tally, depth: u8, here: u8) -> Sum {
    let mut table = Table::new();
    for day in tally.days() {
        stats::join(&mut table, &tally.sum(day, here), Counts::add);
    }
    let families = table.remove(&depth).unwrap_or_default();
    let rows = families.into_iter().flat_map(|(family, categories)| {
        categories.into_iter().map(move |(category, counts)| ((family, category), counts))
    });
    rows.collect()
}
