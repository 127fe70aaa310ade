//! [`Segment`]: a part of the log that comes and goes as a whole.

use std::sync::Arc;

use yizhan_core::input::Span;
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record, Under, seal_of};
use yizhan_core::seal::HeldSeal;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Lane, MessageId};

/// Bytes of a record beside its envelope, about.
const RECORD_BYTES: u64 = 100;

/// Records between two snapshots.
#[derive(Debug, Clone, Default)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) records: Vec<Record>,
    pub(super) bytes: u64,
    pub(super) newest_wall_ms: u64,
    /// The how-manieth of the log's keys is the last one in here.
    pub(super) last_key: u64,
    /// True if its snapshot was not on the disk when the power went.
    pub(super) torn: bool,
}

/// Bytes of a record on the disk.
pub(super) fn bytes(record: &Record) -> u64 {
    RECORD_BYTES
        + match record {
            Record::Snapshot(bytes) => bytes.len() as u64,
            Record::Quarantined(aside) => aside.bytes.len() as u64,
            other => other.put().map_or(0, |put| put.envelope.bytes().len() as u64),
        }
}

impl Segment {
    pub(super) fn has_snapshot(&self) -> bool {
        !self.torn && matches!(self.records.first(), Some(Record::Snapshot(_)))
    }

    /// The records, as opening reads them.
    pub(super) fn readable(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().skip(usize::from(self.torn))
    }

    /// The messages, each with its place.
    fn puts(&self) -> impl Iterator<Item = (usize, &Put)> {
        self.records.iter().enumerate().filter_map(|(at, record)| Some((at, record.put()?)))
    }

    pub(super) fn legs(&self) -> impl Iterator<Item = (MessageId, Link)> + '_ {
        self.puts().flat_map(|(_, put)| {
            let id = put.envelope.header().id();
            put.legs.iter().map(move |leg| (id.clone(), leg.link.clone()))
        })
    }

    /// Runs of the legs that `here` says are read from a place of this segment.
    pub(super) fn spans(
        &self,
        here: impl Fn(&Link, Lane, u64, usize) -> bool,
        only_from: impl Fn(&Span) -> u64,
    ) -> Vec<Span> {
        let mut legs: Vec<(Link, Lane, u64, Chain)> = Vec::new();
        for (at, put) in self.puts() {
            for leg in &put.legs {
                let lane = leg.link.numbered_lane(put.envelope.header().lane);
                if here(&leg.link, lane, leg.sequence, at) {
                    legs.push((leg.link.clone(), lane, leg.sequence, leg.chain));
                }
            }
        }
        legs.sort_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
        let mut spans: Vec<Span> = Vec::new();
        for (link, lane, leg, chain) in legs {
            match spans
                .last_mut()
                .filter(|last| (&last.link, last.lane, last.through + 1) == (&link, lane, leg))
            {
                Some(last) => (last.through, last.chain) = (leg, chain),
                None => {
                    let (from, through) = (leg, leg);
                    spans.push(Span { link, lane, from, through, chain, only_from: from });
                }
            }
        }
        spans.iter_mut().for_each(|span| span.only_from = only_from(span));
        spans
    }

    /// The messages that owe one of these legs, in order, each with those that `here` says are read
    /// from its place; and the seals that they name.
    pub(super) fn owing(
        &self,
        open: &[(Link, Lane, u64, u64)],
        here: impl Fn(&Link, Lane, u64, usize) -> bool,
    ) -> (Vec<Put>, Vec<Arc<HeldSeal>>) {
        let mut owing: Vec<Put> = Vec::new();
        let mut seals: Vec<Arc<HeldSeal>> = Vec::new();
        for (at, put) in self.puts() {
            let mut put = put.clone();
            let header_lane = put.envelope.header().lane;
            put.legs.retain(|leg| {
                let lane = leg.link.numbered_lane(header_lane);
                let asked = open.iter().any(|(link, of, from, through)| {
                    (link, *of) == (&leg.link, lane) && (*from..=*through).contains(&leg.sequence)
                });
                asked && here(&leg.link, lane, leg.sequence, at)
            });
            if !put.legs.is_empty() {
                put.under = seal_of(&self.records, at).zip(put.under).map(|(seal, under)| {
                    let last = seals.last().filter(|last| Arc::ptr_eq(last, &seal));
                    if last.is_none() {
                        seals.push(seal);
                    }
                    Under { seal: u32::try_from(seals.len() - 1).unwrap_or(u32::MAX), ..under }
                });
                owing.push(put);
            }
        }
        (owing, seals)
    }
}
