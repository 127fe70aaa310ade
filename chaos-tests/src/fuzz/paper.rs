//! Messages of the story: what publishers hand in, and what neighbours say that they carry.

use std::collections::BTreeMap;

use bytes::Bytes;
use yizhan_core::draft::{Draft, Known};
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::payload::receipt::{Event, Fold, KIND, Note};
use yizhan_schemas::{Answer, Code, Envelope, Header, Kind, Lane, MessageId, Outcome, Selector};

use super::draw::Draw;

const KINDS: [&str; 5] =
    ["incident.report", "directive.issue", "broadcast.issue", "video.dispatch", KIND];
const WHOM: [&str; 8] = [
    "up",
    "510722",
    "510722.101",
    "510722.101.002",
    "510722.>",
    "510722.101.*",
    "tier:village@510722",
    "510722.777",
];

/// A publisher's message.
pub(super) fn draft(draw: &mut Draw<'_>) -> Draft {
    let payload = Bytes::copy_from_slice(draw.bytes(24));
    let key = draw.once_in(2).then(|| PublisherKey {
        scope: "grid".into(),
        key: draw.below(4).to_string(),
        body: Digest::of(&payload),
    });
    let plain = Draft::plain(kind(draw), payload);
    Draft {
        to: draw.mostly(Some(()), |_| None).map(|()| whom(draw)),
        precedence: draw.once_in(2).then(|| draw.lane()),
        ttl_ms: ttl(draw),
        key,
        known: Known { through: draw.near(0), message: None },
        ..plain
    }
}

/// What a neighbour says is an envelope from `origin`'s part of the tree.
pub(super) fn envelope(draw: &mut Draw<'_>, origin: Code, lane: Lane, about: &MessageId) -> Bytes {
    if draw.once_in(16) {
        return Bytes::copy_from_slice(draw.bytes(24));
    }
    let kind = kind(draw);
    let internal = kind.is_internal();
    let (epoch, lane, at) =
        (draw.epoch(), draw.mostly(lane, Draw::lane), draw.below(24) as u64 + 1);
    let sequence = draw.near(at);
    let header = Header {
        origin,
        epoch,
        lane,
        sequence: sequence.max(1),
        kind,
        to: whom(draw),
        handle: draw.once_in(4).then(|| whom(draw)),
        notify: draw.once_in(8).then(|| whom(draw)),
        accepted_ms: 1_700_000_000_000,
        ttl_ms: ttl(draw),
        content_type: None,
        traceparent: None,
        ce_id: None,
        ce_source: None,
        ce_time: None,
        ce_extensions: BTreeMap::new(),
        references: Vec::new(),
    };
    let payload = if internal && !draw.once_in(8) {
        fold(draw, about)
    } else {
        Bytes::copy_from_slice(draw.bytes(24))
    };
    let made = Envelope::make(header, &payload).expect("a small envelope fits").bytes().clone();
    if sequence == 0 { unnumbered(&made) } else { made }
}

/// The same with the sequence 0, which nobody can make and a liar can write.
fn unnumbered(envelope: &[u8]) -> Bytes {
    let mut bytes = envelope.to_vec();
    let name = b"sequence\x01";
    let at = bytes.windows(name.len()).position(|here| here == name);
    let byte = at.and_then(|at| bytes.get_mut(at + name.len() - 1));
    byte.into_iter().for_each(|byte| *byte = 0);
    bytes.into()
}

/// Notes on what became of messages: of `about` mostly, which may be one of ours.
fn fold(draw: &mut Draw<'_>, about: &MessageId) -> Bytes {
    let notes = (0..=draw.below(4)).map(|_| note(draw, about)).collect();
    Fold { notes }.encode().expect("a few notes fit")
}

fn note(draw: &mut Draw<'_>, about: &MessageId) -> Note {
    let event = match draw.below(4) {
        0 => Event::Relayed,
        1 | 2 => Event::Ended {
            outcome: *draw.one_of(&Outcome::ALL).unwrap_or(&Outcome::Delivered),
            detail: None,
        },
        _ => Event::Answered { answer: Answer::Completed, remark: Some("done".into()) },
    };
    let from = draw.near(about.sequence);
    let through = from.saturating_add(draw.near(0));
    Note {
        origin: draw.mostly(about.origin.clone(), Draw::code),
        epoch: draw.mostly(about.epoch, Draw::epoch),
        lane: draw.mostly(about.lane, Draw::lane),
        ranges: vec![(from, through)],
        stations: (0..=draw.below(3)).map(|_| draw.code()).collect(),
        event,
        at_s: draw.near(1_700_000_000),
    }
}

fn kind(draw: &mut Draw<'_>) -> Kind {
    Kind::parse(draw.one_of(&KINDS).copied().unwrap_or(KIND)).expect("the list holds kinds")
}

fn whom(draw: &mut Draw<'_>) -> Selector {
    let text = draw.one_of(&WHOM).copied().unwrap_or("up");
    Selector::parse(text).expect("the list holds selectors")
}

fn ttl(draw: &mut Draw<'_>) -> Option<u64> {
    draw.once_in(3).then(|| draw.near(5_000))
}
