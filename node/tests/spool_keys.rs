//! The index of publishers' keys: what it remembers, and what it survives.
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
use yizhan::spool::keys::Limits;
use yizhan::spool::{KeyUse, Keys, SpoolError};
use yizhan_core::draft::Known;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::MessageId;
use yizhan_schemas::envelope::Digest;

const DAY_MS: u64 = 86_400_000;
const NOW_MS: u64 = 1_770_000_000_000;

fn key(n: u64) -> PublisherKey {
    let body = Digest::of(&n.to_be_bytes());
    PublisherKey { scope: "grid".into(), key: format!("k{n}"), body }
}

fn message(n: u64) -> MessageId {
    MessageId::parse(&format!("510722.101-b7k2qf-r{n}")).unwrap()
}

fn used(n: u64, wall_ms: u64) -> KeyUse {
    KeyUse { ordinal: n, key: key(n), message: message(n), wall_ms }
}

fn uses(ordinals: std::ops::RangeInclusive<u64>) -> Vec<KeyUse> {
    ordinals.map(|n| used(n, NOW_MS + n)).collect()
}

fn store(data: &Path) -> PathBuf {
    data.join("index/keys")
}

fn filled(data: &Path) {
    let (mut keys, report) = Keys::open(data, Limits::default()).unwrap();
    assert!(report.fresh);
    keys.apply(&uses(1..=500)).unwrap();
    assert_eq!(keys.sync().unwrap(), 500);
}

fn known(keys: &Keys, n: u64) -> Option<(MessageId, Digest)> {
    keys.look(&key(n)).unwrap().message
}

#[test]
fn a_key_leads_to_its_message_and_its_body() {
    let data = data();
    let (mut keys, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert_eq!((report.through, report.fresh, report.set_aside), (0, true, None));
    assert_eq!(keys.look(&key(1)).unwrap(), Known::default());
    keys.apply(&uses(1..=3)).unwrap();
    // known already, but not yet vouched for
    let found = Some((message(2), key(2).body));
    assert_eq!(keys.look(&key(2)).unwrap(), Known { through: 0, message: found.clone() });
    assert_eq!(keys.sync().unwrap(), 3);
    assert_eq!(keys.look(&key(2)).unwrap(), Known { through: 3, message: found });
    assert_eq!(keys.look(&key(4)).unwrap(), Known { through: 3, message: None });
}

#[test]
fn scope_and_key_are_told_apart() {
    let data = data();
    let (mut keys, _) = Keys::open(data.path(), Limits::default()).unwrap();
    let of = |scope: &str, key: &str| PublisherKey {
        scope: scope.into(),
        key: key.into(),
        body: Digest([1; 16]),
    };
    let one = KeyUse { key: of("ab", "c"), ..used(1, NOW_MS) };
    keys.apply(&[one]).unwrap();
    assert!(keys.look(&of("ab", "c")).unwrap().message.is_some());
    assert!(keys.look(&of("a", "bc")).unwrap().message.is_none());
}

#[test]
fn keys_survive_a_reopen() {
    let data = data();
    filled(data.path());
    let (keys, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert_eq!((report.through, report.fresh, report.set_aside), (500, false, None));
    for n in 1..=500 {
        assert_eq!(known(&keys, n), Some((message(n), key(n).body)));
    }
}

#[test]
fn what_was_applied_before_is_passed_over() {
    let data = data();
    filled(data.path());
    let (mut keys, _) = Keys::open(data.path(), Limits::default()).unwrap();
    let other = KeyUse { message: message(9999), ..used(7, NOW_MS) };
    keys.apply(&[other]).unwrap();
    assert_eq!(known(&keys, 7).unwrap().0, message(7));
    keys.apply(&uses(400..=600)).unwrap();
    assert_eq!(keys.sync().unwrap(), 600);
    assert!(known(&keys, 600).is_some());
}

#[test]
fn the_oldest_keys_go_when_there_are_too_many() {
    let data = data();
    let limits = Limits { keys_max: 100, ..Limits::default() };
    let (mut keys, _) = Keys::open(data.path(), limits).unwrap();
    keys.apply(&uses(1..=250)).unwrap();
    assert_eq!(keys.expire(0).unwrap(), 150);
    assert_eq!(keys.expire(0).unwrap(), 0);
    assert_eq!(known(&keys, 150), None);
    assert!((151..=250).all(|n| known(&keys, n).is_some()));
}

#[test]
fn keys_past_the_window_go_and_younger_ones_stay() {
    let data = data();
    let limits = Limits { window_ms: 30 * DAY_MS, ..Limits::default() };
    let (mut keys, _) = Keys::open(data.path(), limits).unwrap();
    let days: Vec<_> = (1..=40).map(|n| used(n, NOW_MS + n * DAY_MS)).collect();
    keys.apply(&days).unwrap();
    assert_eq!(keys.expire(NOW_MS + 40 * DAY_MS).unwrap(), 9);
    assert!(known(&keys, 9).is_none() && known(&keys, 10).is_some());
}

#[test]
fn a_key_used_again_outlives_its_first_use() {
    let data = data();
    let (mut keys, _) = Keys::open(data.path(), Limits::default()).unwrap();
    let later = KeyUse { ordinal: 2, message: message(2), ..used(1, NOW_MS + 40 * DAY_MS) };
    keys.apply(&[used(1, NOW_MS), later]).unwrap();
    assert_eq!(keys.expire(NOW_MS + 41 * DAY_MS).unwrap(), 1);
    assert_eq!(known(&keys, 1).unwrap().0, message(2));
}

#[test]
fn a_box_that_booted_in_1970_loses_no_keys_when_it_learns_the_time() {
    let data = data();
    let (mut keys, _) = Keys::open(data.path(), Limits::default()).unwrap();
    keys.apply(&[used(1, 5_000), used(2, NOW_MS), used(3, 6_000)]).unwrap();
    assert_eq!(keys.expire(NOW_MS + DAY_MS).unwrap(), 0);
    assert!((1..=3).all(|n| known(&keys, n).is_some()));
}

#[test]
fn an_index_whose_conf_is_cut_short_is_set_aside_and_a_fresh_one_started() {
    let data = data();
    filled(data.path());
    harm(&store(data.path()).join("conf"), |bytes| bytes.truncate(58));
    let (mut keys, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert_eq!((report.through, report.fresh), (0, true));
    let (aside, why) = report.set_aside.unwrap();
    assert_eq!(aside, data.path().join("index/keys.broken-1"));
    assert!(aside.join("db").exists(), "nothing is deleted");
    assert!(!why.is_empty());
    keys.apply(&uses(1..=500)).unwrap();
    assert_eq!(keys.sync().unwrap(), 500);
    drop(keys);

    // and again, under another name
    harm(&store(data.path()).join("conf"), |bytes| bytes.truncate(58));
    let (_, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert_eq!(report.set_aside.unwrap().0, data.path().join("index/keys.broken-2"));
}

#[test]
fn a_half_written_sled_snapshot_does_no_harm() {
    let data = data();
    filled(data.path());
    fs::write(store(data.path()).join("snap.7FFFFFFFFFFFFFFF.generating"), [1; 20]).unwrap();
    let (keys, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert_eq!((report.through, report.set_aside), (500, None));
    assert!(known(&keys, 500).is_some());
}

#[test]
fn a_garbled_sled_snapshot_costs_a_replay_and_no_key() {
    let data = data();
    filled(data.path());
    // sled writes its snapshot when it opens
    drop(Keys::open(data.path(), Limits::default()).unwrap());
    let is_snapshot =
        |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("snap.");
    let snapshots: Vec<_> = fs::read_dir(store(data.path()))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(is_snapshot)
        .collect();
    assert!(!snapshots.is_empty());
    for snapshot in snapshots {
        harm(&snapshot, |bytes| bytes.truncate(bytes.len() / 2));
    }
    let (keys, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert_eq!((report.through, report.set_aside), (500, None));
    assert!((1..=500).all(|n| known(&keys, n).is_some()));
}

#[test]
fn an_index_whose_making_was_cut_short_is_made_anew_without_a_word() {
    let data = data();
    let (half, mark) = (store(data.path()), data.path().join("index/keys.making"));
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("conf"), b"half").unwrap();
    fs::write(&mark, b"").unwrap();
    filled(data.path());
    assert!(!mark.exists());
    let (keys, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert_eq!((report.through, report.set_aside), (500, None));
    assert!(known(&keys, 500).is_some());
}

#[test]
fn an_index_that_is_only_noise_is_set_aside() {
    let data = data();
    filled(data.path());
    for name in ["db", "conf"] {
        harm(&store(data.path()).join(name), |bytes| bytes.fill(0x5a));
    }
    let (keys, report) = Keys::open(data.path(), Limits::default()).unwrap();
    assert!(report.fresh && report.set_aside.is_some());
    assert_eq!(known(&keys, 1), None);
}

#[test]
fn an_index_can_be_set_aside_by_hand() {
    let data = data();
    assert_eq!(Keys::set_aside(data.path()).unwrap(), None);
    filled(data.path());
    assert!(Keys::set_aside(data.path()).unwrap().unwrap().exists());
    assert!(Keys::open(data.path(), Limits::default()).unwrap().1.fresh);
}

#[test]
fn two_opens_of_one_index_are_refused_while_anyone_holds_a_handle() {
    let data = data();
    let (keys, _) = Keys::open(data.path(), Limits::default()).unwrap();
    let looker = keys.looker();
    drop(keys);
    let fault = Keys::open(data.path(), Limits::default()).unwrap_err();
    assert!(matches!(fault, SpoolError::InUse { .. }), "{fault}");
    assert!(Keys::set_aside(data.path()).is_err());
    drop(looker);
    Keys::open(data.path(), Limits::default()).unwrap();
}

#[test]
fn an_index_that_is_gone_is_rebuilt_from_the_log() {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..60).map(|n| sender.keyed(&[n; 200])).collect();
    written(data.path(), SMALL, &records);
    let (mut keys, _) = Keys::open(data.path(), Limits::default()).unwrap();
    for found in all(data.path()) {
        let yizhan_core::record::Record::Put(put) = found.record else { continue };
        let (Some(ordinal), Some(key)) = (found.key_ordinal, put.key) else { continue };
        let message = put.envelope.header().id();
        keys.apply(&[KeyUse { ordinal, key, message, wall_ms: put.taken_wall_ms }]).unwrap();
    }
    assert_eq!(keys.sync().unwrap(), 60);
}
