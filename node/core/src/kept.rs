//! [`Kept`]: all that a station remembers over a restart: the fold of its records.
//!
//! A running station changes this only by [`Kept::apply`] of a record that it also writes, and
//! recovery is the same fold over the log, so the two cannot drift apart.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yizhan_schemas::codec::{self, CodecError};
use yizhan_schemas::{Epoch, Lane, PerLane, StoreId};

use crate::inbound::Inbound;
use crate::inbox::InboxPlace;
use crate::keys::RecentKeys;
use crate::link::Link;
use crate::outbound::Outbound;
use crate::peer::Peer;
use crate::record::{InboxBound, Put, Record};
use crate::seen::SeenSets;
use crate::time::BootId;

/// Largest snapshot, bytes: seen-sets (`dedup.max_bytes`) and room for the rest.
pub const SNAPSHOT_BYTES_MAX: usize = 256 * 1024 * 1024;
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
    /// Counts hellos that we sent in this epoch.
    pub link_epochs: u32,
    /// What is owed.
    pub outbound: BTreeMap<Link, PerLane<Outbound>>,
    /// What has come.
    pub inbound: BTreeMap<Link, PerLane<Inbound>>,
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
    /// Messages taken from publishers.
    pub accepted: u64,
    /// Legs of neighbours that did not come and may be missing somewhere.
    pub gaps: u64,
    /// Legs put aside as they were no envelopes, or had no business here.
    pub quarantined: u64,
}

/// What decides when an open leg is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Perishable {
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
                self.issued = PerLane::default();
                self.link_epochs = 0;
            }
            Record::Put(put) => self.put(put),
            Record::Reappended(put) => self.perishables(put),
            Record::Duplicate(again) => {
                self.inbound_mut(&again.link, again.lane).moved(again.sequence, again.chain);
            }
            Record::SkipTaken(taken) => {
                let skip = &taken.skip;
                self.inbound_mut(&taken.link, taken.lane).moved(skip.through, skip.chain);
                if skip.reason.is_loss() {
                    self.gaps = self.gaps.saturating_add(skip.through - skip.from + 1);
                }
            }
            Record::Quarantined(aside) => {
                self.inbound_mut(&aside.link, aside.lane).moved(aside.sequence, aside.chain);
                self.quarantined = self.quarantined.saturating_add(1);
            }
            Record::HandedOver(at) => {
                self.outbound_mut(&at.link, at.lane).handed_over(at.through);
                self.forget_perishables(&at.link, at.lane, 0, at.through);
                if at.link == Link::Inbox {
                    self.inbox.released(at.through);
                }
            }
            Record::Rewound(at) => self.outbound_mut(&at.link, at.lane).rewound(at.through),
            Record::Ended(ended) => {
                let lane = self.outbound_mut(&ended.link, ended.lane);
                let open = lane.end(ended.from, ended.through, ended.reason);
                if open && ended.link == Link::Inbox {
                    (ended.from..=ended.through).for_each(|leg| self.inbox.skipped(leg));
                }
                self.forget_perishables(&ended.link, ended.lane, ended.from, ended.through);
            }
            Record::Renumbered(new) => {
                self.link_epochs = self.link_epochs.max(new.link_epoch.n.saturating_add(1));
                let lane = self.outbound_mut(&new.link, new.lane);
                lane.renumbered(new.link_epoch, new.start, new.start_chain);
            }
            Record::Adopted(new) => {
                let lane = self.inbound_mut(&new.link, new.lane);
                lane.link_epoch = Some(new.link_epoch);
                lane.expected = new.expected;
                lane.chain = new.chain;
            }
            Record::Session(with) => {
                let peer = self.peers.entry(with.link.clone()).or_default();
                peer.session(with.store, with.epoch, with.counter, PAST_EPOCHS_MAX);
            }
            Record::InboxBound(piece) => self.bind_inbox(*piece),
            Record::Evicted(at) => {
                self.outbound_mut(&at.link, at.lane).evicted(at.through, at.chain);
            }
            Record::Indexed(through) => self.keys.indexed(*through),
            // the two-hop cache keeps nothing yet that these would change
            Record::Beyond(_) => {}
            Record::FoldTaken(_) | Record::Noted(_) | Record::Folded(_) => {}
            Record::Attempting(_) | Record::Attempted(_) => {}
            Record::Exchanged(_) | Record::Bridged(_) => {}
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

    fn bind_inbox(&mut self, piece: InboxBound) {
        self.inbox.bound(piece);
        let owed = self.outbound_mut(&Link::Inbox, Lane::Routine);
        for run in owed.ended_runs(piece.from_leg, u64::MAX) {
            (run.from..=run.through).for_each(|leg| self.inbox.skipped(leg));
        }
    }

    fn put(&mut self, put: &Put) {
        let id = put.envelope.header().id();
        match &put.via {
            Some(via) => self.inbound_mut(&via.link, id.lane).took(via.sequence, &id),
            None => {
                *self.issued.get_mut(id.lane) = id.sequence;
                self.accepted = self.accepted.saturating_add(1);
            }
        }
        self.seen.insert(&id);
        if let Some(key) = &put.key {
            self.keys.took(key, &id);
        }
        for leg in &put.legs {
            self.outbound_mut(&leg.link, id.lane).opened(leg.sequence, leg.chain);
        }
        self.perishables(put);
    }

    fn perishables(&mut self, put: &Put) {
        let header = put.envelope.header();
        let Some(ttl_ms) = header.ttl_ms else { return };
        for leg in &put.legs {
            let at = (leg.link.clone(), leg.link.numbered_lane(header.lane), leg.sequence);
            let perishable = Perishable {
                ttl_ms,
                age_ms: put.age_ms,
                age_unknown: put.age_unknown,
                boot: put.boot,
                taken_boot_ms: put.taken_boot_ms,
            };
            self.perishable.insert(at, perishable);
        }
    }

    fn forget_perishables(&mut self, link: &Link, lane: Lane, from: u64, through: u64) {
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

    /// What is owed to one link in one lane.
    pub fn outbound(&self, link: &Link, lane: Lane) -> Option<&Outbound> {
        self.outbound.get(link).map(|lanes| lanes.get(link.numbered_lane(lane)))
    }

    /// What has come from one neighbour in one lane.
    pub fn inbound(&self, link: &Link, lane: Lane) -> Option<&Inbound> {
        self.inbound.get(link).map(|lanes| lanes.get(lane))
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
}
