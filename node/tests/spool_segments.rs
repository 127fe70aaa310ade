//! Segments that are unfinished, gone, another log's, or without their header, footer or snapshot.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::fs;

use spool_common::*;
use yizhan::spool::log::{Harm, verify};
use yizhan::spool::{Log, SpoolError};
use yizhan_core::link::Link;
use yizhan_schemas::Lane;

#[test]
fn an_empty_segment_file_is_an_unfinished_segment() {
    let data = data();
    let records = thirty(data.path());
    fs::write(data.path().join("spool/00000000000000000999.seg"), b"").unwrap();
    let (mut log, report, visited) = open(data.path(), SMALL);
    assert_eq!((visited.len(), &report.damage, &report.torn), (30, &vec![], &None));
    assert_eq!(visited, records);
    append_each(&mut log, &[handed_over(1)]);
}

#[test]
fn a_half_written_segment_header_is_an_unfinished_segment() {
    let data = data();
    let records = thirty(data.path());
    let header = fs::read(&segments(data.path())[0]).unwrap()[..64].to_vec();
    for length in [1, 20, 63] {
        let mut half = header[..length].to_vec();
        half.resize(4096, 0);
        fs::write(data.path().join("spool/00000000000000000999.seg"), half).unwrap();
        let (_, report, visited) = open(data.path(), SMALL);
        assert_eq!(report.damage, []);
        assert_eq!(visited, records);
    }
    assert_eq!(verify(data.path()).unwrap().damage, []);
}

#[test]
fn a_half_written_first_segment_is_made_anew() {
    let data = data();
    fs::create_dir(data.path().join("spool")).unwrap();
    fs::write(data.path().join("spool/00000000000000000001.seg"), b"YZseg").unwrap();
    let (mut log, report, visited) = open(data.path(), SMALL);
    assert!(report.fresh);
    assert_eq!(visited, []);
    append_each(&mut log, &[handed_over(1)]);
}

#[test]
fn a_damaged_header_of_a_segment_with_commits_costs_nothing_but_a_word() {
    let data = data();
    let records = thirty(data.path());
    let all_segments = segments(data.path());
    for victim in [&all_segments[0], all_segments.last().unwrap()] {
        flip(victim, 20);
        let (_, report, visited) = open(data.path(), SMALL);
        assert_eq!(visited, records);
        let [damage] = report.damage.as_slice() else { panic!("{:?}", report.damage) };
        assert_eq!((damage.harm, &damage.file), (Harm::Header, victim));
        if *victim == all_segments[0] {
            flip(victim, 20);
        }
    }
    // the last segment was written anew with a good one
    assert_eq!(open(data.path(), SMALL).1.damage, []);
}

#[test]
fn the_only_segment_may_lose_its_header_and_keep_its_commits() {
    let data = data();
    let mut sender = Sender::default();
    let records = [sender.up(b"one"), sender.up(b"two")];
    written(data.path(), SMALL, &records);
    harm(&segments(data.path())[0], |bytes| bytes[..64].fill(0xee));
    let (_, report, visited) = open(data.path(), SMALL);
    assert_eq!(visited, records);
    assert_eq!(report.damage[0].harm, Harm::Header);
    let (_, report, visited) = open(data.path(), SMALL);
    assert_eq!((visited.len(), report.damage.len()), (2, 0));
}

#[test]
fn a_lost_footer_costs_a_scan_and_no_record() {
    let data = data();
    let records = thirty(data.path());
    let victim = segments(data.path())[1].clone();
    harm(&victim, |bytes| {
        let length = bytes.len();
        bytes.truncate(length - 30);
    });
    let (log, report, visited) = open(data.path(), SMALL);
    assert_eq!(visited, records);
    let [damage] = report.damage.as_slice() else { panic!("{:?}", report.damage) };
    assert_eq!(damage.harm, Harm::Footer);
    assert_eq!(whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 30).len(), 30);
}

#[test]
fn a_lost_footer_before_the_snapshot_is_made_up_for_by_a_scan() {
    let data = data();
    let (mut log, _, _) = open(data.path(), SMALL);
    let mut sender = Sender::default();
    let records: Vec<_> = (0..30).map(|n| sender.up(&[n; 300])).collect();
    append_each(&mut log, &records);
    log.append_snapshot(b"all".as_slice().into()).unwrap();
    drop(log);
    harm(&segments(data.path())[1], |bytes| {
        let length = bytes.len();
        bytes[length - 60..].fill(0);
    });
    let (log, report, visited) = open(data.path(), SMALL);
    assert_eq!(visited, [snapshot("all")]);
    assert_eq!(report.damage.iter().map(|one| one.harm).collect::<Vec<_>>(), [Harm::Footer]);
    assert_eq!(whole_legs(&log.reader(), &Link::Up, Lane::Routine, 1, 30).len(), 30);
}

#[test]
fn a_garbled_snapshot_falls_back_to_the_one_before_and_all_records_since() {
    let data = data();
    let mut sender = Sender::default();
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &[sender.up(b"a")]);
    log.append_snapshot(b"first".as_slice().into()).unwrap();
    let between = [sender.up(b"b"), sender.up(b"c")];
    append_each(&mut log, &between);
    log.append_snapshot(b"second".as_slice().into()).unwrap();
    let after = [sender.up(b"d")];
    append_each(&mut log, &after);
    drop(log);
    let last = segments(data.path()).pop().unwrap();
    flip(&last, 64 + 40 + 14);

    let (_, report, visited) = open(data.path(), SMALL);
    let mut expected = vec![snapshot("first")];
    expected.extend_from_slice(&between);
    expected.extend_from_slice(&after);
    assert_eq!(visited, expected);
    assert_eq!(report.snapshot, Some(3));
    assert_eq!(report.damage.len(), 1);
}

#[test]
fn a_torn_snapshot_is_cut_off_with_its_segment() {
    let data = data();
    let mut sender = Sender::default();
    let (mut log, _, _) = open(data.path(), SMALL);
    let records = [sender.up(b"a"), sender.up(b"b")];
    append_each(&mut log, &records);
    log.append_snapshot(b"all".as_slice().into()).unwrap();
    drop(log);
    flip(&segments(data.path())[1], 64 + 40 + 14);
    let (mut log, report, visited) = open(data.path(), SMALL);
    assert_eq!(visited, records);
    assert!(report.torn.is_some_and(|torn| torn.kept_in.is_some()));
    assert_eq!(report.damage, []);
    log.append_snapshot(b"again".as_slice().into()).unwrap();
    drop(log);
    assert_eq!(open(data.path(), SMALL).2, [snapshot("again")]);
}

#[test]
fn a_segment_that_is_gone_is_damage() {
    let data = data();
    let records = thirty(data.path());
    let gone = segments(data.path())[1].clone();
    let lost = all(data.path()).iter().filter(|one| one.file == gone).count();
    fs::remove_file(&gone).unwrap();
    let (_, report, visited) = open(data.path(), SMALL);
    assert_eq!(visited.len(), records.len() - lost);
    assert_eq!(report.damage.len(), 1);
}

#[test]
fn records_before_the_oldest_segment_are_damage_where_no_snapshot_stands_for_them() {
    let data = data();
    thirty(data.path());
    let oldest = segments(data.path())[0].clone();
    let next = all(data.path()).iter().find(|one| one.file != oldest).unwrap().commit;
    fs::remove_file(&oldest).unwrap();
    let (_, report, _) = open(data.path(), SMALL);
    assert_eq!(report.damage.iter().map(commits).collect::<Vec<_>>(), [(1, next - 1)]);
}

#[test]
fn a_segment_of_another_log_is_refused() {
    let (data, other) = (data(), data());
    thirty(data.path());
    thirty(other.path());
    let stranger = data.path().join("spool/00000000000000000777.seg");
    fs::copy(&segments(other.path())[0], &stranger).unwrap();
    let fault = Log::open(data.path(), SMALL, &mut |_| {}).unwrap_err();
    assert!(matches!(&fault, SpoolError::Foreign { file, .. } if *file == stranger), "{fault}");
}

#[test]
fn a_later_format_version_is_refused_and_not_touched() {
    let data = data();
    thirty(data.path());
    let victim = segments(data.path())[0].clone();
    with_version(&victim, 9);
    let before = fs::read(&victim).unwrap();
    let fault = Log::open(data.path(), SMALL, &mut |_| {}).unwrap_err();
    assert!(
        fault.to_string().contains("has format version 9; this release reads versions up to 2")
    );
    assert_eq!(fs::read(&victim).unwrap(), before);
}

#[test]
fn an_unfinished_copy_of_an_earlier_open_does_no_harm() {
    let data = data();
    let records = thirty(data.path());
    fs::write(data.path().join("spool/00000000000000000001.seg.copy"), b"half").unwrap();
    assert_eq!(open(data.path(), SMALL).2, records);
    assert!(!data.path().join("spool/00000000000000000001.seg.copy").exists());
}

#[test]
fn two_opens_of_one_directory_are_refused_by_name_and_process() {
    let data = data();
    let (log, _, _) = open(data.path(), SMALL);
    let fault = Log::open(data.path(), SMALL, &mut |_| {}).unwrap_err();
    let expected = format!(
        "data directory {} is in use by another process (pid {})",
        data.path().display(),
        std::process::id()
    );
    assert_eq!(fault.to_string(), expected);
    drop(log);
    open(data.path(), SMALL);
}
