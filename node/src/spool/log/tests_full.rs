//! A full disk, as only the inside can arrange it: on a volume that is made up.

use bytes::Bytes;
use rustix::io::Errno;
use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Record};
use yizhan_schemas::Lane;

use super::tests::{SMALL, open, put};
use super::*;
use crate::spool::disk::fault::{Call, Volume, arrange};

fn small(n: u64) -> Record {
    Record::Indexed(n)
}

fn append(log: &mut Log, record: Record) -> Result<(), SpoolError> {
    log.append(std::slice::from_ref(&record))?;
    log.sync()
}

#[test]
fn a_full_disk_cuts_back_to_the_last_good_commit_and_poisons_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let first = Record::Put(put(1, &[7; 300]));
    log.append(std::slice::from_ref(&first)).unwrap();
    log.sync().unwrap();
    arrange(Call::Write, Errno::NOSPC);
    let fault = log.append(&[Record::Put(put(2, &[8; 1000]))]).unwrap_err();
    assert!(matches!(fault, SpoolError::Full { .. }), "{fault}");
    let small = Record::Indexed(3);
    log.append(std::slice::from_ref(&small)).unwrap();
    log.sync().unwrap();
    drop(log);
    assert_eq!(open(data.path()).1, [first, small]);
    assert_eq!(verify(data.path()).unwrap().torn, None);
}

#[test]
fn a_roll_on_a_full_disk_takes_the_spare_and_without_one_leaves_room_for_small_commits() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let puts: Vec<_> = (1..=3).map(|n| Record::Put(put(n, &[7; 3000]))).collect();
    append(&mut log, puts[0].clone()).unwrap();
    let volume = Volume::full(data.path());
    append(&mut log, puts[1].clone()).unwrap();
    let fault = append(&mut log, puts[2].clone()).unwrap_err();
    assert!(matches!(fault, SpoolError::Full { .. }), "{fault}");
    append(&mut log, small(3)).unwrap();
    // space was freed
    drop(volume);
    append(&mut log, puts[2].clone()).unwrap();
    drop(log);
    let expected = [puts[0].clone(), puts[1].clone(), small(3), puts[2].clone()];
    assert_eq!(open(data.path()).1, expected);
}

#[test]
fn a_footer_that_finds_the_disk_full_is_left_out_and_costs_a_scan() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let puts: Vec<_> = (1..=2).map(|n| Record::Put(put(n, &[7; 3000]))).collect();
    append(&mut log, puts[0].clone()).unwrap();
    arrange(Call::Write, Errno::DQUOT);
    append(&mut log, puts[1].clone()).unwrap();
    assert_eq!(log.newest_segment(), 2);
    log.append_snapshot(Bytes::from_static(b"state")).unwrap();
    let oldest = log.reclaimer(Vec::new()).oldest().unwrap();
    drop(log);
    let (log, _) = open(data.path());
    assert_eq!(log.reclaimer(Vec::new()).oldest().unwrap(), oldest);
    assert_eq!(verify(data.path()).unwrap().damage, []);
}

#[test]
fn a_full_disk_does_not_keep_a_station_from_starting() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let records = [Record::Indexed(1), Record::Put(put(1, b"body"))];
    for record in &records {
        log.append(std::slice::from_ref(record)).unwrap();
        log.sync().unwrap();
    }
    drop(log);
    // once with the spare to copy the end into, then without
    for _ in 0..2 {
        let _volume = Volume::full(data.path());
        let (mut log, visited) = open(data.path());
        assert_eq!(visited[..2], records);
        log.append(&[Record::Indexed(2)]).unwrap();
        log.sync().unwrap();
    }
    assert_eq!(open(data.path()).1.len(), 4);
}

#[test]
fn a_full_volume_takes_no_messages_still_trims_and_recovers_without_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let gauge = log.gauge(u64::MAX);
    let mut reclaimer = log.reclaimer(Vec::new());
    // room for the reserve and some segments
    let volume = Volume::of(data.path(), 1024 * 1024 + 12 * SMALL.segment_bytes);
    let mut taken = 0;
    while gauge.read().held_bytes < gauge.read().max_bytes {
        taken += 1;
        append(&mut log, Record::Put(put(taken, &[7; 1500]))).unwrap();
        if log.wants_snapshot() {
            log.append_snapshot(Bytes::from_static(b"state")).unwrap();
        }
        reclaimer.tend().unwrap();
    }
    assert!(taken > 5, "{taken}");
    // what may still be under way, then somebody else takes the rest
    append(&mut log, Record::Put(put(taken + 1, &[7; 1500]))).unwrap();
    append(&mut log, Record::Put(put(taken + 2, &[7; 1500]))).unwrap();
    reclaimer.tend().unwrap();
    drop(volume);
    let volume = Volume::full(data.path());
    assert!(gauge.read().held_bytes >= gauge.read().max_bytes);
    for through in 1..=20 {
        let lane = Lane::Priority;
        append(&mut log, Record::HandedOver(Cursor { link: Link::Up, lane, through })).unwrap();
    }
    // all of the oldest was handed over: it gives its room back, and a new spare is made of it
    let oldest = reclaimer.oldest().unwrap().unwrap();
    reclaimer.discard(oldest.number);
    assert_eq!(reclaimer.tend().unwrap(), [oldest.number]);
    drop(volume);
    assert!(gauge.read().held_bytes < gauge.read().max_bytes);
    append(&mut log, Record::Put(put(taken + 3, &[7; 1500]))).unwrap();
    drop(log);
    assert_eq!(verify(data.path()).unwrap().damage, []);
}

#[test]
fn a_spare_that_is_gone_is_made_again_when_there_is_room() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    let mut reclaimer = log.reclaimer(Vec::new());
    let volume = Volume::full(data.path());
    log.append_snapshot(Bytes::from_static(b"state")).unwrap();
    reclaimer.tend().unwrap();
    assert!(reclaimer.waits(), "there is no spare");
    assert!(!log.wants_snapshot(), "nor room for a snapshot, however much is written");
    drop(volume);
    reclaimer.tend().unwrap();
    assert!(!reclaimer.waits());
    drop(log);
    // it is found again, not made
    let _volume = Volume::full(data.path());
    assert!(!open(data.path()).0.reclaimer(Vec::new()).waits());
}

#[test]
fn a_spare_with_anything_in_it_is_not_used() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    append(&mut log, small(1)).unwrap();
    drop(log);
    // as if it had been a copy of the end once: its commits must not come back to life
    let segment = std::fs::read(data.path().join("spool/00000000000000000001.seg")).unwrap();
    std::fs::write(data.path().join("spool/next.spare"), segment).unwrap();
    let (mut log, _) = open(data.path());
    log.append_snapshot(Bytes::from_static(b"state")).unwrap();
    append(&mut log, small(2)).unwrap();
    drop(log);
    let (_, visited) = open(data.path());
    assert_eq!(visited, [Record::Snapshot(Bytes::from_static(b"state")), small(2)]);
}

#[test]
fn nothing_is_carried_into_the_last_room_of_a_full_disk() {
    let data = tempfile::tempdir().unwrap();
    let (mut log, _) = open(data.path());
    append(&mut log, Record::Put(put(1, &[7; 300]))).unwrap();
    log.append_snapshot(Bytes::from_static(b"state")).unwrap();
    let reclaimer = log.reclaimer(Vec::new());
    let asked = [(Link::Up, Lane::Priority, 1, 1)];
    let volume = Volume::full(data.path());
    let carried = reclaimer.carry(1, &asked).unwrap();
    assert_eq!((carried.puts.len(), carried.unreadable), (0, vec![]));
    drop(volume);
    assert_eq!(reclaimer.carry(1, &asked).unwrap().puts.len(), 1);
}
