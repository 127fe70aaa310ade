//! The values behind the vectors of `golden/`: every member is set, so that every name is fixed.

use std::collections::BTreeMap;

use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::*;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::query::{Ask, Hop, HopEvent, HopState, Part, Told, Wait, WaitReason};
use yizhan_schemas::seal::{Algorithm, KeyId, Run, Seal, Stamp};
use yizhan_schemas::{
    Code, Envelope, Epoch, Header, Kind, Lane, MessageId, PerLane, Selector, StoreId,
};

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn link_epoch(n: u32) -> LinkEpoch {
    LinkEpoch { epoch: Epoch::parse("b7k2qf").unwrap(), n }
}

fn offers(base: u64) -> PerLane<Offer> {
    PerLane::from_fn(|lane| Offer {
        link_epoch: link_epoch(lane as u32),
        start: base,
        start_chain: Chain([lane as u8; 8]),
        next: base + 1000,
    })
}

fn haves(base: u64) -> PerLane<Have> {
    PerLane::from_fn(|lane| match lane {
        Lane::Flash => Have::default(),
        _ => Have { link_epoch: Some(link_epoch(7)), expected: base, chain: Chain([0xee; 8]) },
    })
}

/// A report as a village makes it, with Chinese text and a character of four bytes.
pub(crate) fn envelope() -> Envelope {
    let header = Header {
        origin: code("510722.101.002"),
        epoch: Epoch::parse("b7k2qf").unwrap(),
        lane: Lane::Routine,
        sequence: 1042,
        kind: Kind::parse("incident.report").unwrap(),
        to: Selector::parse("up").unwrap(),
        handle: Some(Selector::parse("up:510722").unwrap()),
        notify: Some(Selector::parse("510722.101").unwrap()),
        accepted_ms: 1_795_393_800_000,
        ttl_ms: Some(300_000),
        content_type: Some("application/json; charset=utf-8".to_owned()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ce_id: Some("grid-7/2026-000001".to_owned()),
        ce_source: Some("/grid/潼川镇/7".to_owned()),
        ce_time: Some("2026-11-23T08:30:00+08:00".to_owned()),
        ce_extensions: BTreeMap::from([("subject".to_owned(), "道路塌陷".to_owned())]),
        references: vec![MessageId::parse("510722.101.002-b7k2qf-r1041").unwrap()],
    };
    let payload = r#"{"category":"road","severity":"general","description":"路面塌陷，联系人𠮷田","occurred_at":"2026-11-23T08:30:00+08:00"}"#;
    Envelope::make(header, payload.as_bytes()).unwrap()
}

/// Two legs that carry, a run that does not, and a seal over one of them.
pub(crate) fn body() -> Body {
    let carried = Carried {
        envelope: envelope().bytes().clone(),
        age_ms: 61_000,
        age_unknown: false,
        hops: 1,
    };
    let skip = Skip { from: 12, through: 14, reason: SkipReason::Expired, chain: Chain([9; 8]) };
    let stamp = Stamp {
        algorithm: Algorithm::Ed25519Sha256,
        key: KeyId([1, 2, 3, 4, 5, 6, 7, 8]),
        leaves: 3,
        signature: (0..64).collect(),
    };
    let seal = Seal {
        stamp,
        runs: vec![Run { leaf: 1, record: 0, count: 1 }],
        siblings: vec![Digest([0xaa; 16]), Digest([0xbb; 16])],
    };
    let records = vec![
        Record::Carried(carried.clone()),
        Record::Skip(skip),
        Record::Carried(Carried { age_unknown: true, hops: 0, ..carried }),
    ];
    Body { records, seals: vec![seal] }
}

fn hello() -> Hello {
    Hello {
        version: 1,
        code: code("510722.101"),
        formerly: Some(code("510722.201")),
        store: StoreId::from_random(0x0123_4567_89ab_cdef),
        epoch: Epoch::parse("aaaaab").unwrap(),
        counter: 3,
        boot_ms: 86_400_000,
        boot: None,
        offers: offers(1),
        haves: haves(500),
        dictionaries: vec![1, 2],
        software: "yizhan 0.1.0".to_owned(),
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        code: code("510722"),
        store: StoreId::from_random(u64::MAX),
        epoch: Epoch::parse("zzzzzz").unwrap(),
        counter: 3,
        boot_ms: 5,
        boot: None,
        wall_ms: None,
        offers: offers(20),
        haves: haves(u64::MAX),
        dictionaries: vec![2],
        software: "yizhan 0.1.0".to_owned(),
    }
}

/// A question for the ids of a part of a day: the longest form that there is.
fn query() -> Query {
    let epoch = Epoch::parse("b7k2qf").unwrap();
    let part = Part {
        day: Day(20_780),
        origin: code("510722.101.002"),
        from: (epoch, Lane::Flash, 1),
        through: (epoch, Lane::Routine, 1042),
    };
    Query { id: 7, deadline_ms: 5_000, ask: Ask::Part(part) }
}

/// What is told of a message at a station that holds it.
fn told() -> bytes::Bytes {
    let wait = Wait { why: WaitReason::LinkDown, ms: 61_000 };
    let event = HopEvent {
        event: "handed_over".to_owned(),
        station: code("510722"),
        at: "2026-11-23T08:30:00+08:00".to_owned(),
        held_ms: Some(61_500),
        waits: vec![wait],
        detail: Some("原因".to_owned()),
    };
    let hop = Hop {
        station: code("510722.101"),
        state: HopState::Holding,
        why: Some("x".to_owned()),
        events: vec![event],
        waits: vec![wait],
    };
    Told::Trace(vec![hop]).encode().unwrap()
}

/// One of each kind of frame, by its name on the wire.
pub(crate) fn frames() -> Vec<(&'static str, Frame)> {
    let session = SessionTag::of(&hello(), &welcome());
    let refused = Refused {
        reason: RefusalReason::UnknownStation,
        message: "510722.999 is not a child of 510722".to_owned(),
        counter: 3,
    };
    let batch = Batch {
        session,
        lane: Lane::Routine,
        first: 11,
        sent_ms: 86_400_123,
        packing: Some(Packing { dictionary: 2, raw_bytes: 70_000 }),
        body: body().encode().unwrap(),
    };
    let lanes = vec![
        LaneAck { lane: Lane::Flash, through: 4, gap: false, full: false, beyond: vec![] },
        LaneAck {
            lane: Lane::Routine,
            through: 15,
            gap: true,
            full: false,
            beyond: vec![(1, 9), (11, 11)],
        },
    ];
    vec![
        ("hello", Frame::Hello(hello())),
        ("welcome", Frame::Welcome(welcome())),
        ("refused", Frame::Refused(refused)),
        ("nudge", Frame::Nudge(Nudge { epoch: Epoch::parse("zzzzzz").unwrap() })),
        ("batch", Frame::Batch(batch)),
        ("ack", Frame::Ack(Ack { session, lanes, echo_ms: Some(86_400_123) })),
        ("beat", Frame::Beat(Beat { echo_ms: Some(7), ..Beat::of(session, 86_400_456) })),
        ("query", Frame::Query(query())),
        ("answer", Frame::Answer(Answer { id: 7, part: 2, last: true, body: told() })),
    ]
}
