//! A small county at work: its counts are the sums of what was done.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

use chaos_tests::county::{County, Size};

#[test]
fn the_countys_counts_are_the_sums_of_what_was_done_in_every_tier_and_category() {
    let mut county = County::of(Size::small(1)).unwrap();
    assert_eq!(county.work(|_| ()), Vec::<String>::new());
    let (matters, risen, illegal) = county.clerk().figures();
    assert_eq!(matters, 400);
    // what nobody handles rises once, and from some townships again
    assert!(risen > 6 && illegal > 10, "{risen} rose, {illegal} illegal steps were tried");
}
