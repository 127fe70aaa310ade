//! From stations to a tree: parents, children, ranges and counts, worked out once.

use std::collections::BTreeMap;

use yizhan_schemas::Code;
use yizhan_schemas::code::TOKENS_MAX;

use super::{Node, Topology};
use crate::policy::Policy;
use crate::tree::Station;

impl Topology {
    /// Builds the tree. The caller has checked that exactly `root` lacks its parent, that no code
    /// comes twice, and that no station stands deeper than there are tiers.
    pub(crate) fn grow(
        name: String,
        tiers: Vec<String>,
        root: Code,
        stations: BTreeMap<Code, Station>,
        policy: Policy,
    ) -> Self {
        let top_tokens = root.tokens();
        let seed = |station: Station| Node {
            depth: station.code.tokens() - top_tokens,
            parent: None,
            children: Vec::new(),
            below: 0..0,
            per_depth: [0; TOKENS_MAX],
            per_tag: BTreeMap::new(),
            station,
        };
        let nodes = stations.into_values().map(seed).collect();
        let (applications, revoked) = (Vec::new(), Vec::new());
        let mut tree = Self { name, tiers, root, nodes, applications, revoked, policy };
        tree.join();
        tree.count();
        tree
    }

    fn join(&mut self) {
        let codes: Vec<Code> = self.stations().map(|station| station.code.clone()).collect();
        for (at, code) in codes.iter().enumerate() {
            let parent = code.parent().and_then(|parent| codes.binary_search(&parent).ok());
            if let Some(above) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
                above.children.push(code.clone());
            }
            let prefix = format!("{code}.");
            let start = codes.partition_point(|other| other.as_str() < prefix.as_str());
            let below = codes.get(start..).unwrap_or_default();
            let length = below.partition_point(|other| other.as_str().starts_with(&prefix));
            if let Some(node) = self.nodes.get_mut(at) {
                node.parent = parent;
                node.below = start..start + length;
            }
        }
    }

    fn count(&mut self) {
        for at in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(at) else { continue };
            let (depth, tags) = (node.depth, node.station.tags.clone());
            let mut above = Some(at);
            while let Some(node) = above.and_then(|at| self.nodes.get_mut(at)) {
                if let Some(count) = node.per_depth.get_mut(depth) {
                    *count += 1;
                }
                for tag in &tags {
                    *node.per_tag.entry(tag.clone()).or_default() += 1;
                }
                above = node.parent;
            }
        }
    }
}
