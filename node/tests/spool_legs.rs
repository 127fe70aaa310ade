//! Reading legs back: in order, across segments, beside the writer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::sync::atomic::{AtomicU64, Ordering};

use spool_common::*;
use yizhan::spool::{Options, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::Lane;

#[test]
fn legs_come_in_order_across_segments_and_with_their_own_bytes() {
    let data = data();
    let mut sender = Sender::default();
    let children = [down("510722.101"), down("510722.102")];
    let records: Vec<_> = (0..200_u8)
        .map(|n| match n % 3 {
            0 => sender.put(Lane::Flash, &[Link::Up], &[n; 90]),
            1 => sender.put(Lane::Routine, &[Link::Up, children[0].clone(), Link::Inbox], &[n; 90]),
            _ => sender.put(Lane::Flash, &[children[1].clone(), Link::Inbox], &[n; 90]),
        })
        .collect();
    written(data.path(), SMALL, &records);
    let (log, _, _) = open(data.path(), SMALL);
    assert!(segments(data.path()).len() > 5);
    let reader = log.reader();
    let of = |lane: Option<Lane>, link: &Link| -> Vec<&Record> {
        let wanted = records.iter().filter(|record| match record {
            Record::Put(put) => {
                lane.is_none_or(|lane| put.envelope.header().lane == lane)
                    && put.legs.iter().any(|leg| leg.link == *link)
            }
            _ => false,
        });
        wanted.collect()
    };
    for (link, lane, in_lane) in [
        (Link::Up, Lane::Flash, Some(Lane::Flash)),
        (Link::Up, Lane::Routine, Some(Lane::Routine)),
        (children[0].clone(), Lane::Routine, Some(Lane::Routine)),
        (children[1].clone(), Lane::Flash, Some(Lane::Flash)),
        (Link::Inbox, Lane::Routine, None),
        // the inbox has one numbering, under whatever lane it is asked for
        (Link::Inbox, Lane::Flash, None),
    ] {
        let expected = of(in_lane, &link);
        let said = whole_legs(&reader, &link, lane, 1, expected.len() as u64);
        assert_eq!(said.len(), expected.len());
        for (leg, record) in said.iter().zip(&expected) {
            assert_eq!(&leg.envelope_bytes, envelope_of(record));
            assert_eq!(leg.chain, chain(leg.sequence));
        }
        let (nothing, next) = legs(&reader, &link, lane, expected.len() as u64 + 1, u64::MAX);
        assert_eq!((nothing.len(), next), (0, expected.len() as u64 + 1));
    }
}

#[test]
fn a_leg_has_the_fields_that_its_put_had() {
    let data = data();
    let mut sender = Sender::default();
    let records = [sender.up(b"one"), sender.keyed(b"two")];
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &records);
    let fresh = whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 2);
    drop(log);
    let (log, _, _) = open(data.path(), SMALL);
    let reopened = whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 2);
    assert_eq!(fresh, reopened);
    for (leg, record) in reopened.iter().zip(&records) {
        let Record::Put(put) = record else { panic!() };
        assert_eq!(&leg.envelope_bytes, put.envelope.bytes());
        assert_eq!((leg.age_ms, leg.age_unknown, leg.hops), (put.age_ms, false, put.hops));
        assert_eq!((leg.boot, leg.taken_boot_ms), (put.boot, put.taken_boot_ms));
        assert_eq!((leg.taken_wall_ms, leg.put_at), (put.taken_wall_ms, leg.sequence));
    }
}

#[test]
fn legs_of_segments_before_the_snapshot_are_found_by_their_footers() {
    let data = data();
    let mut sender = Sender::default();
    let (mut log, _, _) = open(data.path(), SMALL);
    for n in 0..400_u32 {
        append_each(&mut log, &[sender.up(&n.to_be_bytes())]);
        if log.wants_snapshot() {
            log.append_snapshot(b"state".as_slice().into()).unwrap();
        }
    }
    drop(log);
    let (log, report, visited) = open(data.path(), SMALL);
    assert!(visited.len() < 50, "{} records visited", visited.len());
    assert!(report.snapshot.is_some());
    let said = whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 400);
    for (leg, n) in said.iter().zip(0_u32..) {
        assert!(leg.envelope_bytes.ends_with(&n.to_be_bytes()));
    }
    // from any point, not only from a mark
    for from in (1..400).step_by(7) {
        let said = whole_legs(&log.reader(), &Link::Up, Lane::Routine, from, from + 1);
        assert_eq!(said[0].sequence, from);
    }
}

#[test]
fn more_than_memory_holds_is_read_from_files_and_the_seam_does_not_show() {
    let data = data();
    let options = Options { segment_bytes: 1024 * 1024 };
    let mut sender = Sender::default();
    let (mut log, _, _) = open(data.path(), options);
    for n in 0..100_u8 {
        let commit: Vec<_> = (0..20).map(|_| sender.up(&[n; 4000])).collect();
        log.append(&commit).unwrap();
        log.sync().unwrap();
    }
    let said = whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 2000);
    assert!(said.iter().zip(1..).all(|(leg, n)| leg.sequence == n));
    assert!(
        said.iter().all(|leg| leg.envelope_bytes.ends_with(&[((leg.sequence - 1) / 20) as u8]))
    );
}

#[test]
fn a_leg_is_not_shown_before_its_commit_is_synced() {
    let data = data();
    let mut sender = Sender::default();
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &[sender.up(b"one")]);
    log.append(&[sender.up(b"two")]).unwrap();
    let (said, next) = legs(&log.reader(), &Link::Up, Lane::Routine, 1, 5);
    assert_eq!((sequences(&said), next), (vec![(1, 1, true)], 2));
    log.sync().unwrap();
    assert_eq!(whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 2).len(), 2);
}

#[test]
fn a_receiver_that_had_enough_goes_on_where_it_stopped() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..100).map(|n| sender.up(&[n; 200])).collect();
    written(data.path(), SMALL, &records);
    let (log, _, _) = open(data.path(), SMALL);
    let (mut next, mut seen) = (1, 0);
    while next <= 100 {
        let mut room = 7;
        next = log
            .reader()
            .legs(&Link::Up, Lane::Routine, next, 100, &mut |_| {
                seen += 1;
                room -= 1;
                room > 0
            })
            .unwrap();
    }
    assert_eq!(seen, 100);
}

#[test]
fn legs_damaged_while_the_log_is_open_are_a_gap_and_their_neighbours_are_not() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..20).map(|n| sender.up(&[n; 100])).collect();
    let options = Options { segment_bytes: 64 * 1024 };
    written(data.path(), options, &records);
    let (log, _, _) = open(data.path(), options);
    let found = all(data.path());
    flip(&found[4].file, found[4].offset as usize + 50);
    flip(&found[9].file, found[9].offset as usize - 38);
    let (said, next) = legs(&log.reader(), &Link::Up, Lane::Routine, 1, 20);
    assert_eq!(next, 21);
    let gaps: Vec<_> = sequences(&said).into_iter().filter(|(_, _, leg)| !leg).collect();
    assert_eq!(gaps, [(5, 5, false), (10, 10, false)]);
    assert_eq!(said.len(), 20);
}

#[test]
fn what_was_appended_again_fills_in_for_what_is_damaged() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..30).map(|n| sender.up(&[n; 300])).collect();
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &records);
    append_each(&mut log, &[again(&records[1]), again(&records[4]), again(&records[5])]);
    append_each(&mut log, &[sender.up(&[99; 300])]);
    drop(log);
    let found = all(data.path());
    for at in [2, 4] {
        flip(&found[at].file, found[at].offset as usize + 60);
    }
    let (log, _, _) = open(data.path(), SMALL);
    let (said, next) = legs(&log.reader(), &Link::Up, Lane::Routine, 1, 31);
    assert_eq!((next, said.len()), (32, 31));
    let gaps: Vec<_> = sequences(&said).into_iter().filter(|(_, _, leg)| !leg).collect();
    assert_eq!(gaps, [(3, 3, false)]);
}

#[test]
fn a_chain_is_found_in_memory_and_in_files() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..30).map(|n| sender.up(&[n; 300])).collect();
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &records);
    let at = |log: &yizhan::spool::Log, n| log.reader().chain_at(&Link::Up, Lane::Routine, n);
    assert_eq!(at(&log, 7).unwrap(), Some(chain(7)));
    drop(log);
    let (log, _, _) = open(data.path(), SMALL);
    assert_eq!(at(&log, 7).unwrap(), Some(chain(7)));
    assert_eq!(at(&log, 30).unwrap(), Some(chain(30)));
    assert_eq!(at(&log, 0).unwrap(), None);
    assert_eq!(at(&log, 31).unwrap(), None);
    assert_eq!(log.reader().chain_at(&Link::Up, Lane::Flash, 7).unwrap(), None);
}

#[test]
fn readers_beside_the_writer_see_every_synced_leg_and_no_other() {
    let data = data();
    let options = Options { segment_bytes: 16 * 1024 };
    let (mut log, _, _) = open(data.path(), options);
    let synced = AtomicU64::new(0);
    const LEGS: u64 = 2000;
    std::thread::scope(|scope| {
        for start in [1, LEGS / 2] {
            let (reader, synced) = (log.reader(), &synced);
            scope.spawn(move || {
                let mut next = start;
                while next <= LEGS {
                    let surely = synced.load(Ordering::Acquire);
                    let before = next;
                    next = reader
                        .legs(&Link::Up, Lane::Routine, next, LEGS, &mut |reading| {
                            let Reading::Leg(leg) = reading else { panic!("{reading:?}") };
                            let body = leg.sequence.to_be_bytes();
                            assert!(leg.envelope_bytes.ends_with(&body));
                            true
                        })
                        .unwrap();
                    // behind `surely` only what was not asked for
                    assert!(next > surely || next == before, "{next} {surely}");
                    std::thread::yield_now();
                }
            });
        }
        let mut sender = Sender::default();
        let mut sequence = 0;
        while sequence < LEGS {
            let commit: Vec<_> = (sequence + 1..=sequence + 20)
                .map(|n| sender.up(&[[7; 8].as_slice(), &n.to_be_bytes()].concat()))
                .collect();
            sequence += 20;
            log.append(&commit).unwrap();
            log.sync().unwrap();
            synced.store(sequence, Ordering::Release);
            if log.wants_snapshot() {
                log.append_snapshot(b"state".as_slice().into()).unwrap();
            }
        }
    });
}

#[test]
fn a_reader_says_what_the_log_takes_and_what_the_volume_has() {
    let data = data();
    let (mut log, _, _) = open(data.path(), SMALL);
    assert_eq!(log.held_bytes(), SMALL.segment_bytes);
    let mut sender = Sender::default();
    let records: Vec<_> = (0..30).map(|n| sender.up(&[n; 300])).collect();
    append_each(&mut log, &records);
    let on_disk: u64 =
        segments(data.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(log.held_bytes(), on_disk);
    assert!(log.reader().volume_free_bytes().unwrap() > 0);
}
