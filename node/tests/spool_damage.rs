//! One test for each way in which the log's files can be broken.

mod spool_common;

use std::fs;
use std::path::Path;

use spool_common::*;
use yizhan::spool::log::{Damage, Harm, LegRange, verify};
use yizhan::spool::{Log, Options, SpoolError};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::Lane;

/// Thirty messages up, each a commit of its own, over several small segments.
fn thirty(data: &Path) -> Vec<Record> {
    let mut sender = Sender::default();
    let records: Vec<_> = (0..30).map(|n| sender.up(&[n; 300])).collect();
    written(data, SMALL, &records);
    records
}

fn commits(damage: &Damage) -> (u64, u64) {
    match damage.harm {
        Harm::Commits { first, last } => (first, last),
        other => panic!("{other:?}"),
    }
}

fn up_legs(from: u64, through: u64) -> Vec<LegRange> {
    vec![LegRange { link: Link::Up, lane: Lane::Routine, from, through }]
}

#[test]
fn a_flipped_bit_with_intact_commits_behind_it_is_damage_and_all_else_is_there() {
    let data = data();
    let records = thirty(data.path());
    let victim = all(data.path())[10].clone();
    flip(&victim.file, victim.offset as usize + 60);

    let (mut log, report, visited) = open(data.path(), SMALL);
    assert_eq!(report.torn, None);
    let [damage] = report.damage.as_slice() else { panic!("{:?}", report.damage) };
    assert_eq!(commits(damage), (victim.commit, victim.commit));
    assert_eq!(damage.file, victim.file);
    assert_eq!(damage.legs, up_legs(11, 11));
    let kept = fs::read(damage.kept_in.as_ref().unwrap()).unwrap();
    assert_eq!(kept.len() as u64, damage.bytes);
    let mut rest = records.clone();
    rest.remove(10);
    assert_eq!(visited, rest);

    let (said, next) = legs(&log.reader(), &Link::Up, Lane::Routine, 9, 13);
    assert_eq!(next, 14);
    let expected = [(9, 9, true), (10, 10, true), (11, 11, false), (12, 12, true), (13, 13, true)];
    assert_eq!(sequences(&said), expected);
    append_each(&mut log, &[handed_over(8)]);
}

#[test]
fn a_flipped_bit_in_a_commit_header_is_damage_of_that_commit_alone() {
    let data = data();
    let records = thirty(data.path());
    let victim = all(data.path())[29 - 2].clone();
    flip(&victim.file, victim.offset as usize - 40);
    let (_, report, visited) = open(data.path(), SMALL);
    assert_eq!(
        report.damage.iter().map(commits).collect::<Vec<_>>(),
        [(victim.commit, victim.commit)]
    );
    let mut rest = records;
    rest.remove(27);
    assert_eq!(visited, rest);
}

#[test]
fn neighbouring_damaged_commits_are_one_damage() {
    let data = data();
    let records = thirty(data.path());
    let found = all(data.path());
    let [one, two] = [&found[1], &found[2]];
    flip(&one.file, one.offset as usize + 60);
    flip(&two.file, two.offset as usize - 3);
    let (_, report, visited) = open(data.path(), SMALL);
    let [damage] = report.damage.as_slice() else { panic!("{:?}", report.damage) };
    assert_eq!(commits(damage), (2, 3));
    assert_eq!(damage.legs, up_legs(2, 3));
    assert_eq!(visited.len(), records.len() - 2);
}

#[test]
fn damage_at_a_segments_end_is_known_from_its_footer() {
    let data = data();
    let records = thirty(data.path());
    let first_segment = segments(data.path())[0].clone();
    let found = all(data.path());
    let last_there = found.iter().filter(|one| one.file == first_segment).next_back().unwrap();
    flip(&last_there.file, last_there.offset as usize + 60);
    let (_, report, visited) = open(data.path(), SMALL);
    let [damage] = report.damage.as_slice() else { panic!("{:?}", report.damage) };
    assert_eq!(damage.legs, up_legs(last_there.commit, last_there.commit));
    assert_eq!(visited.len(), records.len() - 1);
}

#[test]
fn damage_is_reported_at_every_open_and_kept_once() {
    let data = data();
    thirty(data.path());
    let victim = all(data.path())[28].clone();
    flip(&victim.file, victim.offset as usize + 60);
    let (_, first, _) = open(data.path(), SMALL);
    let (_, second, _) = open(data.path(), SMALL);
    assert_eq!(first.damage, second.damage);
    assert_eq!(first.damage.len(), 1);
    assert_eq!(fs::read_dir(data.path().join("spool/damaged")).unwrap().count(), 1);
}

#[test]
fn a_torn_tail_is_cut_off_wherever_it_is_torn() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..3).map(|n| sender.up(&[n; 100])).collect();
    written(data.path(), SMALL, &records);
    let last = all(data.path())[2].clone();
    let whole = fs::read(&last.file).unwrap();
    let start = last.offset as usize - 40;
    let end = start + 40 + verify(data.path()).unwrap().segments[0].used_bytes as usize
        - (last.offset as usize);
    for cut in (start..end).step_by(7) {
        // the last byte of a commit may be a zero, which no cut can take away
        let mut torn = whole.clone();
        torn[cut..].fill(0);
        let lost = torn[..end] != whole[..end];
        fs::write(&last.file, &torn).unwrap();
        let (mut log, report, visited) = open(data.path(), SMALL);
        let there = if lost { &records[..2] } else { &records[..] };
        assert_eq!(visited, there, "cut at {cut}");
        assert_eq!(report.damage, []);
        assert_eq!(report.torn.is_some(), lost && cut > start);
        append_each(&mut log, &[handed_over(cut as u64)]);
        drop(log);
        assert_eq!(open(data.path(), SMALL).2.len(), there.len() + 1);
    }
}

#[test]
fn a_file_that_was_cut_short_loses_its_torn_commit_only() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..3).map(|n| sender.up(&[n; 100])).collect();
    written(data.path(), SMALL, &records);
    let last = all(data.path())[2].clone();
    harm(&last.file, |bytes| bytes.truncate(last.offset as usize + 20));
    let (_, report, visited) = open(data.path(), SMALL);
    assert_eq!(visited, records[..2]);
    let torn = report.torn.unwrap();
    assert_eq!((torn.commit, torn.offset), (3, last.offset - 40));
    assert_eq!(fs::read(torn.kept_in.unwrap()).unwrap().len() as u64, torn.bytes);
}

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
fn a_payload_that_holds_another_logs_commits_is_never_taken_for_one() {
    let (data, other) = (data(), data());
    let mut sender = Sender::default();
    written(other.path(), SMALL, &[sender.up(b"forged"), sender.up(b"forged too")]);
    let smuggled = fs::read(&segments(other.path())[0]).unwrap();
    let used = verify(other.path()).unwrap().segments[0].used_bytes as usize;

    let mut sender = Sender::default();
    let records = [sender.up(b"one"), sender.up(&smuggled[..used]), sender.up(b"three")];
    let options = Options { segment_bytes: 64 * 1024 };
    written(data.path(), options, &records);
    let victim = all(data.path())[1].clone();
    flip(&victim.file, victim.offset as usize - 40);
    let (_, report, visited) = open(data.path(), options);
    assert_eq!(visited, [records[0].clone(), records[2].clone()]);
    assert_eq!(report.damage.iter().map(commits).collect::<Vec<_>>(), [(2, 2)]);
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
    harm(&victim, |bytes| {
        bytes[8] = 9;
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    });
    let before = fs::read(&victim).unwrap();
    let fault = Log::open(data.path(), SMALL, &mut |_| {}).unwrap_err();
    assert!(fault.to_string().contains("has format version 9; this release reads version 1"));
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

#[test]
fn keys_keep_their_ordinals_when_commits_before_them_are_damaged() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..30).map(|n| sender.keyed(&[n; 300])).collect();
    written(data.path(), SMALL, &records);
    let found = all(data.path());
    assert_eq!(found.last().unwrap().key_ordinal, Some(30));
    flip(&found[2].file, found[2].offset as usize + 60);
    let ordinals: Vec<_> = all(data.path()).iter().filter_map(|one| one.key_ordinal).collect();
    assert_eq!(ordinals.last(), Some(&30));
    assert_eq!(open(data.path(), SMALL).1.keys, 30);
}
