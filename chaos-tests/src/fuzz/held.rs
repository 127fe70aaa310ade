//! [`Held`]: the log under the station, and what the records in it come to, folded apart.
//!
//! The fold here is made of the records as they are written; if the station's memory ever differs
//! from it, the station has changed its memory without writing that down.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Range;

use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::input::{OldSegment, Span};
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_core::step::{Spool, Writes};
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Lane, MessageId};

/// Messages in one segment of this log.
const SEGMENT_PUTS: usize = 8;

/// What is on disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) fold: Kept,
    puts: Vec<Put>,
    /// Segments that were unlinked.
    unlinked: usize,
    taken: BTreeSet<MessageId>,
    legs: BTreeMap<(Link, Lane, u64), usize>,
    /// What the log is told to have lost: it gives these back as gaps.
    damaged: BTreeSet<(Link, Lane, u64)>,
}

impl Spool for Held {
    type Error = Infallible;

    fn write(&mut self, writes: &Writes) -> Result<(), Infallible> {
        writes.records().iter().for_each(|record| self.take(record));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Held {
    fn take(&mut self, record: &Record) {
        self.fold.apply(record).expect("a record that a station wrote applies");
        let Some(put) = record.put() else { return };
        let header = put.envelope.header();
        if matches!(record, Record::Put(_)) {
            let id = header.id();
            assert!(self.taken.insert(id.clone()), "{id} was taken twice");
        }
        for leg in &put.legs {
            let lane = leg.link.numbered_lane(header.lane);
            self.legs.insert((leg.link.clone(), lane, leg.sequence), self.puts.len());
        }
        self.puts.push(put.clone());
    }

    /// The disk forgets what it had of a leg.
    pub(super) fn damage(&mut self, link: &Link, lane: Lane, sequence: u64) {
        self.damaged.insert((link.clone(), link.numbered_lane(lane), sequence));
    }

    /// The message of one leg.
    pub(super) fn put(&self, link: &Link, lane: Lane, sequence: u64) -> Option<&Put> {
        let key = (link.clone(), link.numbered_lane(lane), sequence);
        let at = self.legs.get(&key).filter(|_| !self.damaged.contains(&key))?;
        self.puts.get(*at)
    }

    /// The oldest closed segment, as the log would tell the station.
    pub(super) fn oldest(&self) -> Option<OldSegment> {
        let puts = self.segment(self.unlinked);
        if puts.end >= self.puts.len() {
            return None;
        }
        let mut spans: BTreeMap<(&Link, Lane), Span> = BTreeMap::new();
        for ((link, lane, sequence), at) in &self.legs {
            if !puts.contains(at) {
                continue;
            }
            let chain = self.chain_at(link, *lane, *sequence).unwrap_or_default();
            let (link_, lane_, from) = (link.clone(), *lane, *sequence);
            let (through, only_from) = (from, from);
            let fresh = Span { link: link_, lane: lane_, from, through, chain, only_from };
            let span = spans.entry((link, *lane)).or_insert(fresh);
            (span.through, span.chain) = (*sequence, chain);
        }
        Some(OldSegment {
            number: self.unlinked as u64,
            bytes: 4096,
            newest_wall_ms: puts
                .filter_map(|at| self.puts.get(at))
                .map(|put| put.taken_wall_ms)
                .max()?,
            spans: spans.into_values().collect(),
        })
    }

    fn segment(&self, number: usize) -> Range<usize> {
        number * SEGMENT_PUTS..(number + 1) * SEGMENT_PUTS
    }

    /// A segment is unlinked, which nobody may ask for while something in it is owed.
    pub(super) fn discard(&mut self, segment: u64) {
        let oldest = self.unlinked as u64 == segment;
        // asked for twice, or under an earlier life
        if !oldest || self.oldest().is_none() {
            return;
        }
        let puts = self.segment(self.unlinked);
        for ((link, lane, sequence), _) in self.legs.iter().filter(|(_, at)| puts.contains(at)) {
            let owed = self.fold.outbound(link, *lane).cloned().unwrap_or_default();
            let open = *sequence > owed.acked && owed.ended_runs(*sequence, *sequence).is_empty();
            assert!(!open, "{link:?} {lane} is owed leg {sequence}, and its segment is unlinked");
        }
        self.legs.retain(|_, at| !puts.contains(at));
        self.unlinked += 1;
    }

    /// The messages of a segment whose legs are among these, with those legs.
    pub(super) fn owing(&self, segment: u64, open: &[(Link, Lane, u64, u64)]) -> Vec<Put> {
        let wanted = |link: &Link, lane: Lane, sequence: u64| {
            let at = (link.clone(), link.numbered_lane(lane));
            open.iter().any(|(l, n, from, through)| {
                (l.clone(), l.numbered_lane(*n)) == at && (*from..=*through).contains(&sequence)
            })
        };
        let cut = |put: &Put| {
            let lane = put.envelope.header().lane;
            let mut put = put.clone();
            put.legs.retain(|leg| wanted(&leg.link, lane, leg.sequence));
            (!put.legs.is_empty()).then_some(put)
        };
        let puts = self.segment(usize::try_from(segment).unwrap_or(usize::MAX / SEGMENT_PUTS - 1));
        puts.filter_map(|at| self.puts.get(at)).filter_map(cut).collect()
    }
}

impl LegSource for Held {
    fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        for sequence in from..=through {
            let reading = match leg(self, link, lane, sequence) {
                Some(leg) => Reading::Leg(leg),
                None => Reading::Gap { from: sequence, through: sequence },
            };
            if !each(reading) {
                break;
            }
        }
        Ok(())
    }

    fn chain_at(&self, link: &Link, lane: Lane, sequence: u64) -> Option<Chain> {
        leg(self, link, lane, sequence).map(|leg| leg.chain)
    }
}

fn leg(held: &Held, link: &Link, lane: Lane, sequence: u64) -> Option<HeldLeg> {
    let put = held.put(link, lane, sequence)?;
    let leg = put.legs.iter().find(|leg| leg.link == *link)?;
    Some(HeldLeg::of(put, leg, None))
}
