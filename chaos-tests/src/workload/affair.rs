//! Affairs: incidents and cases of a story, and the [`Deed`]s that people do about them: most of
//! them in order, some illegal, some before what they speak of can be there.
//!
//! Which of them are legal is not decided here: that depends on what comes where in which order,
//! and is for the oracle.

use bytes::Bytes;
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::json;
use yizhan_schemas::{Lane, MessageId};

use super::Matter;
use crate::dice::one_of;
use crate::tree::{Tree, Whom};

/// Categories that affairs have.
const CATEGORIES: [&str; 3] = ["积水", "邻里纠纷", "火情"];
/// The way of an incident.
const WAY: [&str; 5] = ["accepted", "dispatched", "handled", "verified", "closed"];
/// All steps, to draw illegal ones from.
const STEPS: [&str; 7] =
    ["accepted", "dispatched", "handled", "verified", "closed", "returned", "cancelled"];

/// What a message does about an affair.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// Its kind.
    pub kind: &'static str,
    /// The step, of an `incident.update`.
    step: &'static str,
    /// The key of the message that it speaks of.
    pub subject: Option<u64>,
    /// The key of what must have been taken before anybody does this.
    pub after: Option<u64>,
    /// True if who does it has seen its subject come.
    pub sees: bool,
    /// What an application names of what was tried.
    tried: Vec<u64>,
    category: &'static str,
    /// How often somebody looks whether it can be done now, microseconds.
    pub look_us: u64,
}

/// Whom deeds are done by, of one affair.
#[derive(Clone, Copy)]
struct Cast {
    /// Who reported it.
    origin: usize,
    /// The station that has it.
    host: usize,
    /// True if everybody does everything, in every lane.
    mixed: bool,
}

/// Writes the matters of affairs.
pub(super) struct Script<'a> {
    tree: &'a Tree,
    dice: &'a mut SmallRng,
    key: u64,
    matters: Vec<Matter>,
}

impl<'a> Script<'a> {
    /// Keys count from this one on.
    pub(super) fn new(tree: &'a Tree, dice: &'a mut SmallRng, key: u64) -> Self {
        Self { tree, dice, key, matters: Vec::new() }
    }

    /// So many affairs.
    pub(super) fn write(mut self, affairs: u32) -> Vec<Matter> {
        for _ in 0..affairs {
            let origin = self.dice.random_range(0..self.tree.len());
            let above: Vec<usize> = self.tree.upwards(origin).collect();
            let host = above.get(self.dice.random_range(0..above.len())).copied().unwrap_or(0);
            let cast = Cast { origin, host, mixed: self.dice.random_bool(0.5) };
            if self.dice.random_bool(0.6) { self.incident(cast) } else { self.case(cast) }
        }
        self.matters
    }

    fn incident(&mut self, cast: Cast) {
        let category = one_of(self.dice, CATEGORIES);
        let report = self.add(cast.origin, cast.host, cast, Deed::of("incident.report", category));
        let mut last = report;
        if self.dice.random_bool(0.1) {
            // it is taken back by somebody who is nearer
            self.step(cast, report, report, "cancelled", false);
        }
        let far = self.dice.random_range(1..=WAY.len());
        for step in WAY.into_iter().take(far) {
            if self.dice.random_bool(0.1) {
                let wrong = one_of(self.dice, STEPS);
                last = self.step(cast, report, last, wrong, false);
            }
            if self.dice.random_bool(0.08) {
                last = self.step(cast, report, last, "returned", true);
                last = self.step(cast, report, last, "accepted", true);
            }
            if self.dice.random_bool(0.05) {
                self.step(cast, report, last, "cancelled", true);
            }
            // now and then nobody waits for anything
            let after = if self.dice.random_bool(0.1) { report } else { last };
            let sees = self.dice.random_bool(0.6);
            last = self.step(cast, report, after, step, sees);
        }
        self.nonsense(cast, report, last);
    }

    fn case(&mut self, cast: Cast) {
        let category = one_of(self.dice, CATEGORIES);
        let open = self.add(cast.origin, cast.host, cast, Deed::of("case.open", category));
        let (mut case, mut last, mut cast) = (open, open, cast);
        loop {
            let mut tried = Vec::new();
            for _ in 0..self.dice.random_range(0..=3) {
                last = self.about(cast, "case.attempt", case, last, true);
                tried.push(last);
            }
            let Some(above) = self.tree.parent(cast.host).filter(|_| self.dice.random_bool(0.7))
            else {
                break;
            };
            if self.dice.random_bool(0.1) {
                tried.pop();
            }
            let deed = Deed {
                subject: Some(case),
                after: Some(last),
                sees: self.dice.random_bool(0.8),
                tried,
                ..Deed::of("case.apply", category)
            };
            let application = self.add(cast.host, above, cast, deed);
            let upper = Cast { origin: cast.host, host: above, ..cast };
            if self.dice.random_bool(0.3) {
                last = self.about(upper, "case.return", application, application, true);
                self.about(upper, "case.evaluate", application, last, true);
                continue;
            }
            last = self.about(upper, "case.accept", application, application, true);
            if self.dice.random_bool(0.3) {
                // who is below goes on with it as if nothing had happened
                self.about(cast, "case.attempt", case, application, true);
                self.about(cast, "case.evaluate", case, last, true);
            }
            (case, cast) = (application, upper);
        }
        if self.dice.random_bool(0.7) {
            last = self.about(cast, "case.close", case, last, true);
            last = self.about(cast, "case.evaluate", case, last, true);
        }
        self.nonsense(cast, case, last);
    }

    /// What does not fit, and what somebody says who has no say.
    fn nonsense(&mut self, cast: Cast, subject: u64, last: u64) {
        if self.dice.random_bool(0.15) {
            let kinds = ["case.close", "case.evaluate", "case.accept", "case.attempt"];
            let kind = one_of(self.dice, kinds);
            self.about(cast, kind, subject, last, false);
        }
        let tree = self.tree;
        let mut strangers = (0..tree.len()).filter(|at| {
            tree.is_within(*at, cast.host) && *at != cast.host && !tree.is_within(cast.origin, *at)
        });
        if let Some(stranger) = strangers.next().filter(|_| self.dice.random_bool(0.2)) {
            let deed = Deed { step: "accepted", ..Deed::on("incident.update", subject, subject) };
            self.add(stranger, cast.host, cast, deed);
        }
    }

    fn step(
        &mut self,
        cast: Cast,
        subject: u64,
        after: u64,
        step: &'static str,
        sees: bool,
    ) -> u64 {
        let deed = Deed { step, sees, ..Deed::on("incident.update", subject, after) };
        let by = self.speaker(cast);
        self.add(by, cast.host, cast, deed)
    }

    fn about(
        &mut self,
        cast: Cast,
        kind: &'static str,
        subject: u64,
        after: u64,
        sees: bool,
    ) -> u64 {
        let deed = Deed { sees, ..Deed::on(kind, subject, after) };
        let by = self.speaker(cast);
        self.add(by, cast.host, cast, deed)
    }

    /// Who has a say: mostly the station that has it, else somebody between it and the origin.
    fn speaker(&mut self, cast: Cast) -> usize {
        if !cast.mixed {
            return cast.host;
        }
        let way = self.tree.route(cast.origin, cast.host);
        way.get(self.dice.random_range(0..way.len())).copied().unwrap_or(cast.host)
    }

    fn add(&mut self, by: usize, to: usize, cast: Cast, mut deed: Deed) -> u64 {
        let key = self.key;
        self.key += 1;
        deed.look_us = one_of(self.dice, [50_000, 400_000, 3_000_000]);
        let lanes = [Lane::Routine, Lane::Priority, Lane::Immediate];
        let lane = if cast.mixed { one_of(self.dice, lanes) } else { Lane::Routine };
        self.matters.push(Matter {
            key,
            host: by,
            whom: if deed.kind == "case.apply" { Whom::One(to) } else { Whom::UpTo(to) },
            lane,
            ttl_ms: None,
            bytes: 0,
            video: false,
            repeated: self.dice.random_bool(0.15),
            encore: false,
            deed: Some(deed),
            body: None,
        });
        key
    }
}

impl Deed {
    fn of(kind: &'static str, category: &'static str) -> Self {
        Self {
            kind,
            step: "",
            subject: None,
            after: None,
            sees: false,
            tried: Vec::new(),
            category,
            look_us: 0,
        }
    }

    fn on(kind: &'static str, subject: u64, after: u64) -> Self {
        Self { subject: Some(subject), after: Some(after), ..Self::of(kind, "") }
    }

    /// What somebody says who does this, once it is known what the messages of keys are called.
    pub fn body(&self, key: u64, id_of: &dyn Fn(u64) -> Option<MessageId>) -> Option<Bytes> {
        let subject = self.subject.map(id_of);
        let subject = || subject.clone().flatten().map(|id| id.to_string());
        let history = self.tried.iter().filter_map(|key| id_of(*key));
        let history: Vec<_> = history.map(|id| json!({"id": id.to_string()})).collect();
        let rest = match self.kind {
            "incident.report" => json!({
                "category": self.category, "severity": "general", "description": "张三家门口",
                "occurred_at": "2026-11-24T06:00:00+08:00",
            }),
            "case.open" => json!({"category": self.category}),
            "incident.update" => {
                json!({"subject": subject()?, "step": self.step, "reason": "不属本站"})
            }
            "case.apply" => json!({
                "subject": subject()?, "category": self.category, "reason": "调解不成",
                "history": history,
            }),
            "case.attempt" => json!({
                "subject": subject()?, "who": "李四", "at": "2026-11-24T06:00:00+08:00",
                "outcome": "failed",
            }),
            "case.return" => json!({"subject": subject()?, "reason": "材料不全"}),
            "case.close" => json!({"subject": subject()?, "result": "settled"}),
            "case.evaluate" => json!({"subject": subject()?, "score": 4}),
            _ => json!({"subject": subject()?}),
        };
        // whoever reads it knows which matter it is
        let text = rest.to_string();
        Some(Bytes::from(format!("{{\"key\":{key},{}", text.strip_prefix('{')?)))
    }
}
