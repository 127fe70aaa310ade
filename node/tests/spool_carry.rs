//! What old segments still owe: carried out of them, and found in its new place.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use spool_common::*;
use yizhan::spool::log::CARRY_BYTES_MAX;
use yizhan::spool::{Options, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::Lane;

#[test]
fn carried_are_the_messages_that_owe_a_leg_asked_for_with_those_legs_only() {
    let data = data();
    let mut sender = Sender::default();
    let child = down("510722.101");
    let records: Vec<_> = (0..8)
        .map(|n| match n % 2 {
            0 => sender.put(Lane::Routine, &[Link::Up, child.clone()], &[n; 300]),
            _ => sender.put(Lane::Flash, &[Link::Up, child.clone(), Link::Inbox], &[n; 300]),
        })
        .collect();
    let (mut log, _, _) = open(data.path(), Options { segment_bytes: 64 * 1024 });
    append_each(&mut log, &records);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    let open_legs = [
        (child.clone(), Lane::Flash, 2, 3),
        (Link::Inbox, Lane::Routine, 1, 1),
        (child.clone(), Lane::Priority, 1, 9),
        (down("510722.102"), Lane::Flash, 1, 9),
    ];
    let carried = log.reclaimer(Vec::new()).carry(1, &open_legs).unwrap();
    assert_eq!(carried.unreadable, []);
    let said: Vec<_> = carried
        .puts
        .iter()
        .map(|put| {
            let legs = put.legs.iter().map(|leg| (leg.link.clone(), leg.sequence));
            (put.envelope.bytes(), legs.collect::<Vec<_>>())
        })
        .collect();
    let expected = [
        (envelope_of(&records[1]), vec![(Link::Inbox, 1)]),
        (envelope_of(&records[3]), vec![(child.clone(), 2)]),
        (envelope_of(&records[5]), vec![(child, 3)]),
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_does_not_fit_one_carry_comes_with_the_next() {
    let data = data();
    let mut sender = Sender::default();
    let options = Options { segment_bytes: 4 * 1024 * 1024 };
    let (mut log, _, _) = open(data.path(), options);
    let records: Vec<_> = (0..30).map(|n| sender.up(&vec![n; 100_000])).collect();
    append_each(&mut log, &records);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    let mut reclaimer = log.reclaimer(Vec::new());
    let mut got = Vec::new();
    loop {
        let carried = reclaimer.carry(1, &[(Link::Up, Lane::Routine, 1, 30)]).unwrap();
        if carried.puts.is_empty() {
            break;
        }
        let bytes: usize = carried.puts.iter().map(|put| put.envelope.bytes().len()).sum();
        assert!(bytes < CARRY_BYTES_MAX + 110_000, "{bytes}");
        got.extend(sequences_of(&carried.puts));
        let moved: Vec<_> = carried.puts.into_iter().map(Record::Reappended).collect();
        log.append(&moved).unwrap();
        log.sync().unwrap();
    }
    assert_eq!(got, (1..=30).collect::<Vec<_>>());
    assert_eq!(reclaimer.oldest().unwrap().unwrap().spans, []);
    reclaimer.discard(1);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    assert_eq!(reclaimer.tend().unwrap(), [1]);
    let said = whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 30);
    assert!(said.iter().zip(&records).all(|(leg, put)| leg.envelope_bytes == *envelope_of(put)));
}

#[test]
fn carried_legs_are_found_in_their_new_place_also_after_a_restart() {
    let data = data();
    let (mut log, records) = thirty_open(data.path());
    let count = in_oldest(data.path());
    let mut reclaimer = log.reclaimer(Vec::new());
    // leg 1 was handed over, the others but the third are owed
    let asked = [(Link::Up, Lane::Routine, 2, 2), (Link::Up, Lane::Routine, 4, count as u64)];
    let carried = reclaimer.carry(1, &asked).unwrap();
    let moved: Vec<_> = carried.puts.into_iter().map(Record::Reappended).collect();
    log.append(&moved).unwrap();
    log.sync().unwrap();
    let left = [up_span(1, 1), up_span(3, 3)];
    assert_eq!(reclaimer.oldest().unwrap().unwrap().spans, left);
    reclaimer.discard(1);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    assert_eq!(reclaimer.tend().unwrap(), [1]);
    for _ in 0..2 {
        let (said, next) = legs(&log.reader(), &Link::Up, Lane::Routine, 1, 30);
        assert_eq!(next, 31);
        let gaps: Vec<_> = sequences(&said).into_iter().filter(|(_, _, leg)| !leg).collect();
        assert_eq!(gaps, [(1, 1, false), (3, 3, false)]);
        for reading in &said {
            let Reading::Leg(leg) = reading else { continue };
            let expected = envelope_of(&records[leg.sequence as usize - 1]);
            assert_eq!(&leg.envelope_bytes, expected);
        }
        drop(reclaimer);
        drop(log);
        log = open(data.path(), SMALL).0;
        reclaimer = log.reclaimer(Vec::new());
    }
}

#[test]
fn a_leg_that_was_not_asked_for_is_never_carried() {
    let data = data();
    let (mut log, records) = thirty_open(data.path());
    let reclaimer = log.reclaimer(Vec::new());
    assert_eq!(reclaimer.carry(1, &[]).unwrap().puts, []);
    // nor one that is in a newer segment already
    append_each(&mut log, &[again(&records[1])]);
    let carried = reclaimer.carry(1, &[(Link::Up, Lane::Routine, 1, 3)]).unwrap();
    assert_eq!(sequences_of(&carried.puts), [1, 3]);
    // nor one that is in another segment
    let carried = reclaimer.carry(1, &[(Link::Up, Lane::Routine, 25, 30)]).unwrap();
    assert_eq!((carried.puts, carried.unreadable), (vec![], vec![]));
}

#[test]
fn legs_that_cannot_be_carried_are_named() {
    let data = data();
    let (log, _) = thirty_open(data.path());
    let victim = &all(data.path())[2];
    flip(&victim.file, victim.offset as usize + 40);
    let carried = log.reclaimer(Vec::new()).carry(1, &[(Link::Up, Lane::Routine, 1, 4)]).unwrap();
    assert_eq!(sequences_of(&carried.puts), [1, 2, 4]);
    let [lost] = carried.unreadable.as_slice() else { panic!("{:?}", carried.unreadable) };
    assert_eq!((&lost.link, lost.lane, lost.from, lost.through), (&Link::Up, Lane::Routine, 3, 3));
}

#[test]
fn what_was_carried_once_is_carried_again_when_its_new_segment_is_old() {
    let data = data();
    let mut sender = Sender::default();
    let first = sender.up(b"first");
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, std::slice::from_ref(&first));
    for round in 0..3_u8 {
        log.append_snapshot(vec![round].into()).unwrap();
        let mut reclaimer = log.reclaimer(Vec::new());
        let oldest = reclaimer.oldest().unwrap().unwrap();
        assert_eq!(oldest.spans, [up_span(1, 1)]);
        let carried = reclaimer.carry(oldest.number, &[(Link::Up, Lane::Routine, 1, 1)]).unwrap();
        assert_eq!(carried.puts.len(), 1);
        append_each(&mut log, &[Record::Reappended(carried.puts[0].clone())]);
        reclaimer.discard(oldest.number);
        assert_eq!(reclaimer.tend().unwrap(), [oldest.number]);
        let said = whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 1);
        assert_eq!(&said[0].envelope_bytes, envelope_of(&first));
    }
}
