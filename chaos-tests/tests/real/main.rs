//! Stations as real processes over real NATS servers, spoken to with raw NATS and HTTP clients.
//!
//! | module | noun |
//! |---|---|
//! | `programs` | the binaries under test |
//! | `county` `station` | processes with their directories |
//! | `publisher` `inbox` | what integrators do |
//! | `load` | publishers that do not give up |
//! | `until` | the one way to wait |
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

mod away;
mod county;
mod full_disk;
mod inbox;
mod kills;
mod load;
mod old_segments;
mod order;
mod place;
mod programs;
mod publisher;
mod restart;
mod retry;
mod station;
mod stop;
mod stranger;
mod tiers;
mod until;
