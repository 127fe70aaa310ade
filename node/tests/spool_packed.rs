//! Commits that are long enough to be packed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::fs;
use std::path::Path;

use crc32c::crc32c;
use spool_common::*;
use yizhan::spool::Options;
use yizhan::spool::log::verify;
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::Lane;

/// Messages of a commit.
const EACH: u64 = 100;

/// A report, as long and as like others as real ones are.
fn report(n: u64) -> Vec<u8> {
    let said = "two cars met at the crossing of the old west street, nobody is hurt";
    format!("{{\"category\":\"traffic\",\"n\":{n},\"place\":\"{}\",\"said\":\"{said}\"}}", n * 7919)
        .into_bytes()
}

/// So many commits of so many messages each, written and the log closed.
fn written_in(data: &Path, commits: u64, payload: impl Fn(u64) -> Vec<u8>) -> Vec<Record> {
    let (mut log, _, _) = open(data, Options::default());
    let mut sender = Sender::default();
    let records: Vec<_> = (0..commits * EACH).map(|n| sender.up(&payload(n))).collect();
    for commit in records.chunks(EACH as usize) {
        append(&mut log, commit);
    }
    records
}

fn used_bytes(data: &Path) -> u64 {
    verify(data).unwrap().segments.iter().map(|segment| segment.used_bytes).sum()
}

fn payload_bytes(records: &[Record]) -> u64 {
    records.iter().map(|record| envelope_of(record).len() as u64).sum()
}

#[test]
fn reports_take_less_of_the_disk_than_they_have_bytes_and_come_back_as_they_were() {
    let data = data();
    let records = written_in(data.path(), 5, report);
    assert!(used_bytes(data.path()) * 2 < payload_bytes(&records), "{}", used_bytes(data.path()));

    // nothing is in memory after this: legs are read from the file, from marks within commits too
    let (log, report, visited) = open(data.path(), Options::default());
    assert_eq!((report.torn, report.damage), (None, vec![]));
    assert_eq!(visited, records);
    for from in [1, 2, 65, 100, 101, 163, 164, 170, 499, 500] {
        let legs = whole_legs(&log.reader(), &Link::Up, Lane::Routine, from, 500);
        for (leg, record) in legs.iter().zip(&records[from as usize - 1..]) {
            assert_eq!(&leg.envelope_bytes, envelope_of(record), "leg {}", leg.sequence);
            assert_eq!(leg.put_at, (leg.sequence - 1) / EACH + 1);
        }
    }
    assert_eq!(all(data.path()).into_iter().map(|one| one.record).collect::<Vec<_>>(), records);
}

#[test]
fn what_does_not_get_shorter_goes_as_it_is() {
    let data = data();
    // a counter's checksums: as good as noise
    let noise = |n: u64| -> Vec<u8> {
        let words = (0..750_u64).map(|at| crc32c(&(n * 1000 + at).to_le_bytes()).to_le_bytes());
        words.flatten().collect()
    };
    let records = written_in(data.path(), 2, noise);
    assert!(used_bytes(data.path()) > payload_bytes(&records));
    assert_eq!(open(data.path(), Options::default()).2, records);
}

#[test]
fn what_is_long_by_itself_goes_as_it_is() {
    let data = data();
    let (mut log, _, _) = open(data.path(), Options::default());
    let mut sender = Sender::default();
    let records: Vec<_> = (0..10).map(|_| sender.up(&[b'x'; 20_000])).collect();
    append(&mut log, &records);
    assert!(used_bytes(data.path()) > payload_bytes(&records));
}

#[test]
fn a_flipped_bit_in_a_packed_commit_is_damage_of_that_commit_alone() {
    let data = data();
    let records = written_in(data.path(), 3, report);
    let places = all(data.path());
    let (second, third) = (&places[EACH as usize], &places[2 * EACH as usize]);
    assert_eq!((second.commit, third.commit), (2, 3));
    flip(&second.file, (second.offset + third.offset) as usize / 2);
    let (log, report, visited) = open(data.path(), Options::default());
    assert_eq!(report.damage.iter().map(commits).collect::<Vec<_>>(), [(2, 2)]);
    assert_eq!(visited, [&records[..100], &records[200..]].concat());
    let (said, _) = legs(&log.reader(), &Link::Up, Lane::Routine, 100, 201);
    assert_eq!(sequences(&said), [(100, 100, true), (101, 200, false), (201, 201, true)]);
}

#[test]
fn a_packed_commit_that_is_damaged_after_the_start_is_a_gap_and_hides_none_behind_it() {
    let data = data();
    written_in(data.path(), 3, report);
    let (log, _, _) = open(data.path(), Options::default());
    let places = all(data.path());
    let (first, second) = (&places[0], &places[EACH as usize]);
    flip(&first.file, (first.offset + second.offset) as usize / 2);
    // leg 65 has a mark; unpacked, its place would be behind the place of the commits that follow
    for from in [1, 65, 70] {
        let (said, next) = legs(&log.reader(), &Link::Up, Lane::Routine, from, 300);
        assert_eq!(next, 301);
        let mut expected = vec![(from, 100, false)];
        expected.extend((101..=300).map(|leg| (leg, leg, true)));
        assert_eq!(sequences(&said), expected, "from {from}");
    }
}

#[test]
fn a_log_of_the_release_before_packing_is_gone_on_with() {
    let data = data();
    let mut records = thirty(data.path());
    for segment in segments(data.path()) {
        assert_eq!(fs::read(&segment).unwrap()[8], 2);
        with_version(&segment, 1);
    }
    let (mut log, report, visited) = open(data.path(), SMALL);
    assert_eq!((report.torn, report.damage), (None, vec![]));
    assert_eq!(visited, records);
    let mut sender = Sender::default();
    let more: Vec<_> = (0..200).map(|n| sender.up(&self::report(n))).skip(30).collect();
    append(&mut log, &more);
    drop(log);
    records.extend(more);
    assert_eq!(open(data.path(), SMALL).2, records);
    let newest = fs::read(segments(data.path()).pop().unwrap()).unwrap();
    assert_eq!(newest[8], 2);
}
