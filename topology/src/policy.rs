//! [`Policy`]: which families may be submitted, who handles what, who is told, how urgent it is,
//! when a case may climb, how long the steps of an incident may take, what categories are called,
//! and what is to be done again and again.
//!
//! Promise: a decision depends on the file, the kind, the severity and the origin, and on nothing
//! else; where no rule speaks, the root handles and nobody else is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use yizhan_schemas::kind::KNOWN;
use yizhan_schemas::payload::incident::update::Step;
use yizhan_schemas::{Code, Kind, Lane};

use crate::Topology;
use crate::categories::Categories;
use crate::round::Round;

/// The `[policy]` of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// A ruling of a higher one takes its place.
    pub(crate) version: u64,
    pub(crate) families: BTreeSet<String>,
    /// First match wins.
    pub(crate) routes: Vec<Route>,
    /// First match wins.
    pub(crate) ladders: Vec<Ladder>,
    /// First match wins.
    pub(crate) deadlines: Vec<Deadlines>,
    pub(crate) categories: Option<Categories>,
    pub(crate) rounds: Vec<Round>,
}

impl Policy {
    /// One that allows the families of the known kinds, and says nothing else.
    pub(crate) fn plain() -> Self {
        Self {
            version: 0,
            families: known_families(),
            routes: Vec::new(),
            ladders: Vec::new(),
            deadlines: Vec::new(),
            categories: None,
            rounds: Vec::new(),
        }
    }
}

/// One `[[policy.route]]`, its tiers turned into depths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) pattern: String,
    pub(crate) severity: Option<String>,
    pub(crate) handle_at: usize,
    /// From the root down.
    pub(crate) notify: BTreeSet<usize>,
    pub(crate) precedence: Option<Lane>,
}

/// When a case may go up a tier: 梯度解纷, one `[[policy.ladder]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ladder {
    /// The kinds it speaks for: a kind, `<family>.*` or `*`.
    pub kind: String,
    /// Recorded attempts on a tier after which the case may go up.
    pub attempts: Option<u32>,
    /// Time on a tier after which the case may go up.
    pub max_age: Option<Duration>,
}

/// How long the steps of an incident may take: one `[[policy.deadline]]`. A step counts from the one
/// before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deadlines {
    /// The kinds it speaks for: a kind, `<family>.*` or `*`.
    pub kind: String,
    /// Only for reports of this severity.
    pub severity: Option<String>,
    /// Time to each step, if it has one.
    pub steps: BTreeMap<Step, Duration>,
    /// An incident that is not handled so long after it came goes up a tier.
    pub escalate_after: Option<Duration>,
}

/// What the policy says about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The station that handles it: what `up` means for this message.
    pub handle: Code,
    /// Stations that get a copy, from the root down; never the one that handles it.
    pub notify: Vec<Code>,
    /// The lane that it must take, whatever its publisher asked for.
    pub precedence: Option<Lane>,
}

impl Topology {
    /// The version of the policy; 0 if the file says nothing.
    pub fn policy_version(&self) -> u64 {
        self.policy.version
    }

    /// The same tree under another's policy.
    pub(crate) fn under(&self, other: Self, version: u64) -> Self {
        let mut tree = self.clone();
        tree.policy = Policy { version, ..other.policy };
        tree
    }

    /// True if messages of this kind's family may be submitted in this county.
    pub fn family_allowed(&self, kind: &Kind) -> bool {
        self.policy.families.contains(kind.family())
    }

    /// The families that may be submitted, in alphabetical order.
    pub fn families(&self) -> impl Iterator<Item = &str> {
        self.policy.families.iter().map(String::as_str)
    }

    /// The rule for cases of this kind; `None` if they may not climb.
    pub fn ladder(&self, kind: &Kind) -> Option<&Ladder> {
        self.policy.ladders.iter().find(|ladder| kind.matches(&ladder.kind))
    }

    /// What categories of other systems are called here; `None` if the file says nothing of it.
    pub fn categories(&self) -> Option<&Categories> {
        self.policy.categories.as_ref()
    }

    /// The directives that a station issues again and again.
    pub fn rounds_of<'t>(&'t self, station: &'t Code) -> impl Iterator<Item = &'t Round> {
        self.policy.rounds.iter().filter(move |round| round.station == *station)
    }

    /// How long the steps of an incident may take; `None` if nobody waits for them.
    pub fn deadlines(&self, kind: &Kind, severity: &str) -> Option<&Deadlines> {
        self.policy.deadlines.iter().find(|rule| {
            let severe = rule.severity.as_deref().is_none_or(|asked| asked == severity);
            severe && kind.matches(&rule.kind)
        })
    }

    /// Who handles a message of this kind and severity that starts at `origin`, and how.
    ///
    /// An origin above the handling tier handles it itself. An origin that is no station counts as
    /// the nearest station above it, or as the root.
    pub fn decide(&self, kind: &Kind, severity: Option<&str>, origin: &Code) -> Decision {
        let matches = |route: &&Route| {
            let severe = route.severity.is_none() || route.severity.as_deref() == severity;
            severe && kind.matches(&route.pattern)
        };
        let Some(route) = self.policy.routes.iter().find(matches) else {
            return Decision { handle: self.root().clone(), notify: Vec::new(), precedence: None };
        };
        let origin = self.nearest(origin);
        let depth = self.depth(&origin).unwrap_or(0);
        let above = |tier: usize| self.upwards(&origin).nth(depth.checked_sub(tier)?).cloned();
        let handle = above(route.handle_at).unwrap_or_else(|| origin.clone());
        let told = route.notify.iter().filter_map(|tier| above(*tier));
        let notify = told.filter(|code| *code != handle).collect();
        Decision { handle, notify, precedence: route.precedence }
    }

    fn nearest(&self, origin: &Code) -> Code {
        let mut code = Some(origin.clone());
        while let Some(here) = code {
            if self.station(&here).is_some() {
                return here;
            }
            code = here.parent();
        }
        self.root().clone()
    }
}

/// The families of the kinds that this version knows.
fn known_families() -> BTreeSet<String> {
    KNOWN.iter().filter_map(|kind| kind.split_once('.')).map(|(family, _)| family.into()).collect()
}
