//! [`Tree`]: the stations of a story and who is above whom, by index.
//!
//! Promise: what a selector means is worked out here by walking indices, without asking the
//! product's own topology, so that the oracle does not share its mistakes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use yizhan_schemas::Code;
use yizhan_topology::Topology;

use crate::seal::{Signets, key};

/// Names of the tiers, the root's first.
pub const TIERS: [&str; 5] = ["county", "township", "village", "team", "house"];

/// Whom a message is for, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// `up`: no policy speaks in a story, so the root.
    Up,
    /// `up:<code>`: a station above, or oneself.
    UpTo(usize),
    /// `<code>`
    One(usize),
    /// `<code>.*`
    Children(usize),
    /// `<code>.>`
    Subtree(usize),
    /// `tier:<name>@<code>`, the tier by depth
    Tier(usize, usize),
}

/// Stations by index; 0 is the root, a parent comes before its children.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The same tree as the stations read it.
    pub topology: Arc<Topology>,
    /// The seals of the stations.
    pub signets: Signets,
    codes: Vec<Code>,
    parents: Vec<Option<usize>>,
    by_code: BTreeMap<Code, usize>,
}

impl Tree {
    /// The tree in which station n has the parent `parents[n]`.
    ///
    /// # Errors
    /// A parent that does not come first, or more tiers than there are names: a defect of the plan.
    pub fn of(parents: &[Option<usize>]) -> Result<Self, String> {
        Self::under(parents, "")
    }

    /// The same under a policy, as it stands in a topology file.
    ///
    /// # Errors
    /// Likewise.
    pub fn under(parents: &[Option<usize>], policy: &str) -> Result<Self, String> {
        let mut codes: Vec<Code> = Vec::new();
        let mut siblings: BTreeMap<usize, usize> = BTreeMap::new();
        for parent in parents {
            let text = match parent {
                None => "510722".to_owned(),
                Some(parent) => {
                    let above = codes.get(*parent).ok_or("a parent comes before its children")?;
                    let nth = siblings.entry(*parent).or_insert(0);
                    *nth += 1;
                    format!("{above}.{nth:03}")
                }
            };
            codes.push(Code::parse(&text).map_err(|fault| fault.to_string())?);
        }
        let by_code = codes.iter().cloned().zip(0..).collect();
        let topology = Arc::new(read(&(file(&codes)? + policy))?);
        let signets = Signets::of(&codes);
        Ok(Self { topology, signets, codes, parents: parents.to_vec(), by_code })
    }

    /// How many stations there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Never true: there is a root.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The code of a station.
    pub fn code(&self, at: usize) -> Option<&Code> {
        self.codes.get(at)
    }

    /// The station of a code.
    pub fn station(&self, code: &Code) -> Option<usize> {
        self.by_code.get(code).copied()
    }

    /// The station above.
    pub fn parent(&self, at: usize) -> Option<usize> {
        self.parents.get(at).copied().flatten()
    }

    /// The stations directly below.
    pub fn children(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(move |child| self.parent(*child) == Some(at))
    }

    /// How far below the root.
    pub fn depth(&self, at: usize) -> usize {
        self.upwards(at).count() - 1
    }

    /// A station and those above it, itself first.
    pub fn upwards(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(at), |at| self.parent(*at))
    }

    /// True if `at` is `top` or below it.
    pub fn is_within(&self, at: usize, top: usize) -> bool {
        self.upwards(at).any(|above| above == top)
    }

    /// The stations on the way from one to another, both included.
    pub fn route(&self, from: usize, to: usize) -> Vec<usize> {
        let down: Vec<usize> = self.upwards(to).collect();
        let mut route: Vec<usize> =
            self.upwards(from).take_while(|above| !down.contains(above)).collect();
        let crossing = self.upwards(from).find(|above| down.contains(above));
        let until = down.iter().position(|at| Some(*at) == crossing).unwrap_or(0);
        route.extend(down.iter().take(until + 1).rev());
        route
    }

    /// The stations that `whom` means.
    pub fn resolve(&self, whom: Whom) -> BTreeSet<usize> {
        let all = 0..self.len();
        match whom {
            Whom::Up => BTreeSet::from([0]),
            Whom::UpTo(at) | Whom::One(at) => BTreeSet::from([at]),
            Whom::Children(top) => self.children(top).collect(),
            Whom::Subtree(top) => all.filter(|at| self.is_within(*at, top)).collect(),
            Whom::Tier(depth, top) => {
                all.filter(|at| self.is_within(*at, top) && self.depth(*at) == depth).collect()
            }
        }
    }

    /// The selector's text.
    pub fn text(&self, whom: Whom) -> String {
        let code = |at: usize| self.code(at).map(ToString::to_string).unwrap_or_default();
        match whom {
            Whom::Up => "up".to_owned(),
            Whom::UpTo(at) => format!("up:{}", code(at)),
            Whom::One(at) => code(at),
            Whom::Children(at) => format!("{}.*", code(at)),
            Whom::Subtree(at) => format!("{}.>", code(at)),
            Whom::Tier(depth, at) => {
                format!("tier:{}@{}", TIERS.get(depth).copied().unwrap_or_default(), code(at))
            }
        }
    }
}

/// The topology file of these stations.
fn file(codes: &[Code]) -> Result<String, String> {
    let tiers = codes.iter().map(|code| code.as_str().split('.').count()).max().unwrap_or(0);
    let tiers = TIERS.get(..tiers).ok_or("more tiers than there are names")?;
    let mut text = format!("[county]\nname = \"三台县\"\ntiers = {tiers:?}\n");
    for (at, code) in codes.iter().enumerate() {
        let _ = write!(text, "[[station]]\ncode = \"{code}\"\nname = \"站 {code}\"\n");
        let _ = writeln!(text, "key = [\"{}\"]", key(at));
    }
    Ok(text)
}

fn read(text: &str) -> Result<Topology, String> {
    Topology::read("tree.toml", text).map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_go_up_to_the_crossing_and_down_from_there() {
        let tree = Tree::of(&[None, Some(0), Some(0), Some(1), Some(2)]).unwrap();
        assert_eq!(tree.route(3, 0), [3, 1, 0]);
        assert_eq!(tree.route(0, 4), [0, 2, 4]);
        assert_eq!(tree.route(3, 4), [3, 1, 0, 2, 4]);
        assert_eq!(tree.route(2, 2), [2]);
    }

    #[test]
    fn selectors_mean_the_same_here_as_in_the_topology() {
        let tree = Tree::of(&[None, Some(0), Some(0), Some(1), Some(1), Some(2)]).unwrap();
        for whom in [Whom::One(3), Whom::Children(1), Whom::Subtree(1), Whom::Tier(2, 0)] {
            let selector = yizhan_schemas::Selector::parse(&tree.text(whom)).unwrap();
            let theirs = tree.topology.resolve(&selector);
            let ours = tree.resolve(whom).into_iter().map(|at| tree.code(at).unwrap().clone());
            assert_eq!(theirs, ours.collect());
        }
    }
}
