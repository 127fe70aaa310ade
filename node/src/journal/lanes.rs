//! [`Lanes`]: which messages the legs are of that are handed over next.
//!
//! Legs taken lately are remembered; those of before, and of before the last start, are read from
//! the log.

use std::collections::{BTreeMap, VecDeque};

use yizhan_core::fill::{LegSource, Reading};
use yizhan_core::link::Link;
use yizhan_schemas::{Envelope, Lane, MessageId};

use crate::spool::messages::LinkCursor;

/// Legs of one lane that are remembered.
const LEGS_MAX: usize = 20_000;
/// Legs of one lane that are read from the log for one cursor: what is beyond is not said to be
/// handed over one by one.
const READ_MAX: u64 = 20_000;
/// Runs of ended legs of one lane that are remembered.
const RUNS_MAX: usize = 4096;

/// The lanes of all links.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<(Link, Lane), LaneLegs>);

#[derive(Debug, Default)]
struct LaneLegs {
    /// The last leg handed over.
    acked: u64,
    /// Legs behind it, the last ones taken.
    legs: VecDeque<(u64, MessageId)>,
    /// Runs behind it that ended otherwise.
    ended: Vec<(u64, u64)>,
}

impl Lanes {
    /// As they were when an index was written.
    pub(super) fn of(cursors: &[LinkCursor]) -> Self {
        let lane = |at: &LinkCursor| {
            let legs = LaneLegs { acked: at.acked, ended: at.ended.clone(), ..LaneLegs::default() };
            ((at.link.clone(), at.lane), legs)
        };
        Self(cursors.iter().map(lane).collect())
    }

    /// As they are to be written.
    pub(super) fn cursors(&self) -> Vec<LinkCursor> {
        let cursor = |((link, lane), legs): (&(Link, Lane), &LaneLegs)| LinkCursor {
            link: link.clone(),
            lane: *lane,
            acked: legs.acked,
            ended: legs.ended.clone(),
        };
        self.0.iter().map(cursor).collect()
    }

    pub(super) fn taken(&mut self, link: &Link, lane: Lane, leg: u64, id: &MessageId) {
        let legs = &mut self.0.entry((link.clone(), lane)).or_default().legs;
        legs.push_back((leg, id.clone()));
        if legs.len() > LEGS_MAX {
            legs.pop_front();
        }
    }

    pub(super) fn ended(&mut self, link: &Link, lane: Lane, from: u64, through: u64) {
        let ended = &mut self.0.entry((link.clone(), lane)).or_default().ended;
        match ended.last_mut() {
            Some((_, last)) if last.saturating_add(1) == from => *last = through,
            _ => ended.push((from, through)),
        }
        if ended.len() > RUNS_MAX {
            ended.remove(0);
        }
    }

    pub(super) fn rewound(&mut self, link: &Link, lane: Lane, through: u64) {
        let legs = self.0.entry((link.clone(), lane)).or_default();
        legs.acked = legs.acked.min(through);
    }

    /// The messages of the legs that are handed over with this one and were not before.
    pub(super) fn handed_over(
        &mut self,
        link: &Link,
        lane: Lane,
        through: u64,
        log: &dyn LegSource,
    ) -> Vec<MessageId> {
        let legs = self.0.entry((link.clone(), lane)).or_default();
        let from = legs.acked.saturating_add(1);
        if through < from {
            return Vec::new();
        }
        let is_over = |leg: u64| !legs.ended.iter().any(|(a, b)| (*a..=*b).contains(&leg));
        let known_from = legs.legs.front().map_or(u64::MAX, |(leg, _)| *leg);
        let mut ids = Vec::new();
        let last = through.min(known_from.saturating_sub(1));
        if from <= last {
            let first = from.max(last.saturating_sub(READ_MAX));
            let read = log.legs(link, lane, first, last, &mut |reading| {
                if let Reading::Leg(leg) = reading
                    && is_over(leg.sequence)
                    && let Ok(envelope) = Envelope::read(leg.envelope)
                {
                    ids.push(envelope.header().id());
                }
                true
            });
            if let Err(fault) = read {
                tracing::debug!(fault, link = link.word(), "handed over, and not known what");
            }
        }
        let count = legs.legs.partition_point(|(leg, _)| *leg <= through);
        let known = legs.legs.iter().take(count);
        let known = known.filter(|(leg, _)| *leg >= from && is_over(*leg));
        ids.extend(known.map(|(_, id)| id.clone()));
        legs.legs.drain(..count);
        legs.ended.retain(|(_, last)| *last > through);
        legs.acked = through;
        ids
    }
}
