//! [`Topology`]: the checked tree of stations, built once and only read after that.
//!
//! Promise: every station but the root has its parent in the tree, and no question about a single
//! station allocates or takes longer than one search by code and a walk up.

mod grow;
mod select;
mod show;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;
use yizhan_schemas::Code;
use yizhan_schemas::code::TOKENS_MAX;

use crate::application::{Application, Holder, Revoked};
use crate::policy::Policy;

pub use show::{COLUMNS_MAX, Summary, show};

/// One running node, as the file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Station {
    /// Its place.
    pub code: Code,
    /// What people call it.
    pub name: String,
    /// Where its children dial, `nats://host:port` or `tls://host:port`.
    pub bus: Option<String>,
    /// Where its HTTP interface listens, `host:port`.
    pub http: Option<String>,
    /// Its public nkeys; the first is the current one, the others still verify.
    pub keys: Vec<String>,
    /// Words that selectors can ask for.
    pub tags: Vec<String>,
    /// Codes that it had before: receipts for what it sent under those find it.
    pub formerly: Vec<Code>,
}

/// The stations, the names of their tiers, and the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    name: String,
    tiers: Vec<String>,
    root: Code,
    /// By code.
    nodes: Vec<Node>,
    /// By station and name.
    applications: Vec<Application>,
    /// By key.
    revoked: Vec<Revoked>,
    pub(crate) policy: Policy,
}

/// A station with what can be worked out about it beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    station: Station,
    depth: usize,
    parent: Option<usize>,
    children: Vec<Code>,
    /// Where in `nodes` the stations strictly below it stand: they share the prefix `<code>.`, so
    /// in the order of codes nothing else comes between them.
    below: Range<usize>,
    /// Stations in its subtree, itself included, by depth below the root.
    per_depth: [usize; TOKENS_MAX],
    /// Stations in its subtree, itself included, by tag.
    per_tag: BTreeMap<String, usize>,
}

impl Topology {
    /// The name of the county.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The station above all others.
    pub fn root(&self) -> &Code {
        &self.root
    }

    /// The station of a code.
    pub fn station(&self, code: &Code) -> Option<&Station> {
        self.node(code).map(|node| &node.station)
    }

    /// The code that a station goes by now: the same, or that of the station which had this one
    /// before. `None` if there is neither.
    pub fn current<'t>(&'t self, code: &'t Code) -> Option<&'t Code> {
        if self.position(code).is_some() {
            return Some(code);
        }
        let mut stations = self.nodes.iter().map(|node| &node.station);
        stations.find(|station| station.formerly.contains(code)).map(|station| &station.code)
    }

    /// All stations, by code.
    pub fn stations(&self) -> impl Iterator<Item = &Station> {
        self.nodes.iter().map(|node| &node.station)
    }

    /// How many stations there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a tree without a root is refused")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The names of the tiers, the root's first.
    pub fn tiers(&self) -> &[String] {
        &self.tiers
    }

    /// The name of a station's tier.
    pub fn tier_of(&self, code: &Code) -> Option<&str> {
        self.tiers.get(self.depth(code)?).map(String::as_str)
    }

    /// The depth that a tier's name, or a depth written as a number, stands for.
    pub fn tier_depth(&self, word: &str) -> Option<usize> {
        tier_depth(&self.tiers, word)
    }

    /// How far below the root a station stands; the root is 0.
    pub fn depth(&self, code: &Code) -> Option<usize> {
        self.node(code).map(|node| node.depth)
    }

    /// The stations directly below one, by code; none for a leaf or an unknown code.
    pub fn children(&self, code: &Code) -> &[Code] {
        self.node(code).map_or(&[], |node| &node.children)
    }

    /// The station directly above one; `None` for the root and for an unknown code.
    pub fn parent(&self, code: &Code) -> Option<&Code> {
        self.parent_of(self.node(code)?).map(|node| &node.station.code)
    }

    /// A station and those above it, itself first; nothing for an unknown code.
    pub fn upwards(&self, code: &Code) -> impl Iterator<Item = &Code> {
        std::iter::successors(self.node(code), |node| self.parent_of(node))
            .map(|node| &node.station.code)
    }

    /// All applications, by station and name.
    pub fn applications(&self) -> &[Application] {
        &self.applications
    }

    /// The applications of a station, by name; none for an unknown code.
    pub fn applications_of(&self, code: &Code) -> &[Application] {
        let start = self.applications.partition_point(|one| one.station < *code);
        let rest = self.applications.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|one| one.station == *code)).unwrap_or_default()
    }

    /// The keys that are not believed any more, by key. No station or application lists one.
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// Those of these keys that are not revoked. A file that lists a revoked key is refused; this
    /// is for trees made otherwise.
    pub fn believed<'k>(&self, keys: &'k [String]) -> impl Iterator<Item = &'k String> {
        keys.iter().filter(|key| !self.is_revoked(key))
    }

    /// True if a public key is not believed any more.
    pub fn is_revoked(&self, key: &str) -> bool {
        self.revoked.binary_search_by(|one| one.key.as_str().cmp(key)).is_ok()
    }

    pub(crate) fn with_people(
        mut self,
        mut applications: Vec<Application>,
        mut revoked: Vec<Revoked>,
    ) -> Self {
        applications.sort_by(|a, b| (&a.station, &a.name).cmp(&(&b.station, &b.name)));
        revoked.sort_by(|a, b| a.key.cmp(&b.key));
        (self.applications, self.revoked) = (applications, revoked);
        self
    }

    pub(crate) fn keys_of_mut(&mut self, holder: &Holder) -> Option<&mut Vec<String>> {
        match &holder.application {
            None => {
                let at = self.position(&holder.station)?;
                self.nodes.get_mut(at).map(|node| &mut node.station.keys)
            }
            Some(name) => {
                let mut all = self.applications.iter_mut();
                let one = all.find(|one| one.station == holder.station && one.name == *name)?;
                Some(&mut one.keys)
            }
        }
    }

    fn position(&self, code: &Code) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.station.code.cmp(code)).ok()
    }

    fn node(&self, code: &Code) -> Option<&Node> {
        self.nodes.get(self.position(code)?)
    }

    fn parent_of(&self, node: &Node) -> Option<&Node> {
        self.nodes.get(node.parent?)
    }
}

/// The depth that a tier's name, or a depth written as a number, stands for. No tier may be named
/// by a number, so the two never collide.
pub(crate) fn tier_depth(tiers: &[String], word: &str) -> Option<usize> {
    let named = tiers.iter().position(|tier| tier == word);
    named.or_else(|| word.parse().ok().filter(|depth| *depth < tiers.len()))
}
