//! HTTP: a real listener, a real client, and a station that answers as it is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

mod errors;
mod events;
mod house;
mod limits;
mod pages;
mod stream;
