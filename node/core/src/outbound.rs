//! [`Outbound`]: what is owed to one link in one lane, as cursors.
//!
//! Legs are numbered densely and chosen once. `acked` moves forward with the neighbour's durable
//! acks, and back only if the neighbour has lost what it acked. The count is kept: every leg
//! taken is held, handed over or ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::MessageId;
use yizhan_schemas::frame::{Chain, LinkEpoch, Offer, SkipReason};

use crate::effect::EndedRun;

/// Cursors of one lane of one link, all in leg sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outbound {
    /// The numbering in use; absent until the link first needs one.
    pub link_epoch: Option<LinkEpoch>,
    /// First sequence of the numbering.
    pub start: u64,
    /// The chain just before `start`.
    pub start_chain: Chain,
    /// The sequence of the next leg.
    pub next: u64,
    /// The chain through `next - 1`.
    pub chain: Chain,
    /// Every leg up to this one is durable at the neighbour, or ended.
    pub acked: u64,
    /// The first leg that the log can still give back.
    pub held_from: u64,
    /// The chain just before `held_from`.
    pub held_chain: Chain,
    /// Open legs that ended: first leg, last leg, why.
    ended: BTreeMap<u64, (u64, SkipReason)>,
    /// The count.
    pub tally: Tally,
}

/// Legs of one lane of one link since the store was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Opened, or opened again for a neighbour that lost them.
    pub taken: u64,
    /// Durable at the neighbour, or surely synced in the inbox.
    pub handed_over: u64,
    /// Any other outcome.
    pub ended: u64,
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            link_epoch: None,
            start: 1,
            start_chain: Chain::default(),
            next: 1,
            chain: Chain::default(),
            acked: 0,
            held_from: 1,
            held_chain: Chain::default(),
            ended: BTreeMap::new(),
            tally: Tally::default(),
        }
    }
}

impl Outbound {
    /// The sequence and chain that a leg for this message gets.
    pub fn next_leg(&self, id: &MessageId) -> (u64, Chain) {
        (self.next, self.chain.then(self.next, id))
    }

    /// A leg was opened. Sequences missing before it were in a part of the log that is damaged:
    /// they end here and now.
    pub fn opened(&mut self, sequence: u64, chain: Chain) {
        if sequence < self.next {
            return; // a copy made by re-append
        }
        self.tally.taken = self.tally.taken.saturating_add(sequence.saturating_sub(self.next) + 1);
        if sequence > self.next {
            self.mark_ended(self.next, sequence - 1, SkipReason::Damaged);
        }
        self.next = sequence.saturating_add(1);
        self.chain = chain;
    }

    /// Legs through this one are durable at the neighbour.
    pub fn handed_over(&mut self, through: u64) {
        if through <= self.acked || through >= self.next {
            return;
        }
        let ended = self.ended_between(self.acked.saturating_add(1), through);
        let handed = (through - self.acked).saturating_sub(ended);
        self.tally.handed_over = self.tally.handed_over.saturating_add(handed);
        self.acked = through;
        let later = self.ended.split_off(&through.saturating_add(1));
        let spanning = self.ended.last_key_value().filter(|(_, run)| run.0 > through);
        let rest = spanning.map(|(_, run)| *run);
        self.ended = later;
        if let Some(run) = rest {
            self.ended.insert(through.saturating_add(1), run);
        }
    }

    /// Legs behind this one are owed again.
    pub fn rewound(&mut self, through: u64) {
        let back = self.acked.saturating_sub(through);
        self.tally.taken = self.tally.taken.saturating_add(back);
        self.acked = self.acked.min(through);
    }

    /// Open legs ended; `false` if they were no open legs.
    pub fn end(&mut self, from: u64, through: u64, reason: SkipReason) -> bool {
        let open = from > self.acked && through < self.next && from <= through;
        if open && self.ended_between(from, through) == 0 {
            self.mark_ended(from, through, reason);
            return true;
        }
        false
    }

    fn mark_ended(&mut self, from: u64, through: u64, reason: SkipReason) {
        self.tally.ended = self.tally.ended.saturating_add(through - from + 1);
        let before = self.ended.range_mut(..from).next_back();
        if let Some((_, run)) = before
            && run.0.saturating_add(1) == from
            && run.1 == reason
        {
            run.0 = through;
            return;
        }
        self.ended.insert(from, (through, reason));
    }

    /// A new numbering begins at `start`; what was acked behind it is owed again.
    pub fn renumbered(&mut self, link_epoch: LinkEpoch, start: u64, start_chain: Chain) {
        self.link_epoch = Some(link_epoch);
        self.start = start;
        self.start_chain = start_chain;
        self.rewound(start.saturating_sub(1));
    }

    /// The log no longer has legs up to this one.
    pub fn evicted(&mut self, through: u64, chain: Chain) {
        if through >= self.held_from {
            self.held_from = through.saturating_add(1);
            self.held_chain = chain;
        }
    }

    /// What a hello says of this lane.
    pub fn offer(&self) -> Option<Offer> {
        let offer = |link_epoch| Offer {
            link_epoch,
            start: self.start,
            start_chain: self.start_chain,
            next: self.next,
        };
        self.link_epoch.map(offer)
    }

    /// Legs neither handed over nor ended.
    pub fn held(&self) -> u64 {
        let open = self.next.saturating_sub(1).saturating_sub(self.acked);
        open.saturating_sub(self.ended_between(self.acked.saturating_add(1), self.next))
    }

    /// `taken = held + handed over + ended`.
    pub fn balances(&self) -> bool {
        self.tally.taken == self.held() + self.tally.handed_over + self.tally.ended
    }

    /// Runs of ended legs between two legs, both included, cut to them.
    pub fn ended_runs(&self, from: u64, through: u64) -> Vec<EndedRun> {
        self.ended
            .range(..=through)
            .filter(|(_, run)| run.0 >= from)
            .map(|(first, (last, reason))| EndedRun {
                from: (*first).max(from),
                through: (*last).min(through),
                reason: *reason,
                chain: None,
            })
            .collect()
    }

    fn ended_between(&self, from: u64, through: u64) -> u64 {
        if self.ended.is_empty() {
            return 0;
        }
        self.ended_runs(from, through).iter().map(|run| run.through - run.from + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_legs(count: u64) -> Outbound {
        let mut lane = Outbound::default();
        for sequence in 1..=count {
            lane.opened(sequence, Chain([0; 8]));
        }
        lane
    }

    #[test]
    fn every_leg_is_held_handed_over_or_ended_whatever_happens() {
        let mut lane = with_legs(10);
        assert!(lane.end(4, 5, SkipReason::Expired));
        assert!(!lane.end(5, 6, SkipReason::Expired), "five has ended already");
        lane.handed_over(4);
        assert_eq!((lane.held(), lane.tally.handed_over, lane.tally.ended), (5, 3, 2));
        assert!(lane.balances());
        lane.handed_over(8);
        assert!(lane.balances());
        lane.rewound(2);
        assert_eq!(lane.held(), 8);
        assert!(lane.balances());
    }

    #[test]
    fn a_run_cut_by_an_ack_keeps_its_open_part() {
        let mut lane = with_legs(9);
        assert!(lane.end(3, 7, SkipReason::Cancelled));
        lane.handed_over(5);
        let runs = lane.ended_runs(1, 9);
        assert_eq!(runs.len(), 1);
        assert_eq!((runs[0].from, runs[0].through), (6, 7));
        assert!(lane.balances());
    }

    #[test]
    fn legs_lost_to_damage_end_as_damaged_and_stay_in_the_count() {
        let mut lane = with_legs(3);
        lane.opened(6, Chain([1; 8]));
        assert_eq!(lane.next, 7);
        assert_eq!(lane.ended_runs(1, 6)[0].reason, SkipReason::Damaged);
        assert!(lane.balances());
    }

    #[test]
    fn an_ack_beyond_what_was_offered_moves_nothing() {
        let mut lane = with_legs(3);
        lane.handed_over(4);
        assert_eq!(lane.acked, 0);
    }
}
