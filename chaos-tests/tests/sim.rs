//! Trees of stations under seeded faults: every promise holds in every story, and the same seed
//! tells the same story. `make sim` plays more seeds than these.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Range;

use chaos_tests::figures::Figures;
use chaos_tests::plan::Plan;
use chaos_tests::swarm::play;

/// A kind of fault, and whether a plan brings it.
type Kind = (&'static str, fn(&Plan) -> bool);

/// Plays seeds, each twice, and fails with the first that does not hold.
fn hold(seeds: Range<u64>) -> Figures {
    let mut figures = Figures::default();
    for seed in seeds {
        let played = play(seed);
        assert!(played.faults.is_empty(), "{}", played.report());
        figures.add(&played.figures);
    }
    figures
}

#[test]
fn every_promise_holds_in_the_first_fifty_stories() {
    let figures = hold(1..51);
    assert!(figures.delivered > 1000, "hardly anything happens: {figures}");
    let faults = [figures.crashes, figures.power_cuts, figures.partitions, figures.stores];
    assert!(faults.iter().all(|count| *count > 0), "a kind of fault never happens: {figures}");
}

#[test]
fn every_promise_holds_in_the_second_fifty_stories() {
    hold(51..101);
}

#[test]
fn every_promise_holds_in_the_third_fifty_stories() {
    hold(101..151);
}

#[test]
fn every_promise_holds_in_the_fourth_fifty_stories() {
    hold(151..201);
}

#[test]
fn every_seed_that_ever_failed_stays_good() {
    let seeds = include_str!("../seeds/trees.txt");
    let lines = seeds.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    for line in lines {
        let (seed, why) = line.split_once(' ').unwrap();
        let seed: u64 = seed.parse().unwrap();
        assert!(why.len() > 10, "seed {seed} says why it is kept");
        let played = play(seed);
        assert!(played.faults.is_empty(), "{}", played.report());
    }
}

#[test]
fn many_seeds_leave_each_kind_of_fault_out_and_many_bring_it() {
    let plans: Vec<Plan> = (1..400).map(Plan::of).collect();
    let kinds: [Kind; 13] = [
        ("drop", |p| p.faults.drop > 0.0),
        ("duplicate", |p| p.faults.duplicate > 0.0),
        ("reorder", |p| p.faults.reorder),
        ("cuts", |p| p.faults.cuts > 0),
        ("stalls", |p| p.faults.stalls > 0),
        ("crashes", |p| p.faults.crashes > 0),
        ("power cuts", |p| p.faults.power_cuts > 0),
        ("pauses", |p| p.faults.pauses > 0),
        ("clock jumps", |p| p.faults.jumps > 0),
        ("stores lost", |p| p.faults.stores_lost > 0),
        ("stores restored", |p| p.faults.stores_restored > 0),
        ("incidents and cases", |p| p.work.affairs > 0),
        ("slow links", |p| p.links.rate.is_some()),
    ];
    for (kind, brings) in kinds {
        let with = plans.iter().filter(|plan| brings(plan)).count();
        assert!((30..370).contains(&with), "{with} of {} seeds bring {kind}", plans.len());
    }
    assert!(plans.iter().any(|plan| plan.parents.len() > 20), "no large tree");
}
