//! [`Office`]: the pages of incidents and cases, and of what was counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use yizhan_core::station::{Governed, View};
use yizhan_schemas::Code;
use yizhan_schemas::payload::stats::{self, Counts, Day, Family, Measure, Table};
use yizhan_topology::Topology;

use crate::clock;

/// Days are counted from here.
const FIRST: Date = date(1970, 1, 1);

/// Whose pages they are.
pub(super) struct Office {
    pub(super) here: Code,
    pub(super) topology: Arc<Topology>,
}

impl Office {
    /// What was counted in some days: today's, if nothing is said.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub(super) fn stats(
        &self,
        view: &View,
        query: &BTreeMap<String, String>,
    ) -> Result<Value, String> {
        let governed = &view.governed;
        let (first, last) = asked(query)?;
        let days: BTreeSet<Day> = governed.tally.days();
        let days: Vec<Day> = days.into_iter().filter(|day| (first..=last).contains(day)).collect();
        let mut sum = Table::new();
        for day in &days {
            stats::join(&mut sum, &governed.tally.sum(*day, governed.depth), Counts::add);
        }
        let children = self.topology.children(&self.here).iter().filter_map(|child| {
            let told = days.iter().filter_map(|day| governed.tally.of_child(child, *day));
            let mut sum = Table::new();
            told.for_each(|table| stats::join(&mut sum, table, Counts::add));
            (!sum.is_empty()).then(|| (child.to_string(), families(&sum)))
        });
        Ok(json!({
            "station": self.here,
            "from": day_text(first),
            "to": day_text(last),
            "categories": view.categories,
            "tiers": self.tiers(&sum),
            "total": families(&sum),
            "children": children.collect::<BTreeMap<String, Value>>(),
        }))
    }

    fn tiers(&self, sum: &Table) -> BTreeMap<String, Value> {
        let tiers = self.topology.tiers();
        let name =
            |depth: u8| tiers.get(usize::from(depth)).cloned().unwrap_or_else(|| depth.to_string());
        sum.iter().map(|(depth, families)| (name(*depth), categories(families))).collect()
    }

    /// Incidents and cases that are under way.
    pub(super) fn matters(&self, governed: &Governed) -> Value {
        let one = |matter: &yizhan_core::station::MatterView| {
            json!({
                "id": matter.id,
                "family": matter.family.word(),
                "category": matter.category,
                "stage": matter.stage.word(),
                "since": instant(matter.since.wall_ms),
                "attempts": matter.attempts,
                "overdue": matter.missed,
                "above": matter.above,
            })
        };
        json!({
            "station": self.here,
            "followed": governed.live,
            "untouched": governed.untouched,
            "waiting": governed.parked,
            "matters": governed.matters.iter().map(one).collect::<Vec<Value>>(),
        })
    }
}

fn instant(wall_ms: u64) -> Option<String> {
    let ms = i64::try_from(wall_ms).ok()?;
    Timestamp::from_millisecond(ms).ok().map(|at| at.to_string())
}

/// A day as people write it.
pub(super) fn day_text(day: Day) -> String {
    FIRST.checked_add(i64::from(day.0).days()).map_or_else(|_| day.0.to_string(), |d| d.to_string())
}

/// Reads a day of a question.
///
/// # Errors
/// It is none; what would be one.
pub(super) fn day_of(name: &str, text: &str) -> Result<Day, String> {
    let fault = || format!("query {name}: `{text}` is no day; valid is, for example, 2026-11-23");
    let date: Date = text.parse().map_err(|_| fault())?;
    let days = date.since(FIRST).map_err(|_| fault())?.get_days();
    u32::try_from(days).map(Day).map_err(|_| fault())
}

/// The first and the last day that are asked for.
fn asked(query: &BTreeMap<String, String>) -> Result<(Day, Day), String> {
    let valid = ["day", "from", "to"];
    if let Some(odd) = query.keys().find(|name| !valid.contains(&name.as_str())) {
        return Err(format!("query {odd} is not known; valid are {}", valid.join(", ")));
    }
    let day = |name: &str| query.get(name).map(|text| day_of(name, text)).transpose();
    let today = Day::of(clock::now().wall_ms);
    match (day("day")?, day("from")?, day("to")?) {
        (Some(day), None, None) => Ok((day, day)),
        (None, None, None) => Ok((today, today)),
        (None, from, to) => Ok((from.unwrap_or(Day(0)), to.unwrap_or(today))),
        (Some(_), ..) => Err("query day: valid alone, or from and to without it".to_owned()),
    }
}

/// Counts by family, all tiers and categories together.
fn families(table: &Table) -> Value {
    let mut sums: BTreeMap<Family, Counts> = BTreeMap::new();
    for (family, categories) in table.values().flatten() {
        let sum = sums.entry(*family).or_default();
        categories.values().for_each(|counts| sum.add(counts));
    }
    let all: BTreeMap<&str, Value> =
        sums.iter().map(|(family, counts)| (family.word(), numbers(counts))).collect();
    json!(all)
}

/// Counts by family and category.
fn categories(families: &BTreeMap<Family, BTreeMap<String, Counts>>) -> Value {
    let of = |counts: &BTreeMap<String, Counts>| -> BTreeMap<String, Value> {
        counts.iter().map(|(name, counts)| (name.clone(), numbers(counts))).collect()
    };
    let all = families.iter().map(|(family, counts)| (family.word(), of(counts)));
    json!(all.collect::<BTreeMap<&str, _>>())
}

fn numbers(counts: &Counts) -> Value {
    let all = Measure::ALL.map(|measure| (measure.word(), counts.get(measure)));
    let said = all.into_iter().filter(|(_, number)| *number > 0);
    json!(said.collect::<BTreeMap<&str, u64>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_question_names_its_days_or_is_told_how() {
        let day = |text: &str| day_of("day", text).unwrap();
        assert_eq!(day_text(day("2026-11-23")), "2026-11-23");
        assert_eq!(Day::of(1_795_449_600_000), day("2026-11-24"), "midnight in Beijing");
        let one = asked(&query(&[("day", "2026-11-23")])).unwrap();
        assert_eq!(one, (day("2026-11-23"), day("2026-11-23")));
        let two = asked(&query(&[("from", "2026-11-01"), ("to", "2026-11-23")])).unwrap();
        assert_eq!(two, (day("2026-11-01"), day("2026-11-23")));
        for bad in [&[("day", "soon")][..], &[("days", "1")], &[("day", "2026-11-23"), ("to", "x")]]
        {
            assert!(asked(&query(bad)).is_err(), "{bad:?}");
        }
    }
}
