//! What is owed to the origins of messages, and how it is told.

use super::*;
use yizhan_schemas::Outcome;

fn note(station: &str, from: u64, through: u64, at_s: u64) -> Note {
    Note {
        origin: Code::parse("510722").unwrap(),
        epoch: Epoch::from_random(3),
        lane: Lane::Routine,
        ranges: vec![(from, through)],
        stations: vec![Code::parse(station).unwrap()],
        event: Event::Ended { outcome: Outcome::Delivered, detail: None },
        at_s,
    }
}

#[test]
fn the_same_at_many_stations_is_one_note_and_a_run_of_messages_is_one_run() {
    let mut owing = Owing::default();
    for village in 1..=14 {
        for sequence in 1..=9 {
            owing.add(&note(&format!("510722.101.{village:03}"), sequence, sequence, 7));
        }
    }
    let fold = owing.fold(Lane::Routine).unwrap();
    assert_eq!(fold.notes.len(), 1);
    assert_eq!((fold.notes[0].stations.len(), &fold.notes[0].ranges[..]), (14, &[(1, 9)][..]));
    owing.folded(&fold);
    assert!(owing.is_empty());
}

#[test]
fn what_came_after_a_fold_was_made_is_still_owed_when_it_is_put() {
    let mut owing = Owing::default();
    owing.add(&note("510722.101", 1, 3, 7));
    let fold = owing.fold(Lane::Routine).unwrap();
    owing.add(&note("510722.101", 4, 4, 7));
    owing.folded(&fold);
    let rest = owing.fold(Lane::Routine).unwrap();
    assert_eq!(rest.notes[0].ranges, [(4, 4)]);
    assert!(owing.fold(Lane::Flash).is_none());
}

#[test]
fn more_than_one_fold_holds_is_told_in_several_each_within_its_limit() {
    let mut owing = Owing::default();
    for n in 0..5000 {
        owing.add(&note("510722.101", n * 2 + 1, n * 2 + 1, n / 10));
    }
    let (mut told, mut folds) = (0, 0);
    while let Some(fold) = owing.fold(Lane::Routine) {
        assert!(fold.encode().is_ok());
        folds += 1;
        told += fold.notes.iter().map(|note| note.ids(10_000).count()).sum::<usize>();
        owing.folded(&fold);
    }
    assert_eq!(told, 5000);
    assert!((4..=6).contains(&folds), "{folds} folds of about 24 KiB");
}

/// What is told lane by lane, until nothing is owed any more.
fn all_told(mut owing: Owing) -> Vec<Note> {
    let mut notes = Vec::new();
    for lane in Lane::ALL {
        while let Some(fold) = owing.fold(lane) {
            assert!(fold.encode().is_ok());
            assert!(!owing.is_settled(lane));
            assert!(fold.notes.iter().all(|note| note.lane == lane));
            owing.folded(&fold);
            notes.extend(fold.notes);
        }
        assert!(owing.is_settled(lane));
    }
    assert!(owing.is_empty());
    notes
}

#[test]
fn only_what_is_the_same_in_all_but_the_station_is_one_note() {
    let first = note("510722.101", 1, 3, 7);
    let second = note("510722.102", 1, 3, 7);
    let answered = Event::Answered { answer: yizhan_schemas::Answer::Completed, remark: None };
    for (other, notes) in [
        (second.clone(), 1),
        (Note { ranges: vec![(1, 4)], ..second.clone() }, 2),
        (Note { at_s: 8, ..second.clone() }, 2),
        (Note { event: answered, ..second.clone() }, 2),
        (Note { epoch: Epoch::from_random(4), ..second.clone() }, 2),
        (Note { origin: Code::parse("510722.101").unwrap(), ..second.clone() }, 2),
        (Note { lane: Lane::Flash, ..second.clone() }, 2),
        (Note { lane: Lane::Priority, ..second.clone() }, 2),
    ] {
        let mut owing = Owing::default();
        owing.add(&first);
        owing.add(&other);
        assert_eq!(owing.len(), 2);
        let mut told = all_told(owing);
        assert_eq!(told.len(), notes, "{other:?}");
        if notes == 2 {
            told.sort_by_key(|note| note.stations.clone());
            assert_eq!(told, [first.clone(), other]);
        }
    }
}

#[test]
fn long_words_count_in_the_size_of_a_fold() {
    let remark = |n| Some(format!("{n:0400}"));
    let answer = yizhan_schemas::Answer::Failed;
    let rejected = |n| Event::Ended { outcome: Outcome::Rejected, detail: remark(n) };
    let answered = |n| Event::Answered { answer, remark: remark(n) };
    for event in [&rejected as &dyn Fn(u64) -> Event, &answered] {
        let mut owing = Owing::default();
        for n in 1..=500 {
            owing.add(&Note { event: event(n), ..note("510722.101", n, n, 7) });
        }
        let fold = owing.fold(Lane::Routine).unwrap();
        assert!((30..=60).contains(&fold.notes.len()), "{}", fold.notes.len());
        assert_eq!(all_told(owing).len(), 500);
    }
}

#[test]
fn a_long_time_without_a_link_is_told_by_the_hour() {
    let mut owing = Owing::default();
    let fine = ENTRIES_FINE_MAX as u64;
    for second in 0..fine + 10_000 {
        owing.add(&note("510722.101", second + 1, second + 1, second));
    }
    // 10,000 seconds more, in an hour whose first second is there already and two others
    assert_eq!(owing.len() as u64, fine + 2);
    let told = all_told(owing);
    let messages = told.iter().flat_map(|note| &note.ranges).map(|(from, last)| last - from + 1);
    assert_eq!(messages.sum::<u64>(), fine + 10_000);
    for note in told.iter().filter(|note| note.ranges[0].0 > fine) {
        assert_eq!(note.at_s % 3600, 0);
        assert!(note.at_s <= note.ranges[0].0 && note.at_s + 3600 >= note.ranges[0].0);
    }
}
