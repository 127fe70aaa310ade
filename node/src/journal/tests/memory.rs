//! What a journal remembers: how far back, and what a fault of the disk takes away.

use super::*;

fn all(journal: &Journal) -> Vec<(u64, u64)> {
    let mut runs = Vec::new();
    journal.all(&mut |known| runs.push((known.first().sequence, known.last())));
    runs.sort_unstable();
    runs
}

/// Five messages that share a page.
fn five() -> Vec<Record> {
    (1..=5).map(|sequence| put_at(sequence, "incident.report", AT_S)).collect()
}

#[tokio::test]
async fn one_forgotten_message_leaves_its_neighbours_known_until_the_index_is_made_anew() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    village.commit(&five());
    assert!(village.status(3).await.is_some());
    assert!(matches!(forget(data.path(), &id(3)), Err(NotForgotten::Spool(_))), "it runs");
    village.close();
    assert!(matches!(forget(data.path(), &id(9)), Err(NotForgotten::Unknown(_))));
    forget(data.path(), &id(3)).unwrap();
    assert!(matches!(forget(data.path(), &id(3)), Err(NotForgotten::Unknown(_))));
    let village = Village::open(&data);
    assert_eq!(village.status(3).await, None);
    assert_eq!(all(&village.journal), [(1, 2), (4, 5)]);
    for sequence in [1, 2, 4, 5] {
        assert!(village.status(sequence).await.is_some(), "{sequence}");
    }
    assert_eq!(village.journal.remembers_from_ms(), 0, "a hole is no shorter memory");
    village.close();
    std::fs::remove_dir_all(data.path().join("messages")).unwrap();
    let village = Village::open(&data);
    assert!(village.status(3).await.is_some(), "the custody log has it");
    village.close();
}

#[tokio::test]
async fn the_first_of_all_and_the_last_of_a_run_can_be_forgotten_too() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    village.commit(&five());
    assert!(village.status(5).await.is_some());
    village.close();
    forget(data.path(), &id(1)).unwrap();
    forget(data.path(), &id(5)).unwrap();
    let village = Village::open(&data);
    let _ = village.status(1).await;
    assert_eq!(all(&village.journal), [(2, 4)]);
    assert_eq!(village.journal.remembers_from_ms(), 0);
    village.close();
}

#[tokio::test]
async fn every_message_has_the_day_of_its_origin_wherever_it_lies() {
    let data = TempDir::new().unwrap();
    let mut village = Village::open(&data);
    village.commit(&five());
    village.status(1).await.unwrap();
    let days = |journal: &Journal| {
        let mut days = Vec::new();
        journal.all(&mut |known| days.push(known.day()));
        days
    };
    let wanted = [Some(yizhan_schemas::payload::stats::Day::of(AT_S * 1000))];
    assert_eq!(days(&village.journal), wanted, "in memory");
    village.close();
    let village = Village::open(&data);
    let _ = village.status(1).await;
    assert_eq!(days(&village.journal), wanted, "in the index");
    village.close();
}
