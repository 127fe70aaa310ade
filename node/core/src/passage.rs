//! [`Passage`]: which of the legs that came by one lane of one link are durable one hop further.
//!
//! That is what the neighbour who sent them waits for before it forgets them (the two-hop cache).
//! Kept in blocks of neighbouring legs: a block is through when every leg that its messages got
//! here is. One village that is away for a month keeps its own blocks waiting and no others, and
//! the blocks of a long wait are merged, so that memory is bounded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::Lane;
use yizhan_schemas::frame::BEYOND_RANGES_MAX;

use crate::link::Link;

/// Legs in a block before any are merged.
const BLOCK_LEGS: u64 = 64;
/// Blocks of one lane of one link; beyond that neighbours are merged.
pub const BLOCKS_MAX: usize = 512;

/// Blocks that are not known to be through, by their first leg.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    blocks: BTreeMap<u64, Block>,
    /// What came under an earlier numbering, up to this leg: nothing is said of it.
    base: u64,
    /// Every leg behind `base` up to this one is through.
    through: u64,
}

/// Neighbouring legs, and the last leg that they led to on each link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    last: u64,
    outs: Vec<(Link, Lane, u64)>,
}

impl Passage {
    /// Legs were taken, and their message got these legs here (none, if it ended here). True if a
    /// block begins with them.
    pub fn took(
        &mut self,
        from: u64,
        through: u64,
        outs: impl Iterator<Item = (Link, Lane, u64)>,
    ) -> bool {
        let newest = self.blocks.last_key_value().map(|(first, _)| *first);
        let first = newest.filter(|first| from.saturating_sub(*first) < BLOCK_LEGS);
        let block = self.blocks.entry(first.unwrap_or(from)).or_default();
        block.last = block.last.max(through);
        outs.for_each(|(link, lane, out)| block.leads_to(link, lane, out));
        self.merge_if_many();
        first.is_none()
    }

    /// The neighbour's numbering begins anew at this leg.
    pub fn renumbered(&mut self, start: u64) {
        self.blocks.clear();
        self.base = start.saturating_sub(1);
        self.through = self.base;
    }

    /// Forgets blocks at the front that are through. `acked` tells up to which leg a lane of a
    /// link is done.
    pub fn settle(&mut self, acked: impl Fn(&Link, Lane) -> u64) {
        while let Some((first, block)) = self.blocks.first_key_value() {
            if !block.is_through(&acked) {
                return;
            }
            let (first, last) = (*first, block.last);
            self.blocks.remove(&first);
            self.through = self.through.max(last);
        }
    }

    /// What to tell the neighbour: runs of legs that are through, the lowest first.
    pub fn beyond(&self, acked: impl Fn(&Link, Lane) -> u64) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        if self.through > self.base {
            runs.push((self.base.saturating_add(1), self.through));
        }
        for (first, block) in self.blocks.iter().filter(|(_, block)| block.is_through(&acked)) {
            let full = runs.len() == BEYOND_RANGES_MAX;
            match runs.last_mut().filter(|run| run.1.saturating_add(1) == *first) {
                Some(run) => run.1 = block.last,
                None if full => break,
                None => runs.push((*first, block.last)),
            }
        }
        runs
    }

    /// How many blocks wait.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn merge_if_many(&mut self) {
        if self.blocks.len() <= BLOCKS_MAX {
            return;
        }
        // the newest stay fine: most of what waits long is old
        let old: Vec<u64> = self.blocks.keys().copied().take(BLOCKS_MAX / 2).collect();
        for two in old.chunks_exact(2) {
            let [left, right] = two else { continue };
            let Some(right) = self.blocks.remove(right) else { continue };
            if let Some(left) = self.blocks.get_mut(left) {
                left.swallow(right);
            }
        }
    }
}

impl Block {
    fn is_through(&self, acked: &impl Fn(&Link, Lane) -> u64) -> bool {
        self.outs.iter().all(|(link, lane, last)| acked(link, *lane) >= *last)
    }

    fn swallow(&mut self, right: Self) {
        self.last = right.last;
        for (link, lane, last) in right.outs {
            self.leads_to(link, lane, last);
        }
    }

    fn leads_to(&mut self, link: Link, lane: Lane, out: u64) {
        match self.outs.iter_mut().find(|known| known.0 == link && known.1 == lane) {
            Some(known) => known.2 = known.2.max(out),
            None => self.outs.push((link, lane, out)),
        }
    }
}

#[cfg(test)]
mod tests {
    use yizhan_schemas::Code;

    use super::*;

    fn village(n: u64) -> Link {
        Link::Down(Code::parse(&format!("510722.101.{n:03}")).unwrap())
    }

    #[test]
    fn a_village_that_is_away_holds_up_its_own_blocks_and_no_others() {
        let mut passage = Passage::default();
        for leg in 1..=64 * 3 {
            let to = if (65..=128).contains(&leg) { village(1) } else { village(2) };
            passage.took(leg, leg, std::iter::once((to, Lane::Routine, leg)));
        }
        let acked = |link: &Link, _| if *link == village(1) { 0 } else { 1000 };
        passage.settle(acked);
        assert_eq!(passage.beyond(acked), [(1, 64), (129, 192)]);
        passage.settle(|_, _| 1000);
        assert_eq!(passage.beyond(|_, _| 1000), [(1, 192)]);
        assert!(passage.is_empty());
    }

    #[test]
    fn a_long_wait_is_kept_in_a_bounded_number_of_blocks() {
        let mut passage = Passage::default();
        for leg in 1..=1_000_000 {
            passage.took(leg, leg, std::iter::once((Link::Up, Lane::Routine, leg)));
        }
        assert!(passage.len() <= BLOCKS_MAX);
        assert_eq!(passage.beyond(|_, _| 999), []);
        passage.settle(|_, _| 1_000_000);
        assert_eq!(passage.beyond(|_, _| 1_000_000), [(1, 1_000_000)]);
    }

    #[test]
    fn what_led_nowhere_is_through_at_once() {
        let mut passage = Passage::default();
        passage.took(1, 500, std::iter::empty());
        assert_eq!(passage.beyond(|_, _| 0), [(1, 500)]);
        passage.renumbered(10);
        assert_eq!(passage.beyond(|_, _| 0), []);
        passage.took(10, 12, std::iter::empty());
        assert_eq!(passage.beyond(|_, _| 0), [(10, 12)]);
    }

    #[test]
    fn a_block_is_through_when_all_that_it_led_to_is_on_every_link_and_lane() {
        let outs = [
            (Link::Up, Lane::Routine, 7),
            (Link::Up, Lane::Flash, 3),
            (village(1), Lane::Routine, 5),
            // a later leg of the same lane, and an earlier one
            (Link::Up, Lane::Routine, 9),
            (Link::Up, Lane::Routine, 8),
        ];
        let mut passage = Passage::default();
        assert!(passage.is_empty());
        assert!(passage.took(1, 2, outs.into_iter()), "a block begins");
        assert!(!passage.took(3, 3, std::iter::empty()), "it goes on");
        assert_eq!((passage.len(), passage.is_empty()), (1, false));
        for (routine, flash, down, through) in [
            (9, 3, 5, true),
            (10, 4, 6, true),
            (8, 3, 5, false),
            (9, 2, 5, false),
            (9, 3, 4, false),
        ] {
            let acked = |link: &Link, lane| match (link, lane) {
                (Link::Up, Lane::Flash) => flash,
                (Link::Up, _) => routine,
                _ => down,
            };
            let expected: &[(u64, u64)] = if through { &[(1, 3)] } else { &[] };
            assert_eq!(passage.beyond(acked), expected, "{routine} {flash} {down}");
            let mut settled = passage.clone();
            settled.settle(acked);
            assert_eq!(settled.is_empty(), through);
            assert_eq!(settled.beyond(acked), expected, "the same when it is forgotten");
        }
    }

    /// So many blocks, each of 64 legs for a village of its own.
    fn blocks(count: u64) -> Passage {
        let mut passage = Passage::default();
        for leg in 1..=64 * count {
            let to = village((leg - 1) / 64);
            passage.took(leg, leg, std::iter::once((to, Lane::Routine, leg)));
        }
        passage
    }

    #[test]
    fn no_more_runs_are_told_than_an_ack_holds_and_the_lowest_first() {
        let mut passage = Passage::default();
        // every other block is for a village that is away
        for leg in 1..=64 * 3 * BEYOND_RANGES_MAX as u64 {
            let to = village(1 + (leg - 1) / 64 % 2);
            passage.took(leg, leg, std::iter::once((to, Lane::Routine, leg)));
        }
        let acked = |link: &Link, _| if *link == village(2) { u64::MAX } else { 0 };
        let runs = passage.beyond(acked);
        assert_eq!((runs.len(), runs[0]), (BEYOND_RANGES_MAX, (65, 128)));
    }

    #[test]
    fn of_too_many_blocks_the_old_ones_are_merged_and_the_new_ones_stay_fine() {
        let full = BLOCKS_MAX as u64;
        assert_eq!(blocks(full).len(), BLOCKS_MAX);
        let passage = blocks(full + 1);
        assert_eq!(passage.len(), BLOCKS_MAX + 1 - BLOCKS_MAX / 4);
        // only one block is through: what is told of it?
        let only =
            |n: u64| passage.beyond(|link, _| if *link == village(n - 1) { u64::MAX } else { 0 });
        assert_eq!(only(2), [], "it waits for its neighbour");
        assert_eq!(only(full), [(64 * (full - 1) + 1, 64 * full)]);
    }
}
