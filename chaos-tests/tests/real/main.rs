//! Stations as real processes over real NATS servers, spoken to with raw NATS and HTTP clients.
//!
//! | module | noun |
//! |---|---|
//! | [`chaos_tests::real`] | processes, publishers, and the one way to wait |
//! | `inbox` | what integrators read |
//! | `asking` | the command line and pages, as people use them |
//! | `load` | publishers that do not give up |
//! | the others | promises, a test each |
//!
//! Every test has a county of its own, on ports and in directories that the system chooses, so
//! any number of them run side by side.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

mod asking;
mod audit;
mod away;
mod full_disk;
mod inbox;
mod keys;
mod kills;
mod load;
mod metrics;
mod old_segments;
mod order;
mod people;
mod reconcile;
mod rendered;
mod restart;
mod retry;
mod seals;
mod spans;
mod spool;
mod stop;
mod stranger;
mod tiers;
mod trace;
mod video;
