//! Every attack that is over soon, on a real county: none succeeds, each is refused, counted and
//! written down, and a village that reports meanwhile is not disturbed. `make test-attacks` plays
//! the heavy ones too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use chaos_tests::attacks::{list, report};

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_succeeds() {
    let rows = list::play(|attack| !attack.heavy, |_| {}).await;
    assert!(rows.iter().all(report::Row::withstood), "\n{}", report::table(&rows));
    let quick = list::all().iter().filter(|attack| !attack.heavy).count();
    assert_eq!(rows.len(), quick);
}

#[test]
fn every_attack_has_a_name_of_its_own_that_fits_the_table() {
    let names: Vec<_> = list::all().iter().map(|attack| attack.name).collect();
    let long = names.iter().find(|name| name.chars().count() > report::NAME_WIDTH);
    assert_eq!(long, None);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}
