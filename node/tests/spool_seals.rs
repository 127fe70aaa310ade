//! Seals come back with the messages that they cover, from wherever those are read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use spool_common::*;
use yizhan::spool::{Log, Options, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::{Record, Under, Via};
use yizhan_core::seal::HeldSeal;
use yizhan_schemas::Lane;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::seal::{Algorithm, KeyId, Stamp, Tree};

/// Messages under one seal.
const LEAVES: u32 = 100;

fn seal(byte: u8) -> Arc<HeldSeal> {
    let tree = Tree::whole((0..LEAVES).map(|leaf| Digest([byte ^ leaf as u8; 16])).collect());
    let signature = Bytes::from(vec![byte; 64]);
    let (algorithm, key) = (Algorithm::Ed25519Sha256, KeyId([byte; 8]));
    let stamp = Stamp { algorithm, key, leaves: LEAVES, signature };
    Arc::new(HeldSeal { stamp, tree: tree.unwrap() })
}

/// A commit of two seals, the messages under each, and one that has none.
fn commit(sender: &mut Sender, bytes: [u8; 2]) -> Vec<Record> {
    let mut records: Vec<_> = bytes.map(|byte| Record::Seal(seal(byte))).to_vec();
    let under = |seal| (0..LEAVES).map(move |leaf| Some(Under { seal, leaf }));
    for place in under(0).chain(under(1)).chain([None]) {
        let mut record = sender.up(&[7; 300]);
        let Record::Put(put) = &mut record else { panic!() };
        put.under = place;
        put.via = place.map(|_| Via { link: down("510722.101.002"), sequence: 1 });
        records.push(record);
    }
    records
}

/// What each leg of the parent is under, from one on.
fn under(log: &Log, from: u64) -> Vec<Option<(u8, u32)>> {
    let mut found = Vec::new();
    let all = log.reader().legs(&Link::Up, Lane::Routine, from, 402, &mut |reading| {
        let Reading::Leg(leg) = reading else { panic!("{reading:?}") };
        assert_eq!(leg.own, leg.under.is_none());
        found.push(leg.under.map(|(seal, leaf)| (seal.stamp.signature[0], leaf)));
        true
    });
    assert_eq!(all.unwrap(), 403);
    found
}

fn expected() -> Vec<Option<(u8, u32)>> {
    let leaves = |byte| (0..LEAVES).map(move |leaf| Some((byte, leaf)));
    let first = leaves(1).chain(leaves(2)).chain([None]);
    first.chain(leaves(3)).chain(leaves(4)).chain([None]).collect()
}

fn written(data: &Path) -> Log {
    let mut log = open(data, Options::default()).0;
    let mut sender = Sender::default();
    append(&mut log, &commit(&mut sender, [1, 2]));
    append(&mut log, &commit(&mut sender, [3, 4]));
    log
}

#[test]
fn a_leg_brings_its_seal_from_memory_and_from_the_file() {
    let data = data();
    assert_eq!(under(&written(data.path()), 1), expected());
    let (log, _, visited) = open(data.path(), Options::default());
    assert_eq!(visited[..2], [1, 2].map(|byte| Record::Seal(seal(byte))));
    // from within a commit on, from its last leg, and over its end
    for from in [1, 2, 70, 150, 201, 202, 203, 330, 402] {
        assert_eq!(under(&log, from), expected()[from as usize - 1..], "from {from}");
    }
}

#[test]
fn what_is_carried_to_a_newer_segment_keeps_its_seals() {
    let data = data();
    let mut log = written(data.path());
    log.append_snapshot(Bytes::from_static(b"state")).unwrap();
    let open_legs = [(Link::Up, Lane::Routine, 50, 402)];
    let carried = log.reclaimer(Vec::new()).carry(1, &open_legs).unwrap();
    let bytes: Vec<_> = carried.seals.iter().map(|seal| seal.stamp.signature[0]).collect();
    assert_eq!(bytes, [1, 2, 3, 4]);
    let mut records: Vec<_> = carried.seals.into_iter().map(Record::Seal).collect();
    records.extend(carried.puts.into_iter().map(Record::Reappended));
    append(&mut log, &records);
    drop(log);
    let first = data.path().join("spool").join("00000000000000000001.seg");
    std::fs::remove_file(first).unwrap();
    let (log, _, _) = open(data.path(), Options::default());
    assert_eq!(under(&log, 50), expected()[49..]);
}
