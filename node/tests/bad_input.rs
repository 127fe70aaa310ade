//! Bad input: the exact error that a person sees, and nothing accepted is lost by it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

#[path = "bad_input/ground.rs"]
mod ground;
#[path = "bad_input/publish.rs"]
mod publish;
#[path = "bad_input/start.rs"]
mod start;
