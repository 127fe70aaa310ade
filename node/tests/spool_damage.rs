//! Commits that are damaged or torn: one test for each way.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::fs;

use spool_common::*;
use yizhan::spool::Options;
use yizhan::spool::log::{LegRange, verify};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::Lane;

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
    let ids: Vec<_> = damage.ids.iter().map(ToString::to_string).collect();
    let Record::Put(lost) = &records[10] else { panic!() };
    assert_eq!(ids, [lost.envelope.header().id().to_string()]);
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
    assert!(damage.ids[0].to_string().ends_with("-r2..3"), "{}", damage.ids[0]);
    let page = serde_json::to_value(verify(data.path()).unwrap()).unwrap();
    assert_eq!(page["damage"][0]["harm"]["commits"]["first"], 2);
    assert_eq!(page["damage"][0]["legs"][0]["link"], "up");
    assert_eq!(page["damage"][0]["ids"][0]["through"], 3);
    assert_eq!(visited.len(), records.len() - 2);
}

#[test]
fn damage_at_a_segments_end_is_known_from_its_footer() {
    let data = data();
    let records = thirty(data.path());
    let first_segment = segments(data.path())[0].clone();
    let found = all(data.path());
    let last_there = found.iter().rfind(|one| one.file == first_segment).unwrap();
    flip(&last_there.file, last_there.offset as usize + 60);
    let (_, report, visited) = open(data.path(), SMALL);
    let [damage] = report.damage.as_slice() else { panic!("{:?}", report.damage) };
    assert_eq!(damage.legs, up_legs(last_there.commit, last_there.commit));
    assert_eq!((damage.ids[0].from, damage.ids[0].through), (last_there.commit, last_there.commit));
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
