//! [`Outbound`]: what is owed to one link in one lane, as cursors.
//!
//! Legs are numbered densely and chosen once. `acked` moves forward with the neighbour's durable
//! acks, and back only if the neighbour has lost what it acked. The count is kept: every leg
//! taken is held, handed over or ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::MessageId;
use yizhan_schemas::frame::{Chain, LinkEpoch, Offer, SkipReason};

use crate::contents::{Contents, Counted, Whose};
use crate::effect::EndedRun;
use crate::gone::Gone;
use crate::ranges::Ranges;

/// Runs remembered of what is durable one hop further; of more, the newest are forgotten.
const BEYOND_RUNS_MAX: usize = 256;

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
    /// Legs that the log can no longer give back.
    pub gone: Gone,
    /// Every leg up to this one was handed over, or ended, at some time.
    #[serde(default)]
    pub acked_once: u64,
    /// The last leg with a time to live that may have left: those behind it surely have not.
    #[serde(default)]
    pub offered: u64,
    /// Legs that are durable one hop further.
    #[serde(default)]
    beyond: Ranges,
    /// Whose legs they are.
    #[serde(default)]
    pub contents: Contents,
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
            gone: Gone::default(),
            acked_once: 0,
            offered: 0,
            beyond: Ranges::default(),
            contents: Contents::default(),
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

    /// A leg was opened, of a message of so many bytes. Sequences missing before it were in a part
    /// of the log that is damaged: they end here and now. Gives the legs lost so, and true if the
    /// leg is a new one.
    pub fn opened(&mut self, sequence: u64, chain: Chain, whose: Whose, bytes: u64) -> (u64, bool) {
        if sequence < self.next {
            return (0, false); // a copy made by re-append
        }
        let lost = sequence - self.next;
        self.tally.taken = self.tally.taken.saturating_add(lost + 1);
        if lost > 0 {
            self.contents.push(self.next, (None, whose.1), 0);
            self.mark_ended(self.next, sequence - 1, SkipReason::Damaged);
        }
        self.contents.push(sequence, whose, bytes);
        self.next = sequence.saturating_add(1);
        self.chain = chain;
        (lost, true)
    }

    /// Legs through this one are durable at the neighbour. Gives those that were open, by whose.
    pub fn handed_over(&mut self, through: u64) -> Counted {
        if through <= self.acked || through >= self.next {
            return Counted::new();
        }
        let handed = self.open_in(self.acked.saturating_add(1), through);
        let legs: u64 = handed.iter().map(|(_, legs)| legs).sum();
        self.tally.handed_over = self.tally.handed_over.saturating_add(legs);
        self.acked = through;
        self.acked_once = self.acked_once.max(through);
        let later = self.ended.split_off(&through.saturating_add(1));
        let spanning = self.ended.last_key_value().filter(|(_, run)| run.0 > through);
        let rest = spanning.map(|(_, run)| *run);
        self.ended = later;
        if let Some(run) = rest {
            self.ended.insert(through.saturating_add(1), run);
        }
        handed
    }

    /// Legs behind this one are owed again, as far as the log can give them. Gives all of them,
    /// and those of them that it cannot.
    pub fn rewound(&mut self, through: u64) -> (Counted, Counted) {
        if through >= self.acked {
            return (Counted::new(), Counted::new());
        }
        let (from, last) = (through.saturating_add(1), self.acked);
        let again = self.count_in(from, last);
        self.tally.taken = self.tally.taken.saturating_add(last - through);
        self.acked = through;
        let mut gone = Counted::new();
        for (from, through) in self.gone.runs_in(from, last).collect::<Vec<_>>() {
            // contents of what is gone may be forgotten too: nobody's legs any more
            gone.extend(self.count_in(from, through));
            for (from, through, reason) in self.fate_of(from, through) {
                self.mark_ended(from, through, reason);
            }
        }
        (again, gone)
    }

    /// Why legs that the log no longer has are missing at whoever asks for them, run by run.
    pub fn fate_of(&self, from: u64, through: u64) -> Vec<(u64, u64, SkipReason)> {
        let mut fates = Vec::new();
        let mut next = from;
        for (first, last) in self.beyond.runs_in(from, through) {
            if first > next {
                fates.push((next, first - 1, SkipReason::Evicted));
            }
            fates.push((first, last, SkipReason::Passed));
            next = last.saturating_add(1);
        }
        if next <= through {
            fates.push((next, through, SkipReason::Evicted));
        }
        fates
    }

    /// A leg that has ended owes again: a deliberate fault, see [`crate::mutant`].
    pub(crate) fn revive(&mut self, leg: u64) {
        self.ended.retain(|first, (last, _)| !(*first..=*last).contains(&leg));
        self.acked = self.acked.min(leg.saturating_sub(1));
    }

    /// Open legs ended. Gives them by whose; none if they were no open legs.
    pub fn end(&mut self, from: u64, through: u64, reason: SkipReason) -> Counted {
        let open = from > self.acked && through < self.next && from <= through;
        if !open || self.ended_between(from, through) > 0 {
            return Counted::new();
        }
        self.mark_ended(from, through, reason);
        self.count_in(from, through)
    }

    fn mark_ended(&mut self, from: u64, through: u64, reason: SkipReason) {
        if from > through {
            return;
        }
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

    /// A new numbering begins at `start`; what was acked behind it is owed again. Gives what
    /// [`Outbound::rewound`] gives.
    pub fn renumbered(
        &mut self,
        link_epoch: LinkEpoch,
        start: u64,
        start_chain: Chain,
    ) -> (Counted, Counted) {
        self.link_epoch = Some(link_epoch);
        self.start = start;
        self.start_chain = start_chain;
        self.rewound(start.saturating_sub(1))
    }

    /// The log no longer has these legs; `chain` is the one through the last of them.
    pub fn evicted(&mut self, from: u64, through: u64, chain: Chain) {
        if from <= through && through < self.next {
            self.gone.insert(from, through, chain, self.acked);
            let kept_from = self.gone.held_from().min(self.acked.saturating_add(1));
            self.contents.forget_before(kept_from);
        }
    }

    /// These legs are durable one hop further.
    pub fn passed_on(&mut self, runs: &[(u64, u64)]) {
        for (from, through) in runs {
            let through = (*through).min(self.acked_once);
            if *from <= through && self.beyond.count_in(*from, through) < through - from + 1 {
                self.beyond.insert(*from, through);
            }
        }
        self.beyond.keep_lowest(BEYOND_RUNS_MAX);
    }

    /// Legs handed over that are kept for a neighbour that may lose its disk.
    pub fn cached(&self) -> u64 {
        self.acked - self.gone.count_in(1, self.acked)
    }

    /// How many legs of a run are not known to be durable one hop further.
    pub fn not_passed_on(&self, from: u64, through: u64) -> u64 {
        let all = through.saturating_add(1).saturating_sub(from);
        all.saturating_sub(self.beyond.count_in(from, through))
    }

    /// Where a refill begins: with the first leg that may be missing at a receiver that lost all,
    /// whether the log can still give it or can only say that it is gone.
    pub fn refill_from(&self) -> u64 {
        let held_from = self.gone.held_from();
        let passed = self.beyond.runs_in(1, held_from.saturating_sub(1)).next();
        match passed {
            Some((1, through)) => held_from.min(through.saturating_add(1)),
            _ => 1,
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
        self.open_between(self.acked.saturating_add(1), self.next.saturating_sub(1))
    }

    /// Bytes of messages that are not handed over; about.
    pub fn owed_bytes(&self) -> u64 {
        self.contents.bytes_from(self.acked.saturating_add(1), self.next)
    }

    /// Every leg up to this one is handed over, or ended.
    pub fn done_through(&self) -> u64 {
        let behind = self.acked.saturating_add(1);
        self.ended.get(&behind).map_or(self.acked, |run| run.0)
    }

    /// How many legs of a run are neither handed over nor ended.
    pub fn open_between(&self, from: u64, through: u64) -> u64 {
        let from = from.max(self.acked.saturating_add(1));
        let all = through.saturating_add(1).saturating_sub(from);
        if all == 0 { 0 } else { all.saturating_sub(self.ended_between(from, through)) }
    }

    /// The runs of legs in a run that are neither handed over nor ended.
    pub fn open_runs(&self, from: u64, through: u64) -> Vec<(u64, u64)> {
        let mut open = Vec::new();
        let mut next = from.max(self.acked.saturating_add(1));
        for run in self.ended_runs(next, through) {
            if run.from > next {
                open.push((next, run.from - 1));
            }
            next = run.through.saturating_add(1);
        }
        if next <= through {
            open.push((next, through));
        }
        open
    }

    /// Open legs by whose they are, of a run.
    pub fn open_in(&self, from: u64, through: u64) -> Counted {
        let open = |(whose, from, through): (&Whose, u64, u64)| {
            (whose.clone(), self.open_between(from, through))
        };
        self.contents.runs_in(from, through).map(open).filter(|(_, legs)| *legs > 0).collect()
    }

    fn count_in(&self, from: u64, through: u64) -> Counted {
        let all = |(whose, from, through): (&Whose, u64, u64)| (whose.clone(), through - from + 1);
        self.contents.runs_in(from, through).map(all).collect()
    }

    /// `taken = held + handed over + ended`.
    pub fn balances(&self) -> bool {
        self.tally.taken == self.held() + self.tally.handed_over + self.tally.ended
    }

    /// Runs of ended legs between two legs, both included, cut to them.
    pub fn ended_runs(&self, from: u64, through: u64) -> Vec<EndedRun> {
        if self.ended.is_empty() || from > through {
            return Vec::new();
        }
        let before = self.ended.range(..from).next_back().filter(|(_, run)| run.0 >= from);
        let runs = before.into_iter().chain(self.ended.range(from..=through));
        runs.map(|(first, (last, reason))| EndedRun {
            from: (*first).max(from),
            through: (*last).min(through),
            reason: *reason,
            chain: self.gone.chain_before(last.saturating_add(1)),
        })
        .collect()
    }

    fn ended_between(&self, from: u64, through: u64) -> u64 {
        self.ended_runs(from, through).iter().map(|run| run.through - run.from + 1).sum()
    }
}

#[cfg(test)]
mod tests;
