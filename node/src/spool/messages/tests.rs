use tempfile::TempDir;

use super::*;

fn id(sequence: u64) -> MessageId {
    MessageId::parse(&format!("510722.101-b7k2qf-r{sequence}")).unwrap()
}

fn row(ordinal: u64, page: &str) -> Row {
    Row { id: id(ordinal), ordinal, page: page.as_bytes().to_vec() }
}

fn reached(commit: u64, ordinal: u64) -> Reached {
    Reached { commit, ordinal, ..Reached::default() }
}

fn open(data: &TempDir, last_commit: u64) -> (Messages, MessagesReport) {
    Messages::open(data.path(), last_commit).unwrap()
}

#[test]
fn what_was_synced_is_there_after_a_restart_with_the_place_in_the_log() {
    let data = TempDir::new().unwrap();
    let (mut index, report) = open(&data, 9);
    assert!(report.fresh && report.set_aside.is_none());
    index.apply(&[row(1, "a"), row(2, "b")], reached(5, 2)).unwrap();
    index.apply(&[row(1, "A")], reached(7, 2)).unwrap();
    assert_eq!(index.synced().load(Ordering::Acquire), 0);
    assert_eq!(index.sync().unwrap(), 7);
    assert_eq!(index.synced().load(Ordering::Acquire), 7);
    drop(index);
    let (index, report) = open(&data, 9);
    assert_eq!((report, index.reached().commit), (MessagesReport::default(), 7));
    let look = index.looker();
    assert_eq!(look.get(&id(1)).unwrap(), Some(b"A".to_vec()));
    assert_eq!(look.get(&id(2)).unwrap(), Some(b"b".to_vec()));
    assert_eq!(look.get(&id(3)).unwrap(), None);
}

#[test]
fn the_oldest_messages_go_first_and_do_not_come_back() {
    let data = TempDir::new().unwrap();
    let (mut index, _) = open(&data, 9);
    index.most = 3;
    let look = index.looker();
    for ordinal in 1..=5 {
        index.apply(&[row(ordinal, "x")], reached(ordinal, ordinal)).unwrap();
    }
    index.apply(&[row(1, "late news")], reached(6, 5)).unwrap();
    let there = |n| look.get(&id(n)).unwrap().is_some();
    assert_eq!([1, 2, 3, 4, 5].map(there), [false, false, true, true, true]);
    let mut seen = Vec::new();
    let next = look.before(u64::MAX, &mut |ordinal, _| {
        seen.push(ordinal);
        seen.len() < 2
    });
    assert_eq!((next.unwrap(), seen.as_slice()), (Some(4), [5, 4].as_slice()));
    let next = look.before(4, &mut |ordinal, _| {
        seen.push(ordinal);
        true
    });
    assert_eq!((next.unwrap(), seen.as_slice()), (None, [5, 4, 3].as_slice()));
}

#[test]
fn an_index_of_another_log_or_one_that_is_broken_is_set_aside() {
    let data = TempDir::new().unwrap();
    let (mut index, _) = open(&data, 9);
    index.apply(&[row(1, "a")], reached(9, 1)).unwrap();
    index.sync().unwrap();
    drop(index);
    let (index, report) = open(&data, 8);
    let why = report.set_aside.unwrap().1;
    assert!(why.contains("of another log"), "{why}");
    assert_eq!(index.looker().get(&id(1)).unwrap(), None);
    drop(index);
    let store = data.path().join("messages/pages");
    for name in ["db", "conf"] {
        let length = std::fs::metadata(store.join(name)).unwrap().len();
        std::fs::write(store.join(name), vec![0x5a; length as usize]).unwrap();
    }
    let (mut index, report) = open(&data, 8);
    assert!(report.fresh && report.set_aside.is_some());
    index.apply(&[row(1, "again")], reached(1, 1)).unwrap();
    assert_eq!(index.sync().unwrap(), 1);
}
