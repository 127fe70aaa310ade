//! A `Put` read only as far as forwarding needs it: the envelope stays a slice of what was read.
//!
//! Forwarding is a hot path; decoding every header again would be most of its cost.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use yizhan_core::link::Link;
use yizhan_core::record::{Record, Under};
use yizhan_core::seal::HeldSeal;
use yizhan_core::time::BootId;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::Chain;

use super::reader::HeldLeg;

/// The letter on disk of [`Record::Put`].
const PUT: u8 = b'P';
/// The letter on disk of [`Record::Reappended`].
const REAPPENDED: u8 = b'R';
/// The letter on disk of [`Record::Resumed`].
const RESUMED: u8 = b'w';
/// The letter on disk of [`Record::Seal`].
pub(super) const SEAL: u8 = b'G';
/// The letter on disk of [`Record::Snapshot`].
pub(super) const SNAPSHOT: u8 = b'Z';

/// The letter that a record has on disk, as the frame repeats it.
pub(super) fn letter(record: &Record) -> u8 {
    match record {
        Record::Opened(_) => b'O',
        Record::Seal(_) => SEAL,
        Record::Put(_) => PUT,
        Record::Duplicate(_) => b'D',
        Record::SkipTaken(_) => b'K',
        Record::Quarantined(_) => b'Q',
        Record::HandedOver(_) => b'H',
        Record::Rewound(_) => b'W',
        Record::Ended(_) => b'E',
        Record::Renumbered(_) => b'N',
        Record::Adopted(_) => b'A',
        Record::Session(_) => b'S',
        Record::InboxBound(_) => b'I',
        Record::Beyond(_) => b'B',
        Record::Evicted(_) => b'V',
        Record::Reappended(_) => REAPPENDED,
        Record::Indexed(_) => b'X',
        Record::FoldTaken(_) => b'F',
        Record::Noted(_) => b'T',
        Record::Attempting(_) => b'M',
        Record::Attempted(_) => b'J',
        Record::Offered(_) => b'L',
        Record::Exchanged(_) => b'C',
        Record::Bridged(_) => b'Y',
        Record::Amended(_) => b'U',
        Record::Ruled(_) => b'r',
        Record::Matter(_) => b'm',
        Record::Resumed(_) => RESUMED,
        Record::DigestTaken(_) => b'd',
        Record::Awaited(_) => b'a',
        Record::RoundIssued(_) => b'n',
        Record::Snapshot(_) => SNAPSHOT,
    }
}

/// True for records whose legs are read: those that were re-appended, or all others.
pub(super) fn has_legs(letter: u8, again: bool) -> bool {
    match letter {
        PUT | RESUMED => !again,
        REAPPENDED => again,
        _ => false,
    }
}

/// The lane that a frame's letter stands for.
pub(super) fn lane(letter: u8) -> Option<Lane> {
    Lane::from_letter(char::from(letter))
}

#[derive(Deserialize)]
enum PartRecord<'a> {
    #[serde(rename = "P", borrow)]
    Put(PartPut<'a>),
    #[serde(rename = "R", borrow)]
    Reappended(PartPut<'a>),
    #[serde(rename = "w", borrow)]
    Resumed(PartPut<'a>),
}

/// The fields of [`yizhan_core::record::Put`], in its order.
#[derive(Deserialize)]
struct PartPut<'a> {
    #[serde(borrow, with = "serde_bytes")]
    envelope: &'a [u8],
    via: Option<IgnoredAny>,
    age_ms: u64,
    age_unknown: bool,
    hops: u32,
    boot: BootId,
    taken_boot_ms: u64,
    taken_wall_ms: u64,
    #[serde(borrow)]
    legs: Vec<PartLeg<'a>>,
    _key: IgnoredAny,
    #[serde(default)]
    late: bool,
    #[serde(default)]
    _targets: Option<IgnoredAny>,
    #[serde(default)]
    under: Option<Under>,
    #[serde(default)]
    _opens: bool,
}

#[derive(Deserialize)]
struct PartLeg<'a> {
    #[serde(borrow)]
    link: PartLink<'a>,
    sequence: u64,
    chain: Chain,
}

#[derive(Deserialize)]
enum PartLink<'a> {
    #[serde(rename = "U")]
    Up,
    #[serde(rename = "D", borrow)]
    Down(&'a str),
    #[serde(rename = "I")]
    Inbox,
    #[serde(rename = "A")]
    Adapter,
}

impl PartLink<'_> {
    fn is(&self, link: &Link) -> bool {
        match (self, link) {
            (Self::Up, Link::Up) | (Self::Inbox, Link::Inbox) => true,
            (Self::Adapter, Link::Adapter) => true,
            (Self::Down(text), Link::Down(code)) => *text == code.as_str(),
            _ => false,
        }
    }
}

/// The seals at the head of a commit, by place; `None` for one that is damaged.
pub(super) type Seals = [Option<Arc<HeldSeal>>];

/// The seal in the body of a record, unless that is damaged.
pub(super) fn seal(body: &[u8]) -> Option<Arc<HeldSeal>> {
    match rmp_serde::from_slice(body) {
        Ok(Record::Seal(seal)) => Some(seal),
        _ => None,
    }
}

/// The seal that a message names.
pub(super) fn seal_of(under: Under, seals: &Seals) -> Option<Arc<HeldSeal>> {
    seals.get(usize::try_from(under.seal).ok()?)?.clone()
}

/// A leg out of the body of a `Put`, `Reappended` or `Resumed`, whose envelope is a slice of that
/// body: the one to this link, if there is one of at least this sequence.
pub(super) fn held_leg(
    body: &Bytes,
    seals: &Seals,
    link: &Link,
    at_least: u64,
    put_at: u64,
) -> Option<HeldLeg> {
    let (PartRecord::Put(put) | PartRecord::Reappended(put) | PartRecord::Resumed(put)) =
        rmp_serde::from_slice(body).ok()?;
    let mine = put.legs.iter().filter(|leg| leg.link.is(link) && leg.sequence >= at_least);
    let leg = mine.min_by_key(|leg| leg.sequence)?;
    Some(HeldLeg {
        sequence: leg.sequence,
        chain: leg.chain,
        put_at,
        envelope_bytes: body.slice_ref(put.envelope),
        age_ms: put.age_ms,
        age_unknown: put.age_unknown,
        hops: put.hops,
        late: put.late,
        own: put.via.is_none(),
        under: put.under.and_then(|under| Some((seal_of(under, seals)?, under.leaf))),
        boot: put.boot,
        taken_boot_ms: put.taken_boot_ms,
        taken_wall_ms: put.taken_wall_ms,
    })
}
