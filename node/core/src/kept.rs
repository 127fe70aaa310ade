//! [`Kept`]: all that a station remembers over a restart: the fold of its records.
//!
//! A running station changes this only by [`Kept::apply`] of a record that it also writes, and
//! recovery is the same fold over the log, so the two cannot drift apart.

mod fold;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yizhan_schemas::codec::{self, CodecError};
use yizhan_schemas::{Epoch, Lane, MessageId, PerLane, Selector, StoreId};
use yizhan_topology::Amendment;
use yizhan_topology::ruling::Ruling;

use crate::awaited::Awaited;
use crate::bridges::Bridges;
use crate::contents::Whose;
use crate::inbound::Inbound;
use crate::inbox::InboxPlace;
use crate::keys::RecentKeys;
use crate::ledger::Ledger;
use crate::link::Link;
use crate::matters::Matters;
use crate::mutant::{self, Mutant};
use crate::outbound::Outbound;
use crate::outcomes::Outcomes;
use crate::owing::Owing;
use crate::passage::Passage;
use crate::peer::Peer;
use crate::record::Record;
use crate::seen::SeenSets;
use crate::tally::Tally;
use crate::time::BootId;

/// Largest snapshot, bytes: seen-sets (`dedup.max_bytes`) and room for the rest.
pub const SNAPSHOT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What a message costs on disk beside its envelope, about, bytes.
pub const PUT_BYTES: u64 = 128;
/// Past epochs remembered of one neighbour.
const PAST_EPOCHS_MAX: usize = 256;

/// The fold of all records so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The data directory, once it was opened.
    pub store: Option<StoreId>,
    /// The epoch of the last opening.
    pub epoch: Option<Epoch>,
    /// Last sequence issued in this epoch, lane by lane.
    pub issued: PerLane<u64>,
    /// The epoch of the last opening's folds.
    #[serde(default)]
    pub notes_epoch: Option<Epoch>,
    /// Last sequence issued in it, lane by lane.
    #[serde(default)]
    pub folds_issued: PerLane<u64>,
    /// Numberings begun in this epoch.
    pub link_epochs: u32,
    /// What is owed.
    pub outbound: BTreeMap<Link, PerLane<Outbound>>,
    /// What has come.
    pub inbound: BTreeMap<Link, PerLane<Inbound>>,
    /// Which of it is durable one hop further.
    #[serde(default)]
    pub passage: BTreeMap<Link, PerLane<Passage>>,
    /// Notes on what became of others' messages, to be told.
    #[serde(default)]
    pub owing: BTreeMap<Link, Owing>,
    /// What became of our own messages.
    #[serde(default)]
    pub outcomes: Outcomes,
    /// Whose answers to them are missing.
    #[serde(default)]
    pub awaited: Awaited,
    /// The last hour that each directive which repeats was issued for, by its name.
    #[serde(default)]
    pub rounds: BTreeMap<String, u64>,
    /// Every leg, by origin.
    #[serde(default)]
    pub ledger: Ledger,
    /// Adapter legs that were begun: true if they have been answered.
    #[serde(default)]
    pub attempts: BTreeMap<(Lane, u64), bool>,
    /// Who the neighbours are.
    pub peers: BTreeMap<Link, Peer>,
    /// Where inbox legs are in the stream.
    pub inbox: InboxPlace,
    /// What has been here.
    pub seen: SeenSets,
    /// Publishers' keys that the index does not have.
    pub keys: RecentKeys,
    /// Open legs with a time to live.
    pub perishable: BTreeMap<(Link, Lane, u64), Perishable>,
    /// What is known of clocks of earlier boots.
    #[serde(default)]
    pub clocks: Bridges,
    /// Keys that the root added and revoked since the topology file was written.
    #[serde(default)]
    pub amendment: Amendment,
    /// Rules that the root sent: the one in force, and those whose time has not come.
    #[serde(default)]
    pub rulings: Vec<Ruling>,
    /// Incidents and cases.
    #[serde(default)]
    pub matters: Matters,
    /// What happened to them, counted.
    #[serde(default)]
    pub tally: Tally,
    /// Messages taken from publishers.
    pub accepted: u64,
    /// Legs of neighbours that did not come and may be missing somewhere.
    pub gaps: u64,
    /// Messages that came behind one that they should have come before.
    #[serde(default)]
    pub late: u64,
    /// Legs put aside as they were no envelopes, or had no business here.
    pub quarantined: u64,
}

/// What decides when an open leg is too old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Perishable {
    /// The message.
    pub id: MessageId,
    /// Whom it is for, `up` resolved.
    pub to: Selector,
    /// Who else gets a copy.
    pub notify: Option<Selector>,
    /// Time to live, milliseconds.
    pub ttl_ms: u64,
    /// Known age when it was taken, milliseconds.
    pub age_ms: u64,
    /// True if that age leaves out a time that nobody knows.
    pub age_unknown: bool,
    /// The boot in which it was taken.
    pub boot: BootId,
    /// Clock since that boot when it was taken, milliseconds.
    pub taken_boot_ms: u64,
}

impl Kept {
    /// Takes one record into account. Never fails for a record that a station wrote.
    ///
    /// # Errors
    /// A snapshot that this version cannot read.
    pub fn apply(&mut self, record: &Record) -> Result<(), CodecError> {
        match record {
            Record::Opened(opened) => {
                self.store = Some(opened.store);
                self.epoch = Some(opened.epoch);
                self.notes_epoch = opened.notes_epoch;
                self.issued = PerLane::default();
                self.folds_issued = PerLane::default();
                self.link_epochs = 0;
            }
            // it is read with the messages that it covers
            Record::Seal(_) => {}
            Record::Put(put) => self.put(put),
            Record::Reappended(put) => {
                if mutant::is(Mutant::ReappendRevives) {
                    for leg in &put.legs {
                        self.outbound_mut(&leg.link, put.envelope.header().lane)
                            .revive(leg.sequence);
                    }
                }
                self.perishables(put);
            }
            Record::Duplicate(again) => {
                self.inbound_mut(&again.link, again.lane).moved(again.sequence, again.chain);
                self.passed(&again.link, again.lane, again.sequence, again.sequence);
            }
            Record::SkipTaken(taken) => {
                let skip = &taken.skip;
                self.inbound_mut(&taken.link, taken.lane).moved(skip.through, skip.chain);
                self.passed(&taken.link, taken.lane, skip.from, skip.through);
                if skip.reason.is_loss() {
                    self.gaps = self.gaps.saturating_add(skip.through - skip.from + 1);
                }
            }
            Record::Quarantined(aside) => {
                self.inbound_mut(&aside.link, aside.lane).moved(aside.sequence, aside.chain);
                self.passed(&aside.link, aside.lane, aside.sequence, aside.sequence);
                self.quarantined = self.quarantined.saturating_add(1);
            }
            Record::HandedOver(at) => self.handed_over(at),
            Record::Rewound(at) => self.rewound(at),
            Record::Ended(ended) => self.ended(ended),
            Record::Renumbered(new) => {
                self.link_epochs = self.link_epochs.max(new.link_epoch.n.saturating_add(1));
                let lane = self.outbound_mut(&new.link, new.lane);
                let reopened = lane.renumbered(new.link_epoch, new.start, new.start_chain);
                self.ledger.reopened(&reopened);
            }
            Record::Adopted(new) => {
                let lane = self.inbound_mut(&new.link, new.lane);
                lane.link_epoch = Some(new.link_epoch);
                lane.expected = new.expected;
                lane.chain = new.chain;
                self.passage_mut(&new.link, new.lane).renumbered(new.expected);
            }
            Record::Session(with) => {
                let peer = self.peers.entry(with.link.clone()).or_default();
                if with.link == Link::Up && peer.store().is_some_and(|store| store != with.store) {
                    self.tally.tell_all_again();
                }
                peer.session(with.store, with.epoch, with.counter, PAST_EPOCHS_MAX);
            }
            Record::InboxBound(piece) => self.bind_inbox(*piece),
            Record::Evicted(at) => {
                self.outbound_mut(&at.link, at.lane).evicted(at.from, at.through, at.chain);
            }
            Record::Indexed(through) => self.keys.indexed(*through),
            Record::Beyond(said) => {
                self.outbound_mut(&said.link, said.lane).passed_on(&said.ranges);
            }
            Record::FoldTaken(taken) => self.fold_taken(taken),
            Record::Noted(routed) => self.noted(routed),
            Record::Attempting(at) => {
                self.attempts.insert((at.lane, at.leg), false);
            }
            Record::Attempted(at) => {
                self.attempts.insert((at.lane, at.leg), true);
            }
            Record::Offered(at) => {
                let lane = self.outbound_mut(&at.link, at.lane);
                lane.offered = lane.offered.max(at.through);
            }
            Record::Exchanged(reading) => self.clocks.exchanged(reading.clone()),
            Record::Bridged(bridge) => self.clocks.bridged(*bridge),
            Record::Amended(amendment) => self.amendment = amendment.clone(),
            Record::Ruled(ruling) => self.ruled(ruling),
            Record::Matter(change) => {
                let counts = self.matters.change(change);
                self.count(counts);
            }
            Record::Resumed(put) => self.resumed(put),
            Record::DigestTaken(taken) => self.digest_taken(taken),
            Record::RoundIssued(issued) => self.round_issued(issued),
            Record::Awaited(change) => self.awaited.change(change),
            Record::Snapshot(bytes) => *self = Self::from_snapshot(bytes)?,
        }
        Ok(())
    }

    /// Encodes the whole for the head of a segment.
    ///
    /// # Errors
    /// Longer than [`SNAPSHOT_BYTES_MAX`].
    pub fn to_snapshot(&self) -> Result<Bytes, CodecError> {
        codec::encode(self, SNAPSHOT_BYTES_MAX)
    }

    /// Reads what [`Kept::to_snapshot`] wrote.
    ///
    /// # Errors
    /// Not a snapshot, or of a later version.
    pub fn from_snapshot(bytes: &Bytes) -> Result<Self, CodecError> {
        codec::decode(bytes, SNAPSHOT_BYTES_MAX)
    }

    /// What is owed to one link in one lane.
    pub fn outbound(&self, link: &Link, lane: Lane) -> Option<&Outbound> {
        self.outbound.get(link).map(|lanes| lanes.get(link.numbered_lane(lane)))
    }

    /// What has come from one neighbour in one lane.
    pub fn inbound(&self, link: &Link, lane: Lane) -> Option<&Inbound> {
        self.inbound.get(link).map(|lanes| lanes.get(lane))
    }

    /// The last leg of a run that has a time to live, while it is open.
    pub fn last_perishable(&self, link: &Link, lane: Lane, from: u64, through: u64) -> Option<u64> {
        if from > through || self.perishable.is_empty() {
            return None;
        }
        let place = |leg| (link.clone(), lane, leg);
        let mut open = self.perishable.range(place(from)..=place(through));
        open.next_back().map(|((_, _, leg), _)| *leg)
    }

    /// Whose legs do not add up: `taken = held + handed over + ended`, by origin and precedence.
    /// Nobody's, or there is a defect.
    pub fn imbalance(&self) -> Option<Whose> {
        let mut held: BTreeMap<Whose, u64> = BTreeMap::new();
        for lane in self.outbound.values().flat_map(|lanes| lanes.0.iter()) {
            for (whose, legs) in lane.open_in(lane.acked.saturating_add(1), lane.next - 1) {
                *held.entry(whose).or_default() += legs;
            }
        }
        self.ledger.imbalance(&held)
    }

    fn outbound_mut(&mut self, link: &Link, lane: Lane) -> &mut Outbound {
        if !self.outbound.contains_key(link) {
            self.outbound.insert(link.clone(), PerLane::from_fn(|_| Outbound::default()));
        }
        let lanes = self.outbound.entry(link.clone());
        lanes
            .or_insert_with(|| PerLane::from_fn(|_| Outbound::default()))
            .get_mut(link.numbered_lane(lane))
    }

    fn inbound_mut(&mut self, link: &Link, lane: Lane) -> &mut Inbound {
        let lanes = self.inbound.entry(link.clone());
        lanes.or_insert_with(|| PerLane::from_fn(|_| Inbound::default())).get_mut(lane)
    }

    fn passage_mut(&mut self, link: &Link, lane: Lane) -> &mut Passage {
        let lanes = self.passage.entry(link.clone());
        lanes.or_insert_with(|| PerLane::from_fn(|_| Passage::default())).get_mut(lane)
    }

    /// Which legs of a lane of a neighbour are durable one hop further.
    pub fn beyond(&self, link: &Link, lane: Lane) -> Vec<(u64, u64)> {
        let passage = self.passage.get(link).map(|lanes| lanes.get(lane));
        passage.map_or_else(Vec::new, |passage| {
            passage.beyond(|link, lane| fold::done_through(&self.outbound, link, lane))
        })
    }
}
