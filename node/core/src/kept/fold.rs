//! What each kind of record changes in [`Kept`].

use std::collections::BTreeMap;

use yizhan_schemas::payload::matter::Word;
use yizhan_schemas::payload::receipt::Fold;
use yizhan_schemas::payload::spans;
use yizhan_schemas::payload::stats::{self, Digest};
use yizhan_schemas::{Lane, PerLane};
use yizhan_topology::ruling::{RULINGS_MAX, Ruling};

use super::{Kept, PUT_BYTES, Perishable};
use crate::link::Link;
use crate::matter::Moment;
use crate::matters::Counted;
use crate::outbound::Outbound;
use crate::record::{
    Cursor, DigestTaken, Ended, FoldTaken, InboxBound, Leg, Put, RoundIssued, Routed,
};

/// Names of directives that repeat which are remembered: more than a policy may have.
const ROUNDS_MAX: usize = 2 * yizhan_topology::RULES_MAX;

impl Kept {
    pub(super) fn handed_over(&mut self, at: &Cursor) {
        let legs = self.outbound_mut(&at.link, at.lane).handed_over(at.through);
        self.ledger.handed_over(&legs);
        self.forget_perishables(&at.link, at.lane, 0, at.through);
        match at.link {
            Link::Inbox => self.inbox.released(at.through),
            Link::Adapter => {
                self.attempts.retain(|(lane, leg), _| *lane != at.lane || *leg > at.through);
            }
            Link::Up | Link::Down(_) => {}
        }
    }

    pub(super) fn rewound(&mut self, at: &Cursor) {
        let lane = self.outbound_mut(&at.link, at.lane);
        let acked = lane.acked;
        let reopened = lane.rewound(at.through);
        let ended = lane.ended_runs(at.through.saturating_add(1), acked);
        self.ledger.reopened(&reopened);
        if at.link == Link::Inbox {
            // what the log cannot give goes into no stream
            let legs = ended.iter().flat_map(|run| run.from..=run.through);
            legs.for_each(|leg| self.inbox.skipped(leg));
        }
    }

    pub(super) fn ended(&mut self, ended: &Ended) {
        let lane = self.outbound_mut(&ended.link, ended.lane);
        let legs = lane.end(ended.from, ended.through, ended.reason);
        if !legs.is_empty() && ended.link == Link::Inbox {
            (ended.from..=ended.through).for_each(|leg| self.inbox.skipped(leg));
        }
        self.ledger.ended(&legs);
        self.forget_perishables(&ended.link, ended.lane, ended.from, ended.through);
        if ended.link == Link::Adapter {
            let run = ended.from..=ended.through;
            self.attempts.retain(|(lane, leg), _| *lane != ended.lane || !run.contains(leg));
        }
    }

    pub(super) fn bind_inbox(&mut self, piece: InboxBound) {
        self.inbox.bound(piece);
        let owed = self.outbound_mut(&Link::Inbox, Lane::Routine);
        for run in owed.ended_runs(piece.from_leg, u64::MAX) {
            (run.from..=run.through).for_each(|leg| self.inbox.skipped(leg));
        }
    }

    pub(super) fn put(&mut self, put: &Put) {
        let header = put.envelope.header();
        let id = header.id();
        match &put.via {
            Some(via) => {
                self.inbound_mut(&via.link, id.lane).took(via.sequence, &id);
                let out =
                    |leg: &Leg| (leg.link.clone(), leg.link.numbered_lane(id.lane), leg.sequence);
                let outs = put.legs.iter().map(out);
                self.led_to(&via.link, id.lane, (via.sequence, via.sequence), outs);
            }
            None if header.kind.is_internal() => self.fold_put(put),
            None => {
                *self.issued.get_mut(id.lane) = id.sequence;
                self.accepted = self.accepted.saturating_add(1);
                self.outcomes.took(&id, &put.targets);
            }
        }
        self.late = self.late.saturating_add(u64::from(put.late));
        self.seen.insert(&id);
        if let Some(key) = &put.key {
            self.keys.took(key, &id);
        }
        if put.opens {
            self.opens(put);
        }
        self.open_legs(put);
    }

    fn open_legs(&mut self, put: &Put) {
        let id = put.envelope.header().id();
        // it is stored once, whatever the number of its legs: each owes its part
        let bytes = (put.envelope.bytes().len() as u64 + PUT_BYTES) / put.legs.len().max(1) as u64;
        let whose = (Some(id.origin.clone()), id.lane);
        for leg in &put.legs {
            let lane = self.outbound_mut(&leg.link, id.lane);
            let (lost, fresh) = lane.opened(leg.sequence, leg.chain, whose.clone(), bytes);
            if lost > 0 {
                let nobody = vec![((None, id.lane), lost)];
                self.ledger.taken(&nobody);
                self.ledger.ended(&nobody);
            }
            if fresh {
                self.ledger.taken(&vec![(whose.clone(), 1)]);
            }
        }
        self.perishables(put);
    }

    /// The newest rulings are kept; an older version that counts no more goes.
    pub(super) fn ruled(&mut self, ruling: &Ruling) {
        self.rulings.retain(|known| known.version != ruling.version);
        self.rulings.push(ruling.clone());
        self.rulings.sort_by_key(|ruling| ruling.version);
        let beyond = self.rulings.len().saturating_sub(RULINGS_MAX);
        self.rulings.drain(..beyond);
    }

    /// It opens a matter.
    fn opens(&mut self, put: &Put) {
        let header = put.envelope.header();
        let content_type = header.content_type.as_deref();
        let word = Word::read(&header.kind, content_type, put.envelope.payload());
        let at = Moment { boot: put.boot, boot_ms: put.taken_boot_ms, wall_ms: put.taken_wall_ms };
        if let Some(Ok(word)) = word {
            let counted = self.matters.opened(header.id(), &word, at);
            self.count(counted);
        }
    }

    /// Names that policies do not use any more go, the longest unused first.
    pub(super) fn round_issued(&mut self, issued: &RoundIssued) {
        self.rounds.insert(issued.name.clone(), issued.hour_ms);
        while self.rounds.len() > ROUNDS_MAX {
            let oldest = self.rounds.iter().min_by_key(|(_, hour_ms)| **hour_ms);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            self.rounds.remove(&name);
        }
    }

    /// A message that waited is gone on with.
    pub(super) fn resumed(&mut self, put: &Put) {
        let id = put.envelope.header().id();
        // one that was late when it came has been counted
        let passed = self.matters.waiting(&id).is_some_and(|(before, _)| put.late && !before.late);
        self.late = self.late.saturating_add(u64::from(passed));
        self.matters.resumed(&id);
        if put.opens {
            self.opens(put);
        }
        self.open_legs(put);
    }

    pub(super) fn count(&mut self, counts: impl IntoIterator<Item = Counted>) {
        for one in counts {
            self.tally.count(one.wall_ms, one.family, &one.category, one.measure);
        }
    }

    pub(super) fn digest_taken(&mut self, taken: &DigestTaken) {
        let lane = taken.id.lane;
        self.inbound_mut(&taken.link, lane).took(taken.sequence, &taken.id);
        self.passed(&taken.link, lane, taken.sequence, taken.sequence);
        self.seen.insert(&taken.id);
        if let Link::Down(child) = &taken.link {
            self.tally.took(child, &taken.digest);
        }
    }

    /// A message of ours to a neighbour itself: what it tells is owed no more.
    pub(super) fn fold_put(&mut self, put: &Put) {
        let header = put.envelope.header();
        *self.folds_issued.get_mut(header.lane) = header.sequence;
        if header.kind.as_str() == stats::KIND {
            if let Ok(digest) = Digest::decode(put.envelope.payload()) {
                self.tally.told(&digest);
            }
            return;
        }
        if header.kind.as_str() == spans::KIND {
            return;
        }
        let (Some(leg), Ok(fold)) = (put.legs.first(), Fold::decode(put.envelope.payload())) else {
            return;
        };
        if let Some(owing) = self.owing.get_mut(&leg.link) {
            owing.folded(&fold);
            if owing.is_empty() {
                self.owing.remove(&leg.link);
            }
        }
    }

    pub(super) fn fold_taken(&mut self, taken: &FoldTaken) {
        let lane = taken.id.lane;
        self.inbound_mut(&taken.link, lane).took(taken.sequence, &taken.id);
        self.passed(&taken.link, lane, taken.sequence, taken.sequence);
        self.seen.insert(&taken.id);
        taken.notes.iter().for_each(|routed| self.noted(routed));
    }

    pub(super) fn noted(&mut self, routed: &Routed) {
        match &routed.toward {
            Some(link) => self.owing.entry(link.clone()).or_default().add(&routed.note),
            None => {
                self.outcomes.learnt(&routed.note);
                self.awaited.learnt(&routed.note);
            }
        }
    }

    pub(super) fn passed(&mut self, link: &Link, lane: Lane, from: u64, through: u64) {
        self.led_to(link, lane, (from, through), std::iter::empty());
    }

    fn led_to(
        &mut self,
        link: &Link,
        lane: Lane,
        (from, through): (u64, u64),
        outs: impl Iterator<Item = (Link, Lane, u64)>,
    ) {
        let fresh = self.passage_mut(link, lane).took(from, through, outs);
        if let Some(lanes) = self.passage.get_mut(link).filter(|_| fresh) {
            let owed = &self.outbound;
            lanes.get_mut(lane).settle(|link, lane| done_through(owed, link, lane));
        }
    }

    pub(super) fn perishables(&mut self, put: &Put) {
        let header = put.envelope.header();
        let Some(ttl_ms) = header.ttl_ms else { return };
        for leg in &put.legs {
            let at = (leg.link.clone(), leg.link.numbered_lane(header.lane), leg.sequence);
            let perishable = Perishable {
                id: header.id(),
                to: header.handled_by().clone(),
                notify: header.notify.clone(),
                ttl_ms,
                age_ms: put.age_ms,
                age_unknown: put.age_unknown,
                boot: put.boot,
                taken_boot_ms: put.taken_boot_ms,
            };
            self.perishable.insert(at, perishable);
        }
    }

    pub(super) fn forget_perishables(&mut self, link: &Link, lane: Lane, from: u64, through: u64) {
        if self.perishable.is_empty() {
            return;
        }
        let lane = link.numbered_lane(lane);
        let range = (link.clone(), lane, from)..=(link.clone(), lane, through);
        let gone: Vec<_> = self.perishable.range(range).map(|(at, _)| at.clone()).collect();
        for at in gone {
            self.perishable.remove(&at);
        }
    }
}

/// Every leg up to this one is handed over, or ended.
pub(super) fn done_through(
    owed: &BTreeMap<Link, PerLane<Outbound>>,
    link: &Link,
    lane: Lane,
) -> u64 {
    owed.get(link).map_or(0, |lanes| lanes.get(lane).done_through())
}
