//! What only the inside can test: failing disks, and the letters that frames repeat.

use std::path::Path;

use bytes::Bytes;
use rustix::io::Errno;
use yizhan_core::link::Link;
use yizhan_core::record::{
    Adopted, Beyond, Cursor, Duplicate, Ended, Evicted, InboxBound, Leg, Opened as StationOpened,
    PublisherKey, Put, Quarantined, Record, Renumbered, Session, SkipTaken, Via,
};
use yizhan_core::seal::HeldSeal;
use yizhan_core::time::BootId;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::{Chain, LinkEpoch, Skip, SkipReason};
use yizhan_schemas::seal::{Algorithm, KeyId, Stamp, Tree};
use yizhan_schemas::{Code, Envelope, Epoch, Header, Lane, MessageId, StoreId};

use super::format::FRAME_BYTES;
use super::part::{held_leg, letter};
use super::ring::{RING_BYTES_MAX, Ring};
use super::*;
use crate::spool::disk::fault::{Call, arrange};

pub(super) const SMALL: Options = Options { segment_bytes: 4096 };

fn child() -> Link {
    Link::Down(Code::parse("510722.101").unwrap())
}

pub(super) fn put(sequence: u64, payload: &[u8]) -> Put {
    let header = Header::plain(
        MessageId {
            origin: Code::parse("510722").unwrap(),
            epoch: Epoch::from_random(1),
            lane: Lane::Priority,
            sequence,
        },
        "incident.report".parse().unwrap(),
        "up".parse().unwrap(),
        1,
    );
    let leg = |link, sequence| Leg { link, sequence, chain: Chain(sequence.to_le_bytes()) };
    Put {
        envelope: Envelope::make(header, payload).unwrap(),
        via: Some(Via { link: child(), sequence: 5 }),
        age_ms: 11,
        age_unknown: true,
        hops: 2,
        boot: BootId(4),
        taken_boot_ms: 12,
        taken_wall_ms: 86_400_000 * 3 + 1,
        legs: vec![leg(Link::Up, sequence), leg(child(), sequence), leg(Link::Inbox, sequence)],
        key: Some(PublisherKey { scope: "s".into(), key: "k".into(), body: Digest([3; 16]) }),
        late: false,
        targets: Vec::new(),
        under: None,
        opens: false,
    }
}

fn seal() -> Arc<HeldSeal> {
    let (algorithm, key) = (Algorithm::Ed25519Sha256, KeyId([1; 8]));
    let stamp = Stamp { algorithm, key, leaves: 2, signature: Bytes::from_static(&[7; 64]) };
    let known = vec![(1, Digest([3; 16]))];
    Arc::new(HeldSeal { stamp, tree: Tree::of(2, known, vec![Digest([4; 16])]).unwrap() })
}

fn one_of_each() -> Vec<Record> {
    let (link, lane, chain) = (child(), Lane::Flash, Chain([1; 8]));
    let (store, epoch) = (StoreId::from_random(1), Epoch::from_random(2));
    let link_epoch = LinkEpoch { epoch, n: 1 };
    let cursor = Cursor { link: link.clone(), lane, through: 1 };
    let skip = Skip { from: 1, through: 2, reason: SkipReason::Expired, chain };
    let (code, boot) = (Code::parse("510722").unwrap(), BootId(1));
    let (bytes, why) = (Bytes::from_static(b"?"), "no envelope".to_owned());
    vec![
        Record::Seal(seal()),
        Record::Opened(StationOpened { store, epoch, boot, code, wall_ms: 1, notes_epoch: None }),
        Record::Put(put(1, b"body")),
        Record::Duplicate(Duplicate { link: link.clone(), lane, sequence: 1, chain }),
        Record::SkipTaken(SkipTaken { link: link.clone(), lane, skip }),
        Record::Quarantined(Quarantined {
            link: link.clone(),
            lane,
            sequence: 1,
            chain,
            bytes,
            why,
        }),
        Record::HandedOver(cursor.clone()),
        Record::Rewound(cursor),
        Record::Ended(Ended {
            link: link.clone(),
            lane,
            from: 1,
            through: 2,
            reason: SkipReason::Cancelled,
        }),
        Record::Renumbered(Renumbered {
            link: link.clone(),
            lane,
            link_epoch,
            start: 1,
            start_chain: chain,
        }),
        Record::Adopted(Adopted { link: link.clone(), lane, link_epoch, expected: 1, chain }),
        Record::Session(Session { link: link.clone(), store, epoch, counter: 1 }),
        Record::InboxBound(InboxBound { created_ns: 1, from_leg: 1, offset: -1 }),
        Record::Beyond(Beyond { link: link.clone(), lane, ranges: vec![(1, 2)] }),
        Record::Evicted(Evicted { link, lane, from: 1, through: 1, chain }),
        Record::Reappended(put(1, b"body")),
        Record::Indexed(7),
        Record::Snapshot(Bytes::from_static(b"state")),
    ]
}

pub(super) fn open(data: &Path) -> (Log, Vec<Record>) {
    let mut visited = Vec::new();
    let opened = Log::open(data, SMALL, &mut |record| visited.push(record)).unwrap();
    assert_eq!(opened.report.damage, []);
    (opened.log, visited)
}

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    let data = tempfile::tempdir().unwrap();
    let mut expected = one_of_each();
    let snapshot = expected.pop();
    let (mut log, _) = open(data.path());
    log.append(&expected).unwrap();
    log.sync().unwrap();
    drop(log);
    assert_eq!(open(data.path()).1, expected);
    let Some(Record::Snapshot(bytes)) = snapshot.clone() else { panic!() };
    open(data.path()).0.append_snapshot(bytes).unwrap();
    assert_eq!(open(data.path()).1, Vec::from_iter(snapshot));
}

#[test]
fn the_letter_of_a_frame_is_the_letter_of_the_record() {
    for record in one_of_each() {
        let body = rmp_serde::to_vec(&record).unwrap();
        assert_eq!(body[..3], [0x81, 0xa1, letter(&record)], "{record:?}");
    }
}

#[test]
fn a_leg_is_read_without_decoding_its_envelope_and_says_the_same() {
    let put = put(9, b"the payload");
    for record in [Record::Put(put.clone()), Record::Reappended(put.clone())] {
        let body: Bytes = rmp_serde::to_vec(&record).unwrap().into();
        for link in [Link::Up, child(), Link::Inbox] {
            let leg = held_leg(&body, &[], &link, 1, 77).unwrap();
            assert_eq!(&leg.envelope_bytes, put.envelope.bytes());
            assert_eq!((leg.sequence, leg.chain, leg.put_at), (9, Chain(9_u64.to_le_bytes()), 77));
            assert_eq!((leg.age_ms, leg.age_unknown, leg.hops), (11, true, 2));
            assert_eq!((leg.boot, leg.taken_boot_ms), (put.boot, 12));
            assert_eq!(leg.taken_wall_ms, put.taken_wall_ms);
        }
        assert_eq!(held_leg(&body, &[], &Link::Up, 10, 77), None);
        let other = Link::Down(Code::parse("510722.102").unwrap());
        assert_eq!(held_leg(&body, &[], &other, 1, 77), None);
    }
}

#[test]
fn what_was_noted_at_writing_is_what_is_noted_at_reading() {
    let records = one_of_each();
    let mut commit = Commit::of(&records).unwrap();
    commit.seal(5, 1);
    let placed = scan::commit_at(&commit.bytes, 0, Some(5)).unwrap();
    let read = commit::records(&commit.bytes[format::COMMIT_HEADER_BYTES..], &placed);
    let read: Vec<_> = read.filter_map(|at| at.note(&at.decode().unwrap())).collect();
    assert_eq!(read.len(), 2);
    for (read, written) in read.iter().zip(&commit.notes) {
        assert_eq!((read.offset, read.end), (written.offset, written.end));
        assert_eq!((&read.legs, read.again), (&written.legs, written.again));
        assert_eq!((read.keyed, read.day()), (written.keyed, 3));
    }
    assert_eq!(
        read[0].legs.iter().map(|leg| leg.lane).collect::<Vec<_>>(),
        [Lane::Priority, Lane::Priority, Lane::Routine]
    );
}

#[test]
fn after_a_failed_write_or_sync_the_log_refuses_everything() {
    for call in [Call::Write, Call::Sync] {
        let data = tempfile::tempdir().unwrap();
        let (mut log, _) = open(data.path());
        log.append(&[Record::Indexed(1)]).unwrap();
        log.sync().unwrap();
        arrange(call, Errno::IO);
        let failed = log.append(&[Record::Indexed(2)]).and_then(|()| log.sync());
        assert!(matches!(failed, Err(SpoolError::Io { .. })));
        for refused in [
            log.append(&[Record::Indexed(3)]),
            log.sync(),
            log.append_snapshot(Bytes::from_static(b"state")),
        ] {
            let fault = refused.unwrap_err();
            assert!(
                matches!(&fault, SpoolError::Poisoned { first } if first.contains("(os error 5)"))
            );
        }
        drop(log);
        let visited = open(data.path()).1;
        assert!(visited.starts_with(&[Record::Indexed(1)]), "{visited:?}");
        assert!(!visited.contains(&Record::Indexed(3)));
    }
}

#[test]
fn a_failed_sync_of_a_roll_poisons_too() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    log.append(&[Record::Put(put(1, &[7; 3000]))]).unwrap();
    log.sync().unwrap();
    arrange(Call::Sync, Errno::IO);
    assert!(log.append(&[Record::Put(put(2, &[7; 3000]))]).is_err());
    assert!(matches!(log.sync(), Err(SpoolError::Poisoned { .. })));
    drop(log);
    assert_eq!(open(data.path()).1.len(), 1);
}

#[test]
fn a_commit_beyond_the_limit_is_refused_and_harms_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let huge = Bytes::from(vec![0; format::COMMIT_BYTES_MAX as usize]);
    let fault = log.append_snapshot(huge).unwrap_err();
    assert!(matches!(fault, SpoolError::CommitTooLarge { .. }), "{fault}");
    log.append(&[Record::Indexed(1)]).unwrap();
}

#[test]
fn a_segment_size_that_makes_no_sense_is_refused_with_what_would() {
    let data = tempfile::tempdir().unwrap();
    let fault = Log::open(data.path(), Options { segment_bytes: 100 }, &mut |_| {}).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "spool.segment_bytes is 100; valid is 4096 to 268435456, for example 8MiB"
    );
}

#[test]
fn a_commit_larger_than_a_segment_gets_one_of_its_own_size() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let records = [Record::Indexed(1), Record::Put(put(1, &[7; 100_000])), Record::Indexed(2)];
    for record in &records {
        log.append(std::slice::from_ref(record)).unwrap();
        log.sync().unwrap();
    }
    drop(log);
    assert_eq!(open(data.path()).1, records);
}

#[test]
fn snapshots_larger_than_a_segment_do_not_ask_for_the_next_at_once() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    log.append_snapshot(Bytes::from(vec![1; 50_000])).unwrap();
    let mut bytes_between = 0;
    while !log.wants_snapshot() {
        log.append(&[Record::Put(put(1, &[7; 1000]))]).unwrap();
        log.sync().unwrap();
        bytes_between += 1000;
    }
    assert!(bytes_between > 35_000, "{bytes_between}");
}

#[test]
fn the_ring_keeps_the_newest_legs_within_its_bound() {
    let mut ring = Ring::default();
    let mut newest = 0;
    for sequence in 1..3000 {
        let mut commit = Commit::of(&[Record::Put(put(sequence, &[7; 4000]))]).unwrap();
        commit.seal(1, sequence);
        let (bytes, notes, _) = commit::share(commit);
        ring.push(sequence, &bytes, &notes, None);
        newest = sequence;
    }
    let oldest = ring.first_from(&Link::Up, Lane::Priority, 1).unwrap().sequence;
    let held = (newest - oldest + 1) as usize * 4000;
    assert!((RING_BYTES_MAX / 2..RING_BYTES_MAX).contains(&held), "{held}");
    let legs = ring.dense_from(&Link::Up, Lane::Priority, oldest, newest, usize::MAX);
    assert_eq!(legs.len() as u64, newest - oldest + 1);
    assert!(legs.iter().all(|leg| leg.record.len() > 4000 - FRAME_BYTES));
    assert_eq!(ring.last(&Link::Inbox, Lane::Routine), Some(newest));
    assert!(ring.dense_from(&Link::Up, Lane::Priority, oldest - 1, newest, 9).is_empty());
}
