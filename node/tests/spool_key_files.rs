//! Publishers' keys of segments that are gone: kept by day, and found again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::fs;
use std::path::{Path, PathBuf};

use spool_common::*;
use yizhan::spool::key_files::{Found, every_key};
use yizhan::spool::keys::Limits;
use yizhan::spool::{KeyFiles, KeyUse, Keys, Log};
use yizhan_core::record::{PublisherKey, Record};
use yizhan_schemas::MessageId;
use yizhan_schemas::envelope::Digest;

const DAY_MS: u64 = 86_400_000;
/// 2026-02-02T02:40Z.
const NOW_MS: u64 = 1_770_000_000_000;

fn used(n: u64, wall_ms: u64) -> KeyUse {
    let body = Digest::of(&n.to_be_bytes());
    let key = PublisherKey { scope: "grid".into(), key: format!("k{n}"), body };
    let message = MessageId::parse(&format!("510722.101-b7k2qf-r{n}")).unwrap();
    KeyUse { ordinal: n, key, message, wall_ms }
}

fn uses(ordinals: std::ops::RangeInclusive<u64>) -> Vec<KeyUse> {
    ordinals.map(|n| used(n, NOW_MS + n)).collect()
}

fn files(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn file(data: &Path) -> PathBuf {
    data.join("keys/2026-02-02")
}

/// A data directory with an empty log, for what reads files and log together.
fn with_log() -> tempfile::TempDir {
    let data = data();
    drop(open(data.path(), SMALL));
    data
}

fn every(data: &Path) -> (Vec<KeyUse>, Found) {
    let mut all = Vec::new();
    let found = every_key(data, &mut |one| all.push(one)).unwrap();
    (all, found)
}

#[test]
fn keys_come_back_from_a_file_for_each_day() {
    let data = with_log();
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(1..=5000), NOW_MS).unwrap();
    kept.keep(&uses(5001..=5010), NOW_MS + DAY_MS).unwrap();
    drop(kept);
    // and from then on also by another process
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(5011..=5020), NOW_MS + DAY_MS).unwrap();
    assert_eq!(files(data.path()), ["2026-02-02", "2026-02-03"]);
    let (all, found) = every(data.path());
    assert_eq!(all, uses(1..=5020));
    assert_eq!(found, Found { in_files: 5020, in_log: 0, damaged_bytes: 0 });
}

#[test]
fn a_torn_end_is_cut_off_and_what_is_kept_next_comes_behind_what_is_whole() {
    let data = with_log();
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(1..=10), NOW_MS).unwrap();
    let whole = fs::read(file(data.path())).unwrap().len();
    kept.keep(&uses(11..=20), NOW_MS).unwrap();
    drop(kept);
    harm(&file(data.path()), |bytes| bytes.truncate(whole + 30));
    assert_eq!(every(data.path()).0, uses(1..=10));
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(11..=20), NOW_MS).unwrap();
    let (all, found) = every(data.path());
    assert_eq!((all, found.damaged_bytes), (uses(1..=20), 0));
}

#[test]
fn a_damaged_block_costs_its_own_keys_and_no_others() {
    let data = with_log();
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(1..=10), NOW_MS).unwrap();
    kept.keep(&uses(11..=20), NOW_MS).unwrap();
    flip(&file(data.path()), 50);
    let (all, found) = every(data.path());
    assert_eq!(all, uses(11..=20));
    assert!(found.damaged_bytes > 0);
    // what is written next does not overwrite what lies behind the damage
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(21..=30), NOW_MS).unwrap();
    assert_eq!(every(data.path()).0, uses(11..=30));
}

#[test]
fn keys_written_twice_count_once() {
    let data = with_log();
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(1..=10), NOW_MS).unwrap();
    kept.keep(&uses(1..=20), NOW_MS).unwrap();
    let (all, found) = every(data.path());
    assert_eq!((all, found.in_files), (uses(1..=20), 20));
}

#[test]
fn days_past_the_window_go_and_a_box_in_1970_keeps_what_it_has() {
    let data = with_log();
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(1..=1), 5000).unwrap();
    for day in 0..40 {
        kept.keep(&[used(2 + day, NOW_MS + day * DAY_MS)], NOW_MS + day * DAY_MS).unwrap();
    }
    assert_eq!(kept.expire(NOW_MS + 40 * DAY_MS, 41).unwrap(), 10);
    assert_eq!(files(data.path())[..2], ["1970-01-01", "2026-02-12"]);
}

#[test]
fn files_go_when_the_log_has_had_too_many_keys_since() {
    let data = with_log();
    let limits = Limits { keys_max: 100, ..Limits::default() };
    let mut kept = KeyFiles::open(data.path(), limits).unwrap();
    kept.keep(&uses(1..=50), NOW_MS).unwrap();
    kept.keep(&uses(51..=100), NOW_MS + DAY_MS).unwrap();
    assert_eq!(kept.expire(NOW_MS, 149).unwrap(), 0);
    assert_eq!(kept.expire(NOW_MS, 150).unwrap(), 1);
    assert_eq!(every(data.path()).0, uses(51..=100));
}

#[test]
fn a_day_that_the_clock_got_wrong_does_not_mix_up_the_order() {
    let data = with_log();
    let mut kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    kept.keep(&uses(1..=10), NOW_MS + 900 * DAY_MS).unwrap();
    kept.keep(&uses(11..=20), NOW_MS).unwrap();
    assert_eq!(every(data.path()).0, uses(1..=20));
}

/// Sixty keyed messages in small segments, then a snapshot.
fn sixty(data: &Path) -> (Log, Vec<Record>) {
    let mut sender = Sender::default();
    let records: Vec<_> = (0..60).map(|n| sender.keyed(&[n; 200])).collect();
    let (mut log, _, _) = open(data, SMALL);
    append_each(&mut log, &records);
    log.append_snapshot(b"state".as_slice().into()).unwrap();
    (log, records)
}

#[test]
fn a_segment_leaves_its_publishers_keys_behind() {
    let data = data();
    let (log, records) = sixty(data.path());
    let kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    let mut reclaimer = log.reclaimer(Vec::new()).keeping(kept);
    let (before, _) = every(data.path());
    for segment in 0..3 {
        let oldest = reclaimer.oldest().unwrap().unwrap().number;
        reclaimer.discard(oldest);
        assert_eq!(reclaimer.tend().unwrap(), [oldest], "{segment}");
    }
    let (after, found) = every(data.path());
    assert_eq!((&after, after.len()), (&before, records.len()));
    assert!(found.in_files > 0 && found.in_log > 0);
    // an index made of these knows them all
    let (mut keys, _) = Keys::open(data.path(), Limits::default()).unwrap();
    keys.apply(&after).unwrap();
    assert_eq!(keys.sync().unwrap(), 60);
    for record in &records {
        let Record::Put(put) = record else { panic!() };
        let known = keys.look(put.key.as_ref().unwrap()).unwrap();
        assert_eq!(known.message.unwrap().0, put.envelope.header().id());
    }
}

#[test]
fn a_crash_between_keeping_keys_and_unlinking_leaves_each_key_once() {
    let data = data();
    let (log, _) = sixty(data.path());
    let oldest = segments(data.path())[0].clone();
    let bytes = fs::read(&oldest).unwrap();
    let before = every(data.path()).0;
    let kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    let mut reclaimer = log.reclaimer(Vec::new()).keeping(kept);
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), [1]);
    drop((log, reclaimer));
    fs::write(&oldest, bytes).unwrap();
    assert_eq!(every(data.path()).0, before);
    // and goes again
    let (log, _, _) = open(data.path(), SMALL);
    let kept = KeyFiles::open(data.path(), Limits::default()).unwrap();
    let mut reclaimer = log.reclaimer(Vec::new()).keeping(kept);
    reclaimer.discard(1);
    assert_eq!(reclaimer.tend().unwrap(), [1]);
    assert_eq!(every(data.path()).0, before);
}
