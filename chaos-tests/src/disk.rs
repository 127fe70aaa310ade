//! [`Disk`]: a custody log in segments that forgets what was not synced.
//!
//! A snapshot begins a segment. A segment goes only when the station has said so, a later snapshot
//! is synced and the index has its keys.

mod segment;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::input::{OldSegment, Span};
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::mutant::{self, Mutant};
use yizhan_core::record::{Put, Record, seal_of};
use yizhan_core::seal::HeldSeal;
use yizhan_core::step::{Spool, Writes};
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Lane, MessageId};

use crate::oracle::matters::Register;
use crate::receipts::Receipts;
use segment::Segment;

/// Syncs that a snapshot takes to be one, in a log that does not wait for it.
const SNAPSHOT_SYNCS: u32 = 40;

/// Where a record is: the number of its segment, and its place in it.
type Place = (u64, usize);

/// Bytes set aside on a full disk for records that take no message.
const SPARE_BYTES: u64 = 200_000;

/// The log of one station.
#[derive(Debug, Clone)]
pub struct Disk {
    segments: VecDeque<Segment>,
    /// Written behind the last segment and not synced.
    unsynced: Vec<Record>,
    legs: BTreeMap<(Link, Lane, u64), Place>,
    /// Messages that were ever durable in this log.
    ever: BTreeSet<MessageId>,
    /// The legs of each message, by link.
    by_id: BTreeMap<(MessageId, Link), (Lane, u64)>,
    /// What the log says became of its own messages.
    pub receipts: Receipts,
    /// What its station must know of incidents and cases.
    pub register: Register,
    /// Segments that may go as soon as they can.
    doomed: Vec<u64>,
    /// The oldest segment, when it was last told of.
    told: Option<u64>,
    /// Publishers' keys in the log since it began.
    keys: u64,
    /// Bytes that fit.
    pub capacity_bytes: u64,
    /// True if what is unsynced will never reach the disk by itself: its sync failed.
    sync_failed: bool,
    /// The first record that only the page cache has, in a log that trusted it.
    phantom: Option<Place>,
    /// Syncs until the latest snapshot is one, in a log that does not wait for it.
    snapshot_in: u32,
}

/// A commit does not fit. The process must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Spool for Disk {
    type Error = Full;

    fn write(&mut self, writes: &Writes) -> Result<(), Full> {
        let bytes: u64 = writes.records().iter().map(segment::bytes).sum();
        // what brings messages to their end has a segment of its own set aside
        let takes = writes.records().iter().any(|record| matches!(record, Record::Put(_)));
        let fits = self.capacity_bytes + if takes { 0 } else { SPARE_BYTES };
        if self.held_bytes() + bytes > fits {
            return Err(Full);
        }
        self.unsynced.extend_from_slice(writes.records());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Full> {
        self.snapshot_in = self.snapshot_in.saturating_sub(1);
        for record in std::mem::take(&mut self.unsynced) {
            self.synced(record);
        }
        Ok(())
    }
}

impl Disk {
    /// An empty one.
    pub fn new(capacity_bytes: u64, whose: Code) -> Self {
        Self {
            segments: VecDeque::from([Segment::default()]),
            unsynced: Vec::new(),
            legs: BTreeMap::new(),
            ever: BTreeSet::new(),
            by_id: BTreeMap::new(),
            receipts: Receipts::default(),
            register: Register::new(whose),
            doomed: Vec::new(),
            told: None,
            keys: 0,
            capacity_bytes,
            sync_failed: false,
            phantom: None,
            snapshot_in: 0,
        }
    }

    /// A sync failed: pages that were written may be gone, though they can still be read.
    pub fn fail_sync(&mut self) {
        self.sync_failed = !self.unsynced.is_empty();
    }

    fn synced(&mut self, record: Record) {
        if matches!(record, Record::Snapshot(_)) {
            let number = self.segments.back().map_or(0, |last| last.number + 1);
            self.segments.push_back(Segment { number, ..Segment::default() });
            if mutant::is(Mutant::UnlinkedBeforeSnapshot) {
                self.snapshot_in = SNAPSHOT_SYNCS;
            }
        }
        self.append(record);
    }

    fn append(&mut self, record: Record) {
        self.receipts.learn(&record);
        self.register.learn(&record);
        if let Record::Evicted(gone) = &record {
            // given up, wherever copies of it may still be
            self.by_id.retain(|(_, link), (lane, leg)| {
                let run = gone.from..=gone.through;
                !(*link == gone.link && *lane == gone.lane && run.contains(leg))
            });
        }
        let Some(last) = self.segments.back_mut() else { return };
        let place = (last.number, last.records.len());
        if let Some(put) = record.put() {
            let header = put.envelope.header();
            for leg in &put.legs {
                let lane = leg.link.numbered_lane(header.lane);
                self.legs.insert((leg.link.clone(), lane, leg.sequence), place);
                self.by_id.insert((header.id(), leg.link.clone()), (lane, leg.sequence));
            }
            self.ever.insert(header.id());
            last.newest_wall_ms = last.newest_wall_ms.max(put.taken_wall_ms);
            if put.key.is_some() && matches!(record, Record::Put(_)) {
                self.keys += 1;
                last.last_key = self.keys;
            }
        }
        last.bytes += segment::bytes(&record);
        last.records.push(record);
    }

    /// Loses what was not synced.
    pub fn cut_power(&mut self) {
        self.unsynced.clear();
        if let Some(last) = self.segments.back_mut().filter(|_| self.snapshot_in > 0) {
            last.torn = true;
        }
        self.snapshot_in = 0;
        if let Some((segment, at)) = self.phantom.take() {
            self.cut_at(segment, at);
        }
    }

    /// The log ends before this record.
    fn cut_at(&mut self, segment: u64, at: usize) {
        let mut rest = Self::new(self.capacity_bytes, self.register.here().clone());
        rest.segments.clear();
        for old in std::mem::take(&mut self.segments) {
            let keep = match old.number.cmp(&segment) {
                std::cmp::Ordering::Less => old.records.len(),
                std::cmp::Ordering::Equal => at,
                std::cmp::Ordering::Greater => break,
            };
            rest.segments.push_back(Segment { number: old.number, ..Segment::default() });
            old.records.into_iter().take(keep).for_each(|record| rest.append(record));
        }
        *self = rest;
    }

    /// What a station remembers that opens this log; also syncs it, as opening does: what is read
    /// may be in the page cache only, and the station will speak on the strength of it.
    ///
    /// # Errors
    /// A snapshot does not say what the records before it say.
    pub fn recover(&mut self) -> Result<Kept, String> {
        if std::mem::take(&mut self.sync_failed) && mutant::is(Mutant::PageCacheTrusted) {
            let end = self.segments.back().map(|last| (last.number, last.records.len()));
            self.phantom = self.phantom.or(end);
        }
        let Ok(()) = self.sync() else { return Err("a sync failed".to_owned()) };
        self.told = None;
        let head = self.segments.iter().rposition(Segment::has_snapshot).unwrap_or(0);
        let kept = fold(self.segments.iter().skip(head))?;
        let whole = self.segments.front().is_some_and(|first| !first.has_snapshot());
        if head > 0 && whole && kept != fold(self.segments.iter())? {
            return Err("the snapshot differs from the records that it stands for".to_owned());
        }
        Ok(kept)
    }

    /// True if a message was ever durable here: this log had custody of it.
    pub fn had(&self, id: &MessageId) -> bool {
        self.ever.contains(id)
    }

    /// True if the leg of a message to a neighbour can still be read here.
    pub fn holds_for(&self, id: &MessageId, link: &Link) -> bool {
        let leg = self.by_id.get(&(id.clone(), link.clone()));
        leg.is_some_and(|(lane, leg)| self.legs.contains_key(&(link.clone(), *lane, *leg)))
    }

    /// Bytes on the disk.
    pub fn held_bytes(&self) -> u64 {
        let unsynced: u64 = self.unsynced.iter().map(segment::bytes).sum();
        self.segments.iter().map(|segment| segment.bytes).sum::<u64>() + unsynced
    }

    /// True if a snapshot is due: so many bytes were written behind the last one, and at least as
    /// many as that one has, so that snapshots never make up most of a log.
    pub fn wants_snapshot(&self, segment_bytes: u64) -> bool {
        let Some(last) = self.segments.back() else { return false };
        let snapshot = match last.records.first() {
            Some(head @ Record::Snapshot(_)) => segment::bytes(head),
            _ => 0,
        };
        last.bytes - snapshot > segment_bytes.max(snapshot)
    }

    /// The oldest closed segment, if it is another one than when this was last asked.
    pub fn news_of_oldest(&mut self) -> Option<OldSegment> {
        let first = self.segments.front().filter(|_| self.segments.len() > 1)?;
        if self.told == Some(first.number) || self.doomed.contains(&first.number) {
            return None;
        }
        self.told = Some(first.number);
        Some(OldSegment {
            number: first.number,
            bytes: first.bytes,
            newest_wall_ms: first.newest_wall_ms,
            spans: first.spans(self.newest_in(first.number), |span| self.only_from(span)),
        })
    }

    /// The station wants nothing more of a segment.
    pub fn discard(&mut self, segment: u64) {
        self.doomed.push(segment);
    }

    /// Unlinks the segments that may go: a later one begins with a snapshot, and the index has
    /// the keys through `indexed`. Gives the legs that are gone with them.
    pub fn unlink(&mut self, indexed: u64) -> Vec<(MessageId, Link)> {
        let mut legs = Vec::new();
        while let Some(first) = self.segments.front() {
            let later = self.segments.iter().skip(1).any(Segment::has_snapshot);
            if !(later && self.doomed.contains(&first.number) && first.last_key <= indexed) {
                break;
            }
            let Some(gone) = self.segments.pop_front() else { break };
            self.doomed.retain(|doomed| *doomed != gone.number);
            self.legs.retain(|_, (segment, _)| *segment != gone.number);
            legs.extend(gone.legs().filter(|(id, link)| !self.holds_for(id, link)));
        }
        legs
    }

    /// The oldest segment is told of again, whatever was told before.
    pub fn tell_again(&mut self) {
        self.told = None;
    }

    /// The messages of a segment that owe one of these legs, in order, and the seals that they name.
    pub fn carry(
        &self,
        segment: u64,
        open: &[(Link, Lane, u64, u64)],
    ) -> (Vec<Put>, Vec<Arc<HeldSeal>>) {
        let old = self.segments.iter().find(|old| old.number == segment);
        old.map(|old| old.owing(open, self.newest_in(segment))).unwrap_or_default()
    }

    /// The first leg behind the one before a span that a newer segment has.
    fn only_from(&self, span: &Span) -> u64 {
        let leg = |leg| (span.link.clone(), span.lane, leg);
        let mut before = self.legs.range(leg(0)..leg(span.from));
        before.next_back().map_or(1, |((_, _, leg), _)| leg + 1)
    }

    /// Whether the newest copy of a leg is this one of a segment.
    fn newest_in(&self, segment: u64) -> impl Fn(&Link, Lane, u64, usize) -> bool {
        move |link, lane, leg, at| self.legs.get(&(link.clone(), lane, leg)) == Some(&(segment, at))
    }

    /// The message of one leg.
    pub fn put(&self, link: &Link, lane: Lane, sequence: u64) -> Option<&Put> {
        let (records, at) = self.place(link, lane, sequence)?;
        put_at(records, at)
    }

    fn place(&self, link: &Link, lane: Lane, sequence: u64) -> Option<(&[Record], usize)> {
        let key = (link.clone(), link.numbered_lane(lane), sequence);
        let (segment, at) = self.legs.get(&key)?;
        let segment = self.segments.iter().find(|known| known.number == *segment)?;
        Some((&segment.records, *at))
    }

    /// One leg, as a reader of the log gets it.
    pub fn leg(&self, link: &Link, lane: Lane, sequence: u64) -> Option<HeldLeg> {
        let (records, at) = self.place(link, lane, sequence)?;
        let put = put_at(records, at)?;
        let leg = put.legs.iter().find(|leg| leg.link == *link)?;
        Some(HeldLeg::of(put, leg, seal_of(records, at)))
    }
}

fn fold<'a>(segments: impl Iterator<Item = &'a Segment>) -> Result<Kept, String> {
    let mut kept = Kept::default();
    for record in segments.flat_map(Segment::readable) {
        kept.apply(record).map_err(|fault| format!("a record does not apply: {fault}"))?;
    }
    Ok(kept)
}

fn put_at(records: &[Record], at: usize) -> Option<&Put> {
    records.get(at)?.put()
}

impl LegSource for Disk {
    fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        for sequence in from..=through {
            let reading = match self.leg(link, lane, sequence) {
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
        self.leg(link, lane, sequence).map(|leg| leg.chain)
    }
}
