//! Two ends of a link, without the link between them: books, and narrowing by halves.

use std::collections::BTreeMap;

use proptest::prelude::*;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::query::{Part, PartTold, Run, Told};
use yizhan_schemas::{Code, Epoch, Lane, Outcome};

use super::books::{Account, Books, Ledger};
use super::compare::Windows;
use super::ids::Ids;

const DAY: Day = Day(20_780);

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn single(sequence: u64) -> Run {
    (Epoch::from_random(7), Lane::Routine, sequence, sequence)
}

/// The books of a child that handed these up.
fn child(account: Account) -> Books {
    let up = BTreeMap::from([(code("1.1"), account)]);
    Books { commit: 1, whole: true, up, children: BTreeMap::new() }
}

fn moved(sequences: impl IntoIterator<Item = u64>) -> Account {
    let moved: Ids = sequences.into_iter().map(single).collect();
    let ended = BTreeMap::from([((code("1"), Outcome::Delivered), moved.clone())]);
    Account { moved, kept: Ids::default(), ended }
}

/// Narrows as a parent does, and gives what it has and the child has not, with the questions that
/// took.
fn narrowed(mine: &Account, child: &Books) -> (Ids, usize) {
    let (mut windows, mut asks, mut missing) = (Windows::all(), 0, Ids::default());
    while let Some((from, through)) = windows.next() {
        asks += 1;
        let part = Part { day: DAY, origin: code("1.1"), from, through };
        let told = Told::Part(child.tell_part(&part));
        let Told::Part(told) = Told::decode(&told.encode().unwrap()).unwrap() else { panic!() };
        match told {
            PartTold::Split { at, lower, upper } => {
                assert!(from < at && at <= through, "a part must become smaller");
                windows.split(mine, (from, through), at, (lower, upper));
            }
            PartTold::Ids { moved, kept, .. } => {
                let known: Ids = moved.into_iter().chain(kept).collect();
                mine.within(from, through)
                    .moved
                    .without(&known)
                    .runs()
                    .for_each(|run| missing.insert(run));
            }
        }
    }
    (missing, asks)
}

#[test]
fn one_of_many_scattered_messages_is_found_in_a_few_questions() {
    let scattered = || (1..=20_000_u64).map(|n| n * 2);
    let mine = moved(scattered());
    let child = child(moved(scattered().filter(|n| *n != 7_770)));
    let (missing, asks) = narrowed(&mine, &child);
    assert_eq!(missing.runs().collect::<Vec<_>>(), [single(7_770)]);
    // 40,000 runs, of which 256 fit into an answer
    assert!(asks <= 12, "{asks} questions");
}

#[test]
fn equal_books_have_equal_lines_and_a_record_that_ended_otherwise_shows() {
    let (a, b) = (moved([1, 2, 9]), moved([9, 2, 1]));
    assert_eq!(a.line(&code("1.1")), b.line(&code("1.1")));
    let mut other = moved([1, 2, 9]);
    let ids = other.ended.remove(&(code("1"), Outcome::Delivered)).unwrap();
    other.ended.insert((code("1"), Outcome::Expired), ids);
    assert_eq!(a.line(&code("1.1")).moved, other.line(&code("1.1")).moved);
    assert_ne!(a.line(&code("1.1")), other.line(&code("1.1")));
    assert_ne!(a.sums(), other.sums());
}

#[test]
fn a_day_on_which_both_agree_costs_about_a_hundred_bytes_an_origin() {
    let origins = |count: u64| {
        let account = |n: u64| (code(&format!("510722.101.{n:03}")), moved(1..=n * 1_000));
        let up = (1..=count).map(account).collect();
        Books { up, ..child(Account::default()) }
    };
    let bytes = |count| Told::Day(origins(count).tell_day()).encode().unwrap().len();
    assert!(bytes(0) < 32, "{}", bytes(0));
    assert!((bytes(14) - bytes(0)) / 14 < 110, "{}", bytes(14));
}

#[test]
fn what_a_child_still_holds_is_no_line_and_is_told_as_kept() {
    let mut account = moved([1, 2]);
    account.kept.insert(single(3));
    let child = child(account);
    let day = child.tell_day();
    assert_eq!(day.lines[0].moved.count, 2);
    let (missing, _) = narrowed(&moved([1, 2, 3]), &child);
    assert!(missing.is_empty(), "its ack is on its way");
    let mut only = Ledger::new();
    only.insert(
        code("1.1"),
        Account { kept: [single(3)].into_iter().collect(), ..Account::default() },
    );
    let none = Books { up: only, ..self::child(Account::default()) };
    assert!(none.tell_day().lines.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn whatever_is_missing_is_found_and_nothing_else(
        gone in proptest::collection::btree_set(1_u64..3_000, 0..12),
        stride in 1_u64..4,
    ) {
        let all = || (1..3_000_u64).map(|n| n * stride);
        let gone: Vec<u64> = gone.into_iter().map(|n| n * stride).collect();
        let child = child(moved(all().filter(|n| !gone.contains(n))));
        let (missing, _) = narrowed(&moved(all()), &child);
        let wanted: Ids = gone.iter().copied().map(single).collect();
        prop_assert_eq!(missing, wanted);
    }
}
