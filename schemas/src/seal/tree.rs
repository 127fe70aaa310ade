//! [`Tree`]: what is known of a Merkle tree over digests: some leaves, and what stands for the rest.
//!
//! The shape follows from the number of leaves alone: a tree of n > 1 leaves has the largest power
//! of two below n in its left subtree. An inner node is the first 16 bytes of SHA-256 over a zero
//! byte, its left and its right child; an envelope begins with its version, which is never zero.
//!
//! Promise: whatever part of a tree is kept, of whatever part before, its root is the same.

use std::iter::{Copied, Peekable};
use std::slice::Iter;

use serde::{Deserialize, Serialize};

use super::LEAVES_MAX;
use crate::envelope::Digest;

/// Some leaves of a tree, and the roots of the largest subtrees without any of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::wire::WireTree", into = "super::wire::WireTree")]
pub struct Tree {
    leaves: u32,
    /// In order, at least one.
    known: Vec<(u32, Digest)>,
    /// Left to right.
    siblings: Vec<Digest>,
    /// Follows from these.
    root: Digest,
}

/// Why leaves and siblings make no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("leaves and siblings that make no tree")]
pub struct TreeFault;

impl Tree {
    /// A tree all of whose leaves are known.
    ///
    /// # Errors
    /// None, or more than [`LEAVES_MAX`].
    pub fn whole(digests: Vec<Digest>) -> Result<Self, TreeFault> {
        let leaves = u32::try_from(digests.len()).map_err(|_| TreeFault)?;
        Self::of(leaves, (0..).zip(digests).collect(), Vec::new())
    }

    /// A tree of so many leaves, some of which are known.
    ///
    /// # Errors
    /// They are not in order, or not exactly what such a tree takes.
    pub fn of(
        leaves: u32,
        known: Vec<(u32, Digest)>,
        siblings: Vec<Digest>,
    ) -> Result<Self, TreeFault> {
        let ordered = known.is_sorted_by(|(a, _), (b, _)| a < b);
        let within = known.last().is_some_and(|(last, _)| *last < leaves) && leaves <= LEAVES_MAX;
        if !(ordered && within) {
            return Err(TreeFault);
        }
        let mut walk = Walk::of(&known, &siblings);
        let root = walk.root(0, leaves).filter(|_| walk.is_over()).ok_or(TreeFault)?;
        Ok(Self { leaves, known, siblings, root })
    }

    /// How many leaves it has, known or not.
    pub fn leaves(&self) -> u32 {
        self.leaves
    }

    /// The leaves that are known, in order.
    pub fn known(&self) -> &[(u32, Digest)] {
        &self.known
    }

    /// What stands for the others, left to right.
    pub fn siblings(&self) -> &[Digest] {
        &self.siblings
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The same tree with fewer leaves known: these, in order.
    ///
    /// # Errors
    /// One of them is not known.
    pub fn only(&self, leaves: &[u32]) -> Result<Self, TreeFault> {
        let known: Option<Vec<_>> = leaves.iter().map(|leaf| self.leaf(*leaf)).collect();
        let known = known.ok_or(TreeFault)?;
        let mut siblings = Vec::new();
        let mut walk = self.begin();
        walk.prune(0, self.leaves, leaves, &mut siblings).ok_or(TreeFault)?;
        Self::of(self.leaves, known, siblings)
    }

    /// The same tree with the leaves that either of the two knows.
    ///
    /// # Errors
    /// They have not the same number of leaves.
    pub fn joined(&self, other: &Self) -> Result<Self, TreeFault> {
        if self.leaves != other.leaves {
            return Err(TreeFault);
        }
        let (mut known, mut siblings) = (Vec::new(), Vec::new());
        let (mut ours, mut theirs) = (self.begin(), other.begin());
        let both = [Some(&mut ours), Some(&mut theirs)];
        join(0, self.leaves, both, &mut known, &mut siblings).ok_or(TreeFault)?;
        Self::of(self.leaves, known, siblings)
    }

    fn leaf(&self, leaf: u32) -> Option<(u32, Digest)> {
        let at = self.known.binary_search_by_key(&leaf, |(leaf, _)| *leaf).ok()?;
        self.known.get(at).copied()
    }

    fn begin(&self) -> Walk<'_> {
        Walk::of(&self.known, &self.siblings)
    }
}

/// Goes once through a tree, left to right.
struct Walk<'a> {
    known: Peekable<Copied<Iter<'a, (u32, Digest)>>>,
    siblings: Iter<'a, Digest>,
}

impl<'a> Walk<'a> {
    fn of(known: &'a [(u32, Digest)], siblings: &'a [Digest]) -> Self {
        Self { known: known.iter().copied().peekable(), siblings: siblings.iter() }
    }

    fn is_over(&mut self) -> bool {
        self.known.next().is_none() && self.siblings.next().is_none()
    }

    fn knows_before(&mut self, end: u32) -> bool {
        self.known.peek().is_some_and(|(leaf, _)| *leaf < end)
    }

    /// The root of the leaves `from..end`.
    fn root(&mut self, from: u32, end: u32) -> Option<Digest> {
        if !self.knows_before(end) {
            return self.siblings.next().copied();
        }
        if end - from == 1 {
            return self.known.next().map(|(_, digest)| digest);
        }
        let middle = middle(from, end);
        let left = self.root(from, middle)?;
        Some(node(left, self.root(middle, end)?))
    }

    /// What stands for leaves of `from..end` that are not kept.
    fn prune(&mut self, from: u32, end: u32, keep: &[u32], out: &mut Vec<Digest>) -> Option<()> {
        if keep.is_empty() {
            out.push(self.root(from, end)?);
            return Some(());
        }
        if end - from == 1 {
            return self.known.next().map(drop);
        }
        if !self.knows_before(end) {
            return None;
        }
        let middle = middle(from, end);
        let (left, right) = keep.split_at(keep.partition_point(|leaf| *leaf < middle));
        self.prune(from, middle, left, out)?;
        self.prune(middle, end, right, out)
    }
}

fn join(
    from: u32,
    end: u32,
    walks: [Option<&mut Walk<'_>>; 2],
    known: &mut Vec<(u32, Digest)>,
    siblings: &mut Vec<Digest>,
) -> Option<()> {
    let mut sibling = None;
    let [mut ours, mut theirs] = walks.map(|walk| {
        let walk = walk?;
        if walk.knows_before(end) {
            return Some(walk);
        }
        sibling = sibling.or(walk.siblings.next().copied());
        None
    });
    if ours.is_none() && theirs.is_none() {
        siblings.push(sibling?);
        return Some(());
    }
    if end - from == 1 {
        let leaves = [ours, theirs].map(|walk| walk.and_then(|walk| walk.known.next()));
        known.extend(leaves.into_iter().flatten().next());
        return Some(());
    }
    let middle = middle(from, end);
    join(from, middle, [ours.as_deref_mut(), theirs.as_deref_mut()], known, siblings)?;
    join(middle, end, [ours, theirs], known, siblings)
}

/// Where the right subtree of `from..end` begins.
fn middle(from: u32, end: u32) -> u32 {
    from + (end - from).next_power_of_two() / 2
}

fn node(Digest(left): Digest, Digest(right): Digest) -> Digest {
    let mut bytes = [0; 33];
    let (_, children) = bytes.split_at_mut(1);
    let (first, second) = children.split_at_mut(16);
    first.copy_from_slice(&left);
    second.copy_from_slice(&right);
    Digest::of(&bytes)
}
