//! [`Clerk`]: who reports and sees to things in a [`super::County`], and who knows from outside
//! what must have been counted.
//!
//! What is legal is written down here a second time, so that the clerk does not share a station's
//! mistakes.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use yizhan_core::draft::Draft;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::payload::stats::{Counts, Family, Measure, Table};
use yizhan_schemas::{Envelope, Kind, MessageId};

use super::Size;

/// Kinds of incidents.
pub const CATEGORIES: [&str; 6] = ["积水", "邻里纠纷", "火情", "道路交通", "环境卫生", "其他"];
/// The way of every incident.
const WAY: [&str; 5] = ["accepted", "dispatched", "handled", "verified", "closed"];
/// What may not follow the report, and each step of the way but the last.
const ILLEGAL: [&str; 5] = ["closed", "handled", "accepted", "dispatched", "handled"];
/// Share of steps before which an illegal one is tried.
const ILLEGAL_SHARE: f64 = 0.02;

/// One matter, as those see it who have to do with it.
#[derive(Debug)]
struct Matter {
    /// Where it is handled.
    host: usize,
    /// How deep below the root that is.
    tier: u8,
    category: usize,
    /// The steps to be taken, illegal ones too.
    steps: Vec<&'static str>,
    /// How many were.
    taken: usize,
    /// The report's id, once it is known.
    id: Option<MessageId>,
    /// True if a station itself reported it.
    risen: bool,
    /// True if nobody sees to it: its severity says that it rises.
    left: bool,
}

/// All matters, and what must come of them.
#[derive(Debug)]
pub struct Clerk {
    matters: Vec<Matter>,
    by_id: BTreeMap<MessageId, usize>,
    dice: SmallRng,
    depth_of_town: usize,
    illegal: BTreeMap<usize, u64>,
}

impl Clerk {
    /// The clerk of a county, whose villages have these numbers.
    pub fn of(size: Size, villages: Range<usize>) -> Self {
        let mut dice = SmallRng::seed_from_u64(size.seed ^ 0x5eed);
        let rising_every = size.matters.checked_div(size.rising).unwrap_or(usize::MAX).max(1);
        let matters = (0..size.matters).map(|n| Matter {
            host: dice.random_range(villages.clone()),
            tier: 2,
            category: dice.random_range(0..CATEGORIES.len()),
            steps: Vec::new(),
            taken: 0,
            id: None,
            risen: false,
            left: size.rising > 0 && n % rising_every == 0,
        });
        let mut matters: Vec<Matter> = matters.collect();
        for matter in matters.iter_mut().filter(|matter| !matter.left) {
            matter.steps = way(&mut dice);
        }
        let illegal = BTreeMap::new();
        Self { matters, by_id: BTreeMap::new(), dice, depth_of_town: size.townships, illegal }
    }

    /// What is handed in next for a matter, and where; nothing if all is done, or nobody does it.
    pub fn next(&self, at: usize) -> Option<(usize, Draft)> {
        let matter = self.matters.get(at)?;
        let (kind, body, number) = match &matter.id {
            None => ("incident.report", report(matter), 0),
            Some(id) => {
                let step = matter.steps.get(matter.taken)?;
                let body = json!({"subject": id, "step": step, "reason": "不属本站"});
                ("incident.update", body, matter.taken + 1)
            }
        };
        let payload = Bytes::from(serde_json::to_vec(&body).ok()?);
        let key = PublisherKey {
            scope: "county".to_owned(),
            key: format!("{at}-{number}"),
            body: Digest::of(&payload),
        };
        let (severity, key) = (Some(matter.severity().to_owned()), Some(key));
        let plain = Draft::plain(Kind::parse(kind).ok()?, payload);
        Some((matter.host, Draft { severity, key, ..plain }))
    }

    /// It was taken; true if there is more to do.
    pub fn accepted(&mut self, at: usize, id: &MessageId) -> bool {
        let Some(matter) = self.matters.get_mut(at) else { return false };
        if matter.id.is_none() {
            matter.id = Some(id.clone());
            self.by_id.insert(id.clone(), at);
        } else if self.by_id.insert(id.clone(), at).is_none() {
            let step = matter.steps.get(matter.taken).copied();
            let legal = WAY.get(legal_so_far(matter)).copied() == step;
            matter.taken += 1;
            if !legal {
                *self.illegal.entry(matter.host).or_default() += 1;
            }
        }
        matter.taken < matter.steps.len()
    }

    /// Something came into an inbox. A report that a station below sent up is a new matter there:
    /// every second township leaves it alone once more.
    pub fn delivered(&mut self, host: usize, envelope: &Envelope) -> Option<usize> {
        let header = envelope.header();
        let id = header.id();
        let from = header.references.first().filter(|_| header.kind.as_str() == "incident.report");
        let below = *self.by_id.get(from?)?;
        if self.by_id.contains_key(&id) {
            return None;
        }
        let (category, tier) = self.matters.get(below).map(|it| (it.category, it.tier))?;
        let at = self.matters.len();
        let left = host > 0 && host <= self.depth_of_town && host.is_multiple_of(2);
        let steps = if left { Vec::new() } else { way(&mut self.dice) };
        self.by_id.insert(id.clone(), at);
        let (id, tier) = (Some(id), tier.saturating_sub(1));
        self.matters.push(Matter { host, tier, category, steps, taken: 0, id, risen: true, left });
        (!left).then_some(at)
    }

    /// How many illegal steps were tried at a station.
    pub fn illegal_of(&self, host: usize) -> u64 {
        self.illegal.get(&host).copied().unwrap_or(0)
    }

    /// How many matters there were, how many rose, how many illegal steps were tried.
    pub fn figures(&self) -> (u64, u64, u64) {
        let risen = self.matters.iter().filter(|matter| matter.risen).count() as u64;
        (self.matters.len() as u64 - risen, risen, self.illegal.values().sum())
    }

    /// How many were closed on a tier.
    pub fn closed_at(&self, tier: u8) -> u64 {
        self.matters.iter().filter(|matter| matter.tier == tier && is_closed(matter)).count() as u64
    }

    /// What is wrong with the county's counts.
    pub fn judge(&self, sum: &Table) -> Vec<String> {
        let mut faults = Vec::new();
        let undone = self.matters.iter().filter(|it| !it.left && !is_closed(it)).count();
        if undone > 0 {
            faults.push(format!("{undone} matters did not come to their end"));
        }
        for tier in 0..=2 {
            for (n, category) in CATEGORIES.iter().enumerate() {
                let mine = || self.matters.iter().filter(|it| it.tier == tier && it.category == n);
                let expected = [
                    (Measure::Taken, mine().filter(|it| it.id.is_some()).count()),
                    (Measure::Closed, mine().filter(|it| is_closed(it)).count()),
                    (Measure::Raised, mine().filter(|it| it.left).count()),
                ];
                let counted = sum
                    .get(&tier)
                    .and_then(|families| families.get(&Family::Incident)?.get(*category));
                let counted = counted.copied().unwrap_or_else(Counts::default);
                for (measure, expected) in expected {
                    let found = counted.get(measure);
                    if found != expected as u64 {
                        let word = measure.word();
                        faults.push(format!(
                            "tier {tier}, {category}: the county counts {found} {word}, it were \
                             {expected}"
                        ));
                    }
                }
            }
        }
        faults
    }
}

fn is_closed(matter: &Matter) -> bool {
    !matter.steps.is_empty() && matter.taken == matter.steps.len()
}

/// How many legal steps were taken.
fn legal_so_far(matter: &Matter) -> usize {
    let mut legal = 0;
    for step in matter.steps.iter().take(matter.taken) {
        legal += usize::from(WAY.get(legal) == Some(step));
    }
    legal
}

/// The way, with illegal steps here and there.
fn way(dice: &mut SmallRng) -> Vec<&'static str> {
    let mut steps = Vec::with_capacity(WAY.len());
    for (step, illegal) in WAY.into_iter().zip(ILLEGAL) {
        steps.extend(dice.random_bool(ILLEGAL_SHARE).then_some(illegal));
        steps.push(step);
    }
    steps
}

impl Matter {
    fn severity(&self) -> &'static str {
        if self.left { "significant" } else { "general" }
    }
}

fn report(matter: &Matter) -> Value {
    json!({
        "category": CATEGORIES.get(matter.category),
        "severity": matter.severity(),
        "description": "张三家门口",
        "occurred_at": "2026-11-24T06:00:00+08:00",
    })
}
