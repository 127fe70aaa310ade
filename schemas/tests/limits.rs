//! What a frame may say of itself: runs of legs that there may be, and seals that cover something.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::{
    Batch, Body, Chain, Frame, LEG_MAX, Record, SessionTag, Skip, SkipReason,
};
use yizhan_schemas::seal::{Algorithm, KeyId, Run, Seal, Stamp};

fn skip(from: u64, through: u64) -> Record {
    let (reason, chain) = (SkipReason::Expired, Chain::default());
    Record::Skip(Skip { from, through, reason, chain })
}

fn reads(body: &Body) -> Result<Body, String> {
    Body::decode(&body.encode().unwrap()).map_err(|fault| fault.to_string())
}

#[test]
fn a_skip_is_a_run_of_legs_that_there_may_be() {
    let body = |from, through| Body { records: vec![skip(from, through)], seals: vec![] };
    for (from, through) in [(1, 1), (7, 12), (1, LEG_MAX)] {
        assert_eq!(reads(&body(from, through)).unwrap(), body(from, through));
    }
    for (from, through) in [(0, 1), (2, 1), (1, LEG_MAX + 1), (1, 1 << 63), (1, u64::MAX)] {
        let why = reads(&body(from, through)).unwrap_err();
        assert!(why.contains("no run of legs"), "{from} to {through}: {why}");
    }
}

#[test]
fn a_batch_begins_with_a_leg_that_there_may_be() {
    let frame = |first| {
        let (session, lane, body) = (SessionTag([7; 8]), Lane::Routine, Bytes::from_static(b"1"));
        Frame::Batch(Batch { session, lane, first, sent_ms: 1, packing: None, body })
    };
    for first in [1, LEG_MAX] {
        let bytes = frame(first).encode().unwrap();
        assert_eq!(Frame::decode(&bytes).unwrap(), frame(first));
    }
    for first in [0, LEG_MAX + 1, u64::MAX] {
        let why = Frame::decode(&frame(first).encode().unwrap()).unwrap_err().to_string();
        assert!(why.contains(&format!("from leg {first} on")), "{why}");
    }
}

#[test]
fn every_seal_covers_something_for_to_look_at_one_is_work() {
    let seal = |runs: Vec<Run>| {
        let (algorithm, key, leaves) = (Algorithm::Ed25519Sha256, KeyId([7; 8]), 1);
        let stamp = Stamp { algorithm, key, leaves, signature: Bytes::from(vec![7; 64]) };
        Seal { stamp, runs, siblings: vec![] }
    };
    let run = |count| Run { leaf: 0, record: 0, count };
    let body = |seals| Body { records: vec![skip(1, 1)], seals };
    assert!(reads(&body(vec![seal(vec![run(1)])])).is_ok());
    for seals in
        [vec![seal(vec![])], vec![seal(vec![run(0)])], vec![seal(vec![run(1)]), seal(vec![run(1)])]]
    {
        assert!(reads(&body(seals)).unwrap_err().contains("seals that cover nothing"));
    }
}
