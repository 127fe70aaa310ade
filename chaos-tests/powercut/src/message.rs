//! Messages that can be told from their number alone, so that the checker knows what must be
//! there without having been told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Leg, PublisherKey, Put, Record};
use yizhan_core::time::BootId;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, MessageId, Selector};

use crate::Fault;

/// Legs that a quick neighbour has not acked yet, at most.
const BEHIND_MAX: u64 = 40;
/// The same of a slow one: what it is owed has to be carried out of old segments.
const SLOW_BEHIND_MAX: u64 = 600;

/// Every fourth payload has 4 KiB, the others 400 bytes.
fn payload_bytes(number: u64) -> usize {
    if number.is_multiple_of(4) { 4096 } else { 400 }
}

/// What a writer remembers: the snapshot is this, the records are its changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Messages taken.
    pub(crate) messages: u64,
    /// Legs given out, by link and numbered lane.
    pub(crate) legs: BTreeMap<(Link, Lane), u64>,
    /// Legs handed over, likewise.
    pub(crate) acked: BTreeMap<(Link, Lane), u64>,
}

impl Kept {
    /// Takes in a record of the log.
    pub(crate) fn apply(&mut self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Snapshot(bytes) => *self = rmp_serde::from_slice(bytes)?,
            Record::Put(put) => {
                self.messages = put.envelope.header().sequence;
                let lane = put.envelope.header().lane;
                for leg in &put.legs {
                    let key = (leg.link.clone(), leg.link.numbered_lane(lane));
                    self.legs.insert(key, leg.sequence);
                }
            }
            Record::HandedOver(at) => {
                self.acked.insert((at.link.clone(), at.lane), at.through);
            }
            _ => {}
        }
        Ok(())
    }

    /// Hands over what the neighbours would have acked by now: half of it, whenever it is too
    /// much.
    pub(crate) fn hand_over(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        for ((link, lane), last) in &self.legs {
            let slow = matches!(link, Link::Down(_));
            let behind_max = if slow { SLOW_BEHIND_MAX } else { BEHIND_MAX };
            let acked = self.acked.entry((link.clone(), *lane)).or_default();
            if last - *acked > behind_max {
                *acked = last - behind_max / 2;
                let cursor = Cursor { link: link.clone(), lane: *lane, through: *acked };
                records.push(Record::HandedOver(cursor));
            }
        }
        records
    }

    /// The bytes of a snapshot.
    pub(crate) fn snapshot(&self) -> Result<bytes::Bytes, Fault> {
        Ok(rmp_serde::to_vec(self)?.into())
    }

    /// The next message, taken in. The n-th message is the same in every run, and so has the
    /// publishers' key with the ordinal n.
    pub(crate) fn next(&mut self) -> Result<Record, Fault> {
        let number = self.messages + 1;
        let lane = match number % 8 {
            0 => Lane::Flash,
            1 => Lane::Immediate,
            2 | 3 => Lane::Priority,
            _ => Lane::Routine,
        };
        let mut links = vec![Link::Up];
        if number.is_multiple_of(3) {
            links.push(Link::Down(Code::parse("510722.101")?));
            links.push(Link::Inbox);
        }
        let payload = payload(number);
        let envelope = Envelope::make(header(number, lane)?, &payload)?;
        let legs = links.into_iter().map(|link| {
            let next = self.legs.entry((link.clone(), link.numbered_lane(lane))).or_default();
            *next += 1;
            Leg { link, sequence: *next, chain: Chain(next.to_be_bytes()) }
        });
        let legs = legs.collect();
        self.messages = number;
        let body = Digest::of(&payload);
        Ok(Record::Put(Put {
            envelope,
            via: None,
            age_ms: 0,
            age_unknown: false,
            hops: 0,
            boot: BootId(1),
            taken_boot_ms: number,
            taken_wall_ms: 1_770_000_000_000 + number,
            legs,
            key: Some(PublisherKey { scope: "powercut".into(), key: format!("{number}"), body }),
            late: false,
            targets: Vec::new(),
            under: None,
            opens: false,
        }))
    }
}

fn header(number: u64, lane: Lane) -> Result<Header, Fault> {
    Ok(Header::plain(
        MessageId {
            origin: Code::parse("510722.101.002")?,
            epoch: Epoch::from_random(1),
            lane,
            sequence: number,
        },
        "incident.report".parse::<Kind>()?,
        "up".parse::<Selector>()?,
        1_770_000_000_000 + number,
    ))
}

/// Messages in a row that are alike in whether they can be packed.
const STRETCH: u64 = 256;

/// Bytes that nobody could make up: by turns such as the log packs, and such as nothing can.
fn payload(number: u64) -> Vec<u8> {
    if (number / STRETCH).is_multiple_of(2) {
        let words = format!("message {number} says where the power was cut; ");
        return words.bytes().cycle().take(payload_bytes(number)).collect();
    }
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let length = payload_bytes(number);
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| step()).collect();
    bytes.truncate(length);
    bytes
}
