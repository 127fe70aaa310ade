use tempfile::TempDir;

use super::*;

fn id(sequence: u64) -> MessageId {
    MessageId::parse(&format!("510722.101-b7k2qf-r{sequence}")).unwrap()
}

fn row(ordinal: u64, page: &str) -> Row {
    Row { first: id(ordinal), ordinal, page: page.as_bytes().to_vec(), is_new: true }
}

/// The rows that may be about one message.
fn rows(index: &Messages, first: u64, last: u64) -> Vec<String> {
    let mut rows = Vec::new();
    let mut each = |row: &[u8]| rows.push(String::from_utf8(row.to_vec()).unwrap());
    index.looker().within(&id(first), last, &mut each).unwrap();
    rows
}

fn before(index: &Messages, ordinal: u64, most: usize) -> (Vec<String>, bool) {
    let mut rows = Vec::new();
    let more = index.looker().before(ordinal, &mut |row| {
        rows.push(String::from_utf8(row.to_vec()).unwrap());
        rows.len() < most
    });
    (rows, more.unwrap())
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
    assert_eq!(rows(&index, 1, 1), ["A"]);
    assert_eq!(rows(&index, 2, 2), ["b"]);
}

#[test]
fn rows_of_a_run_are_found_from_any_of_its_messages_and_in_the_order_in_which_they_were_taken() {
    let data = TempDir::new().unwrap();
    let (mut index, _) = open(&data, 9);
    index.apply(&[row(1, "1-255"), row(256, "256-"), row(300, "300-")], reached(5, 400)).unwrap();
    assert_eq!(rows(&index, 7, 7), ["1-255"]);
    assert_eq!(rows(&index, 200, 299), ["1-255", "256-"]);
    assert_eq!(rows(&index, 256, 400), ["256-", "300-"]);
    assert_eq!(rows(&index, 500, 600), ["300-"], "only the caller knows how far it reaches");
    let another = MessageId::parse("510722.101-b7k2qf-p5").unwrap();
    let mut none = true;
    index.looker().within(&another, 900, &mut |_| none = false).unwrap();
    assert!(none, "of another lane");
    assert_eq!(before(&index, 300, 9), (vec!["256-".to_owned(), "1-255".to_owned()], false));
    assert_eq!(before(&index, 301, 1), (vec!["300-".to_owned()], true));
    let news = Row { is_new: false, ..row(256, "news of 256-") };
    index.apply(&[news], reached(6, 400)).unwrap();
    assert_eq!(before(&index, 300, 1), (vec!["news of 256-".to_owned()], true));
}

#[test]
fn the_oldest_messages_go_first_and_do_not_come_back() {
    let data = TempDir::new().unwrap();
    let (mut index, _) = open(&data, 9);
    index.most = 3;
    for ordinal in 1..=5 {
        index.apply(&[row(ordinal, &format!("of {ordinal}"))], reached(ordinal, ordinal)).unwrap();
    }
    index.apply(&[row(1, "late news")], reached(6, 5)).unwrap();
    let there = |n: u64| rows(&index, n, n) == [format!("of {n}")];
    assert_eq!([1, 2, 3, 4, 5].map(there), [false, false, true, true, true]);
}

#[test]
fn a_run_goes_when_the_last_of_its_messages_is_too_old() {
    let data = TempDir::new().unwrap();
    let (mut index, _) = open(&data, 9);
    index.most = 10;
    index.apply(&[row(1, "1-8")], reached(1, 8)).unwrap();
    index.apply(&[row(9, "9-17")], reached(2, 17)).unwrap();
    index.apply(&[], reached(3, 17)).unwrap();
    assert_eq!(rows(&index, 8, 8), ["1-8"], "8 is one of the last ten");
    index.apply(&[row(18, "18")], reached(4, 18)).unwrap();
    assert_eq!(rows(&index, 1, 8), Vec::<String>::new());
    assert_eq!(rows(&index, 9, 18), ["9-17", "18"]);
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
    // its snapshots were not at fault: it is set aside with them
    assert!(!why.contains("snapshots"), "{why}");
    assert_eq!(rows(&index, 1, 1), Vec::<String>::new());
    drop(index);
    let store = data.path().join("messages/runs");
    for name in ["db", "conf"] {
        let length = std::fs::metadata(store.join(name)).unwrap().len();
        std::fs::write(store.join(name), vec![0x5a; length as usize]).unwrap();
    }
    let (mut index, report) = open(&data, 8);
    assert!(report.fresh && report.set_aside.is_some());
    index.apply(&[row(1, "again")], reached(1, 1)).unwrap();
    assert_eq!(index.sync().unwrap(), 1);
}
