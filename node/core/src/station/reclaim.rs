//! Old segments of the log go when nothing in them is owed, and nothing is wanted of them.
//!
//! What a neighbour has acked is kept until the hop beyond has it too, and for a while more: from
//! that a neighbour that lost its disk is refilled. It is a cache, so it gives way: when it takes
//! more than its share, the oldest goes first, before anything is refused. A segment that is kept
//! by a few open legs is emptied by writing those anew.

use std::sync::Arc;

use yizhan_schemas::Lane;

use super::Station;
use crate::effect::{Effect, Notice};
use crate::input::{OldSegment, Span};
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record::{Evicted, Put, Record, Under};
use crate::seal::HeldSeal;
use crate::step::Step;
use crate::time::Now;

/// Percent of `spool.max_bytes` from which on even half-full segments are emptied.
const TIGHT_PERCENT: u64 = 90;

/// Percent from which on a segment is emptied for any gain.
const FULL_PERCENT: u64 = 95;
/// Part of `spool.max_bytes` that must be of no use to anybody before a segment is emptied in
/// which all is owed: at most three bytes are written anew for each that is given back.
const HIDDEN_PART: u64 = 4;
/// Runs of open legs asked for in one carry.
const CARRY_RUNS_MAX: usize = 1024;

/// What is known of the oldest segment, and of what was asked about it.
#[derive(Debug, Default)]
pub(super) struct Reclaim {
    oldest: Option<OldSegment>,
}

/// Legs of a segment by what is still wanted of them.
#[derive(Debug, Default, Clone, Copy)]
struct Wanted {
    legs: u64,
    owed: u64,
    /// Handed over, and not known to be durable one hop further.
    not_beyond: u64,
}

impl Station {
    pub(super) fn on_oldest(&mut self, segment: OldSegment) {
        self.reclaim.oldest = Some(segment);
    }

    /// Decides about the oldest segment, if there is anything to decide.
    pub(super) fn reclaim_space(&mut self, now: Now, step: &mut Step) {
        let Some(segment) = &self.reclaim.oldest else { return };
        let wanted = self.wanted(segment);
        let tight = self.disk.held_bytes >= self.disk.max_bytes / 100 * TIGHT_PERCENT;
        let crowded = tight || self.disk.held_bytes > self.two_hop_bytes_max();
        let old_ms = now.wall_ms.saturating_sub(segment.newest_wall_ms);
        let retained = wanted.not_beyond == 0 && old_ms >= self.settings.retain_ms;
        let free = wanted.owed == 0 || mutant::is(Mutant::DiscardedWhileOwed);
        if free && (crowded || retained) {
            self.discard(wanted.not_beyond, step);
        } else if wanted.owed > 0 && crowded && self.is_worth_carrying(wanted, tight) {
            self.carry(step);
        }
    }

    /// Emptying a segment costs what is open in it and gives back the rest. Where nothing more is
    /// taken for want of room, any gain is worth it: else two full neighbours, each waiting for
    /// the other, would wait for ever over bytes that nobody needs.
    fn is_worth_carrying(&self, wanted: Wanted, tight: bool) -> bool {
        let full = self.disk.held_bytes >= self.disk.max_bytes / 100 * FULL_PERCENT;
        match (full, tight) {
            // one that is full is tight, too
            (_, true) if wanted.owed == wanted.legs => self.hides_room(),
            (true, _) => wanted.owed < wanted.legs,
            (_, true) => wanted.owed.saturating_mul(2) <= wanted.legs,
            _ => wanted.owed.saturating_mul(4) <= wanted.legs,
        }
    }

    /// True if a good part of the log is of no use to anybody and lies behind segments in which
    /// all is owed: only the oldest segment can go, so one message for a neighbour that is away
    /// would else keep what was handed over behind it, and the station refuse what it could take.
    /// The share bounds what is written anew for each byte that this gives back.
    fn hides_room(&self) -> bool {
        let unowed_bytes = self.disk.held_bytes.saturating_sub(self.owed.bytes());
        let mut lanes = self.kept.outbound.values().flat_map(|lanes| lanes.iter());
        unowed_bytes >= self.disk.max_bytes / HIDDEN_PART
            && lanes.any(|(_, owed)| owed.cached() > 0)
    }

    fn two_hop_bytes_max(&self) -> u64 {
        self.disk.max_bytes / 100 * self.settings.two_hop_percent
    }

    fn wanted(&self, segment: &OldSegment) -> Wanted {
        let mut wanted = Wanted::default();
        for span in &segment.spans {
            let Some(owed) = self.kept.outbound(&span.link, span.lane) else { continue };
            wanted.legs += span.through.saturating_add(1).saturating_sub(span.from);
            wanted.owed += owed.open_between(span.from, span.through);
            if span.link.is_neighbour() {
                wanted.not_beyond += owed.not_passed_on(span.from, span.through.min(owed.acked));
            }
        }
        wanted
    }

    fn discard(&mut self, not_beyond: u64, step: &mut Step) {
        let Some(segment) = self.reclaim.oldest.take() else { return };
        for Span { link, lane, from, through, chain, only_from } in segment.spans {
            let owed = self.kept.outbound(&link, lane);
            let idle = |from| owed.is_some_and(|owed| owed.open_between(from, through) == 0);
            // what is owed and nowhere is found missing when it is to be sent
            let from = [only_from, from].into_iter().find(|from| idle(*from));
            if let Some(from) = from {
                self.write(step, Record::Evicted(Evicted { link, lane, from, through, chain }));
            }
        }
        if not_beyond > 0 {
            self.notice(step, Notice::CacheShort { legs: not_beyond });
        }
        step.after(Effect::Discard { segment: segment.number });
    }

    fn carry(&mut self, step: &mut Step) {
        let Some(segment) = self.reclaim.oldest.take() else { return };
        let mut open = Vec::new();
        for span in &segment.spans {
            let Some(owed) = self.kept.outbound(&span.link, span.lane) else { continue };
            for (from, through) in owed.open_runs(span.from, span.through) {
                open.push((span.link.clone(), span.lane, from, through));
            }
        }
        // the rest is asked for when the log tells of the segment again
        open.truncate(CARRY_RUNS_MAX);
        step.after(Effect::Carry { segment: segment.number, open });
    }

    /// Messages of an old segment that still owe something: written anew with their open legs, and
    /// only those, so that no leg that has ended comes back.
    pub(super) fn on_carried(&mut self, puts: Vec<Put>, seals: &[Arc<HeldSeal>], step: &mut Step) {
        for mut put in puts {
            let lane = put.envelope.header().lane;
            let all = mutant::is(Mutant::ReappendRevives);
            put.legs.retain(|leg| all || self.is_open(&leg.link, lane, leg.sequence));
            if !put.legs.is_empty() {
                put.under = put.under.and_then(|under| sealed_anew(under, seals, step));
                self.write(step, Record::Reappended(put));
            }
        }
    }

    fn is_open(&self, link: &Link, lane: Lane, leg: u64) -> bool {
        self.kept.outbound(link, lane).is_some_and(|owed| owed.open_between(leg, leg) == 1)
    }
}

/// The place of a message's seal in the commit that the message goes to now.
fn sealed_anew(under: Under, seals: &[Arc<HeldSeal>], step: &mut Step) -> Option<Under> {
    let seal = seals.get(usize::try_from(under.seal).ok()?)?;
    Some(Under { seal: step.seal(seal), ..under })
}
