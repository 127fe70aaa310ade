//! Single stations, input by input: what an example shows better than a seed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

mod authority;
mod bench;
mod chain;
mod govern;
mod hello;
mod inbox;
mod matters;
mod memory;
mod misplaced;
mod neighbours;
mod perish;
mod power;
mod receipts;
mod reclaim;
mod remind;
mod room;
mod rounds;
mod seals;
mod send;
mod spans;
mod submit;
mod two_hops;
mod view;
