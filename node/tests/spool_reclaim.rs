//! Old segments: what is told of them, and when they go.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spool_common::*;
use yizhan::spool::log::verify;
use yizhan::spool::{Options, Reading};
use yizhan_core::input::Span;
use yizhan_core::link::Link;
use yizhan_schemas::Lane;

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
        only_from: 1,
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
fn legs_between_those_that_were_carried_are_told_apart() {
    let data = data();
    let (mut log, records) = thirty_open(data.path());
    let count = in_oldest(data.path()) as u64;
    assert!(count > 4);
    append_each(&mut log, &[again(&records[1]), again(&records[3])]);
    let third = Span { only_from: 3, ..up_span(3, 3) };
    let rest = Span { only_from: 5, ..up_span(5, count) };
    let expected = [up_span(1, 1), third, rest];
    assert_eq!(log.reclaimer(Vec::new()).oldest().unwrap().unwrap().spans, expected);
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
