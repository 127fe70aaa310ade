//! Which stations a selector means, and on which side of a link they stand.
//!
//! Promise: [`Topology::selects`], [`Topology::reaches`] and [`Topology::leaves`] agree with
//! [`Topology::resolve`] and never allocate: they are asked for every message at every hop. `up`
//! alone selects nothing here; the origin's policy turns it into a code first.

use std::collections::BTreeSet;

use yizhan_schemas::selector::Target;
use yizhan_schemas::{Code, Selector};

use super::{Node, Topology};

impl Topology {
    /// True if the station is among those selected.
    pub fn selects(&self, selector: &Selector, code: &Code) -> bool {
        let means = |node| selector.targets().iter().any(|target| self.means(target, node));
        self.node(code).is_some_and(means)
    }

    /// True if any selected station is `top` or below it.
    pub fn reaches(&self, selector: &Selector, top: &Code) -> bool {
        selector.targets().iter().any(|target| self.count_within(target, top) > 0)
    }

    /// True if any selected station is neither `top` nor below it.
    pub fn leaves(&self, selector: &Selector, top: &Code) -> bool {
        let leaves =
            |target| self.count_within(target, &self.root) > self.count_within(target, top);
        selector.targets().iter().any(leaves)
    }

    /// The stations selected.
    pub fn resolve(&self, selector: &Selector) -> BTreeSet<Code> {
        let mut codes = BTreeSet::new();
        for target in selector.targets() {
            let named = target.code().and_then(|code| self.node(code));
            for node in named.into_iter().flat_map(|node| self.subtree(node)) {
                if self.means(target, node) {
                    codes.insert(node.station.code.clone());
                }
            }
        }
        codes
    }

    /// The codes that a selector names and that are no stations, in its order.
    pub fn unknown(&self, selector: &Selector) -> Vec<Code> {
        let named = selector.targets().iter().filter_map(Target::code);
        named.filter(|code| self.node(code).is_none()).cloned().collect()
    }

    /// A station and all below it.
    fn subtree<'t>(&'t self, top: &'t Node) -> impl Iterator<Item = &'t Node> {
        let below = self.nodes.get(top.below.clone()).unwrap_or_default();
        std::iter::once(top).chain(below)
    }

    fn means(&self, target: &Target, node: &Node) -> bool {
        let code = &node.station.code;
        // a code above the root is a prefix of every station's, yet no station itself
        let within = |top: &Code| code.is_within(top) && top.is_within(&self.root);
        match target {
            Target::Up => false,
            Target::UpTo(one)
            | Target::One(one)
            | Target::Role(_, one)
            | Target::Worker(_, one) => one == code,
            Target::Children(top) => {
                self.parent_of(node).is_some_and(|parent| parent.station.code == *top)
            }
            Target::Subtree(top) => within(top),
            Target::Tier(tier, top) => within(top) && self.tier_depth(tier) == Some(node.depth),
            Target::Tag(tag, top) => within(top) && node.station.tags.contains(tag),
        }
    }

    /// How many stations of a target are `top` or below it; from the counts made beforehand.
    fn count_within(&self, target: &Target, top: &Code) -> usize {
        let Some(code) = target.code() else { return 0 };
        let Some(named) = self.node(code) else { return 0 };
        match target {
            Target::Up => 0,
            Target::UpTo(_) | Target::One(_) | Target::Role(..) | Target::Worker(..) => {
                usize::from(code.is_within(top))
            }
            Target::Children(_) if code.is_within(top) => named.children.len(),
            // all children of `code` lie outside a `top` further down, but for `top` itself
            Target::Children(_) => usize::from(self.parent(top) == Some(code)),
            Target::Subtree(_) => self.lower(named, top).map_or(0, |node| node.below.len() + 1),
            Target::Tier(tier, _) => {
                let count = |depth| self.lower(named, top)?.per_depth.get::<usize>(depth);
                self.tier_depth(tier).and_then(count).copied().unwrap_or(0)
            }
            Target::Tag(tag, _) => {
                self.lower(named, top).and_then(|node| node.per_tag.get(tag)).copied().unwrap_or(0)
            }
        }
    }

    /// Where the subtrees of a station and of `top` overlap: under the lower of the two, if one of
    /// them is above the other at all.
    fn lower<'t>(&'t self, named: &'t Node, top: &Code) -> Option<&'t Node> {
        if named.station.code.is_within(top) {
            Some(named)
        } else if named.station.code.is_above(top) {
            self.node(top)
        } else {
            None
        }
    }
}
