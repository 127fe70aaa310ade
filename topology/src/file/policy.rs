//! The `[policy]` of the file: families, routes, ladders, deadlines, categories, rounds.

use std::collections::BTreeMap;

use yizhan_schemas::payload::incident::update::Step;

use super::page::Page;
use super::section::{Entry, Section};
use crate::check;
use crate::check::RULES_MAX;
use crate::policy::{Deadlines, Ladder, Policy, Route};
use crate::problem::{Fault, shown};
use crate::tree::tier_depth;

const POLICY: &[Entry] = &[
    Entry::optional("version", "version = 1"),
    Entry::optional("families", "families = [\"incident\", \"directive\"]"),
    Entry::optional("route", "[[policy.route]], one for each rule"),
    Entry::optional("ladder", "[[policy.ladder]], one for each rule"),
    Entry::optional("deadline", "[[policy.deadline]], one for each rule"),
    Entry::optional("categories", "[policy.categories], with its version and its rows"),
    Entry::optional("round", "[[policy.round]], one for each directive that repeats"),
];

const ROUTE: &[Entry] = &[
    Entry::needed("kind", "kind = \"incident.*\""),
    Entry::optional("severity", "severity = \"critical\""),
    Entry::optional("handle_at", "handle_at = \"county\", a tier or a depth"),
    Entry::optional("notify", "notify = [\"township\"], tiers or depths"),
    Entry::optional("precedence", "precedence = \"flash\""),
];

const LADDER: &[Entry] = &[
    Entry::needed("kind", "kind = \"case.*\""),
    Entry::optional("attempts", "attempts = 3"),
    Entry::optional("max_age", "max_age = \"72h\""),
];

const DEADLINE: &[Entry] = &[
    Entry::needed("kind", "kind = \"incident.*\""),
    Entry::optional("severity", "severity = \"critical\""),
    Entry::optional("accepted", "accepted = \"2h\""),
    Entry::optional("dispatched", "dispatched = \"4h\""),
    Entry::optional("handled", "handled = \"3d\""),
    Entry::optional("verified", "verified = \"1d\""),
    Entry::optional("closed", "closed = \"1d\""),
    Entry::optional("escalate_after", "escalate_after = \"5d\""),
];

/// The steps that may have a deadline.
const STEPS: [Step; 5] =
    [Step::Accepted, Step::Dispatched, Step::Handled, Step::Verified, Step::Closed];

/// Reads `[policy]`; without it, or without its families, those of the known kinds are allowed.
pub(super) fn read(page: &mut Page, top: &Section, tiers: Option<&[String]>) -> Policy {
    let mut policy = Policy::plain();
    let Some(section) = top.table(page, "policy", "[policy]", POLICY) else { return policy };
    if let Some(version) = section.whole(page, "version", check::version) {
        policy.version = version.it;
    }
    if let Some(families) = section.texts(page, "families", RULES_MAX, check::family) {
        policy.families = families.into_iter().map(|family| family.it).collect();
    }
    for rule in section.tables(page, "route", RULES_MAX, "[[policy.route]]", ROUTE) {
        policy.routes.extend(route(page, &rule, &policy, tiers));
    }
    for rule in section.tables(page, "ladder", RULES_MAX, "[[policy.ladder]]", LADDER) {
        policy.ladders.extend(ladder(page, &rule, &policy));
    }
    for rule in section.tables(page, "deadline", RULES_MAX, "[[policy.deadline]]", DEADLINE) {
        policy.deadlines.extend(deadlines(page, &rule, &policy));
    }
    policy.categories = super::category::read(page, &section);
    policy.rounds = super::round::read(page, &section);
    policy
}

fn route(
    page: &mut Page,
    rule: &Section,
    policy: &Policy,
    tiers: Option<&[String]>,
) -> Option<Route> {
    let tier = |text: &str| tier(tiers, text);
    let handle_at = rule.word(page, "handle_at", tier);
    let notify = rule.words(page, "notify", check::RULES_MAX, tier);
    let severity = rule.text(page, "severity", check::severity);
    let precedence = rule.text(page, "precedence", check::lane);
    let pattern = rule.text(page, "kind", |text| pattern(policy, text))?;
    Some(Route {
        pattern: pattern.it,
        severity: severity.map(|severity| severity.it),
        handle_at: handle_at.map_or(0, |depth| depth.it),
        notify: notify.unwrap_or_default().into_iter().map(|depth| depth.it).collect(),
        precedence: precedence.map(|lane| lane.it),
    })
}

fn ladder(page: &mut Page, rule: &Section, policy: &Policy) -> Option<Ladder> {
    if rule.value("attempts").is_none() && rule.value("max_age").is_none() {
        let valid = "add attempts = 3 or max_age = \"72h\"";
        rule.fault(page, None, "has neither `attempts` nor `max_age`", valid);
    }
    let attempts = rule.whole(page, "attempts", check::attempts);
    let max_age = rule.text(page, "max_age", check::age);
    let pattern = rule.text(page, "kind", |text| pattern(policy, text))?;
    Some(Ladder {
        kind: pattern.it,
        attempts: attempts.map(|attempts| attempts.it),
        max_age: max_age.map(|age| age.it),
    })
}

fn deadlines(page: &mut Page, rule: &Section, policy: &Policy) -> Option<Deadlines> {
    let mut steps = BTreeMap::new();
    for step in STEPS {
        let within = rule.text(page, step.word(), check::age);
        steps.extend(within.map(|within| (step, within.it)));
    }
    let escalate_after = rule.text(page, "escalate_after", check::age);
    let said = STEPS.map(Step::word).into_iter().chain(["escalate_after"]);
    if said.into_iter().all(|name| rule.value(name).is_none()) {
        let valid = "add at least one, as in accepted = \"2h\"";
        rule.fault(page, None, "has no deadline", valid);
    }
    let severity = rule.text(page, "severity", check::severity);
    let pattern = rule.text(page, "kind", |text| pattern(policy, text))?;
    Some(Deadlines {
        kind: pattern.it,
        severity: severity.map(|severity| severity.it),
        steps,
        escalate_after: escalate_after.map(|after| after.it),
    })
}

/// A pattern of a family that nobody may submit would be a rule that never speaks: a slip of the
/// pen that is better found here.
fn pattern(policy: &Policy, text: &str) -> Result<String, Fault> {
    let pattern = check::pattern(text)?;
    match pattern.split_once('.') {
        Some((family, _)) if !policy.families.contains(family) => {
            let families: Vec<&str> = policy.families.iter().map(String::as_str).collect();
            let what = format!("{} is of a family that is not allowed", shown(text));
            let valid = format!("valid are {}, or add it to `families`", families.join(", "));
            Err(Fault::new(what, valid))
        }
        _ => Ok(pattern),
    }
}

/// The depth of a tier. Where the tiers could not be read, no name can be called wrong.
fn tier(tiers: Option<&[String]>, text: &str) -> Result<usize, Fault> {
    let Some(tiers) = tiers else { return Ok(0) };
    tier_depth(tiers, text).ok_or_else(|| {
        let deepest = tiers.len().saturating_sub(1);
        let valid = format!("valid are {} or a depth from 0 to {deepest}", tiers.join(", "));
        Fault::new(format!("{} is not a tier", shown(text)), valid)
    })
}
