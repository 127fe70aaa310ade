//! Old segments: what is told of them, what is carried out of them, and when they go.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spool_common::*;
use yizhan::spool::log::{CARRY_BYTES_MAX, verify};
use yizhan::spool::{Log, Options, Reading};
use yizhan_core::input::Span;
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_schemas::Lane;

fn up_span(from: u64, through: u64) -> Span {
    Span { link: Link::Up, lane: Lane::Routine, from, through, chain: chain(through) }
}

/// Thirty messages up in several small segments, the log open.
fn thirty_open(data: &Path) -> (Log, Vec<Record>) {
    let records = thirty(data);
    (open(data, SMALL).0, records)
}

/// How many messages the oldest segment holds.
fn in_oldest(data: &Path) -> usize {
    let oldest = segments(data)[0].clone();
    all(data).iter().filter(|one| one.file == oldest).count()
}

fn number_of(segment: &Path) -> u64 {
    segment.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

fn put_of(record: &Record) -> &Put {
    match record {
        Record::Put(put) | Record::Reappended(put) => put,
        other => panic!("not a put: {other:?}"),
    }
}

fn sequences_of(puts: &[Put]) -> Vec<u64> {
    puts.iter().flat_map(|put| put.legs.iter().map(|leg| leg.sequence)).collect()
}

#[test]
fn the_oldest_segment_is_told_with_its_legs_its_bytes_and_its_time() {
    let data = data();
    let (log, records) = thirty_open(data.path());
    let count = in_oldest(data.path());
    let oldest = log.reclaimer(Vec::new()).oldest().unwrap().unwrap();
    assert_eq!(oldest.number, 1);
    assert_eq!(oldest.bytes, segments(data.path())[0].metadata().unwrap().len());
    assert_eq!(oldest.newest_wall_ms, put_of(&records[count - 1]).taken_wall_ms);
    assert_eq!(oldest.spans, [up_span(1, count as u64)]);
}

#[test]
fn the_segment_that_is_being_written_is_never_the_oldest() {
    let data = data();
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &[Sender::default().up(b"one")]);
    assert_eq!(log.reclaimer(Vec::new()).oldest().unwrap(), None);
}

#[test]
fn each_link_and_lane_has_its_own_span_and_trims_have_none() {
    let data = data();
    let mut sender = Sender::default();
    let child = down("510722.101");
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(
        &mut log,
        &[
            sender.put(Lane::Flash, &[Link::Up, child.clone()], b"a"),
            handed_over(1),
            sender.put(Lane::Priority, &[Link::Inbox], b"b"),
            sender.put(Lane::Flash, &[Link::Up], b"c"),
        ],
    );
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    let span = |link: &Link, lane, through| Span {
        link: link.clone(),
        lane,
        from: 1,
        through,
        chain: chain(through),
    };
    let mut spans = log.reclaimer(Vec::new()).oldest().unwrap().unwrap().spans;
    spans.sort_by_key(|span| span.link.clone());
    let mut expected = [
        span(&Link::Up, Lane::Flash, 2),
        span(&child, Lane::Flash, 1),
        span(&Link::Inbox, Lane::Routine, 1),
    ];
    expected.sort_by_key(|span| span.link.clone());
    assert_eq!(spans, expected);
}

#[test]
fn legs_appended_again_count_where_they_are_now_also_after_a_restart() {
    let data = data();
    let (mut log, records) = thirty_open(data.path());
    let count = in_oldest(data.path());
    append_each(&mut log, &[again(&records[0]), again(&records[count - 1])]);
    let expected = [up_span(2, count as u64 - 1)];
    assert_eq!(log.reclaimer(Vec::new()).oldest().unwrap().unwrap().spans, expected);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    drop(log);
    let (mut log, _, _) = open(data.path(), SMALL);
    assert_eq!(log.reclaimer(Vec::new()).oldest().unwrap().unwrap().spans, expected);
    let rest: Vec<_> = records[1..count - 1].iter().map(again).collect();
    append_each(&mut log, &rest);
    assert_eq!(log.reclaimer(Vec::new()).oldest().unwrap().unwrap().spans, []);
}

#[test]
fn news_are_told_once_and_again_when_they_change() {
    let data = data();
    let (mut log, records) = thirty_open(data.path());
    let mut reclaimer = log.reclaimer(Vec::new());
    assert!(reclaimer.news().unwrap().is_some());
    assert_eq!(reclaimer.news().unwrap(), None);
    append_each(&mut log, &[again(&records[0])]);
    assert_eq!(reclaimer.news().unwrap().unwrap().spans[0].from, 2);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    assert_eq!(reclaimer.news().unwrap(), None, "a roll alone changes nothing in the oldest");
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), [1]);
    assert_ne!(reclaimer.news().unwrap().unwrap().number, 1);
}

#[test]
fn a_segment_goes_only_behind_a_snapshot_and_gives_its_bytes_back() {
    let data = data();
    let (mut log, _) = thirty_open(data.path());
    let mut reclaimer = log.reclaimer(Vec::new());
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), Vec::<u64>::new());
    assert!(reclaimer.waits());
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    let (held, bytes) = (log.held_bytes(), segments(data.path())[0].metadata().unwrap().len());
    assert_eq!(reclaimer.tend().unwrap(), [1]);
    assert_eq!(log.held_bytes(), held - bytes);
    assert!(segments(data.path()).iter().all(|path| number_of(path) > 1));
    drop((log, reclaimer));
    let (_, report, visited) = open(data.path(), SMALL);
    assert_eq!((report.damage, visited), (vec![], vec![snapshot("state")]));
    assert_eq!(verify(data.path()).unwrap().damage, []);
}

#[test]
fn a_discard_that_waits_for_nothing_but_a_snapshot_asks_for_one() {
    let data = data();
    let mut sender = Sender::default();
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &[sender.up(&[1; 3000]), sender.up(&[1; 3000])]);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    append_each(&mut log, &[sender.up(&[1; 2000]), sender.up(&[1; 2000])]);
    let mut reclaimer = log.reclaimer(Vec::new());
    // the snapshot's own segment can go only behind another one
    let numbers: Vec<_> = segments(data.path()).iter().map(|path| number_of(path)).collect();
    numbers[..3].iter().for_each(|number| reclaimer.discard(*number));
    assert_eq!(reclaimer.tend().unwrap(), numbers[..2]);
    assert!(log.wants_snapshot());
    log.append_snapshot(b"newer".as_slice().into()).unwrap();
    assert!(!log.wants_snapshot());
    assert_eq!(reclaimer.tend().unwrap(), numbers[2..3]);
}

#[test]
fn a_segment_waits_for_all_that_is_derived_from_it() {
    let data = data();
    let (mut log, _) = thirty_open(data.path());
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    let (index, history) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
    let mut reclaimer = log.reclaimer(vec![Arc::clone(&index), history]);
    reclaimer.discard(1);
    let last = number_of(&segments(data.path())[1]) - 1;
    for reached in [0, last - 1] {
        index.store(reached, Ordering::SeqCst);
        assert_eq!(reclaimer.tend().unwrap(), Vec::<u64>::new());
    }
    index.store(last, Ordering::SeqCst);
    assert_eq!(reclaimer.tend().unwrap(), [1]);
}

#[test]
fn no_segment_goes_before_an_older_one() {
    let data = data();
    let (mut log, _) = thirty_open(data.path());
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    let second = number_of(&segments(data.path())[1]);
    let mut reclaimer = log.reclaimer(Vec::new());
    reclaimer.discard(second);
    assert_eq!(reclaimer.tend().unwrap(), Vec::<u64>::new());
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), [1, second]);
    // a wish that comes again, for what is gone
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), Vec::<u64>::new());
    assert!(!reclaimer.waits());
}

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
    assert_eq!(reclaimer.oldest().unwrap().unwrap().spans, [up_span(1, 3)]);
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

#[test]
fn a_reader_in_the_middle_of_a_segment_that_goes_reads_on() {
    let data = data();
    let mut sender = Sender::default();
    let options = Options { segment_bytes: 1024 * 1024 };
    let (mut log, _, _) = open(data.path(), options);
    let records: Vec<_> = (0..200).map(|n| sender.up(&[n as u8; 4000])).collect();
    append_each(&mut log, &records);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    drop(log);
    // nothing of it is in memory now
    let (log, _, _) = open(data.path(), options);
    let mut reclaimer = log.reclaimer(Vec::new());
    let mut read = 0;
    log.reader()
        .legs(&Link::Up, Lane::Routine, 1, 200, &mut |reading| {
            let Reading::Leg(leg) = reading else { panic!("{reading:?}") };
            assert_eq!(&leg.envelope_bytes, envelope_of(&records[leg.sequence as usize - 1]));
            if leg.sequence == 5 {
                reclaimer.discard(1);
                assert_eq!(reclaimer.tend().unwrap(), [1]);
            }
            read += 1;
            true
        })
        .unwrap();
    assert_eq!(read, 200);
    // and who comes later finds none
    let (said, next) = legs(&log.reader(), &Link::Up, Lane::Routine, 1, 200);
    assert_eq!((said, next), (vec![], 1));
}

#[test]
fn segments_that_come_back_after_a_crash_are_the_oldest_again() {
    let data = data();
    let (mut log, _) = thirty_open(data.path());
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    let first = segments(data.path())[0].clone();
    let bytes = std::fs::read(&first).unwrap();
    let mut reclaimer = log.reclaimer(Vec::new());
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), [1]);
    drop((log, reclaimer));
    std::fs::write(&first, bytes).unwrap();
    let (log, report, _) = open(data.path(), SMALL);
    assert_eq!(report.damage, []);
    let mut reclaimer = log.reclaimer(Vec::new());
    assert_eq!(reclaimer.oldest().unwrap().unwrap().number, 1);
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), [1]);
}

#[test]
fn spares_that_are_made_beside_the_writer_never_take_its_segments_place() {
    let data = data();
    let mut sender = Sender::default();
    let (mut log, _, _) = open(data.path(), SMALL);
    let records: Vec<_> = (0..300).map(|_| sender.up(&[7; 1500])).collect();
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (mut reclaimer, done) = (log.reclaimer(Vec::new()), &done);
        scope.spawn(move || {
            while done.load(Ordering::Relaxed) == 0 {
                reclaimer.tend().unwrap();
            }
        });
        append_each(&mut log, &records);
        done.store(1, Ordering::Relaxed);
    });
    assert_eq!(whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 300).len(), 300);
    drop(log);
    let (_, report, visited) = open(data.path(), SMALL);
    assert_eq!((report.damage, visited.len()), (vec![], 300));
}
