//! Stations as real processes over real NATS servers, for tests and for measuring.
//!
//! | module | noun |
//! |---|---|
//! | [`programs`] | the binaries under test |
//! | [`county`] [`station`] [`place`] | processes with their directories, and where they are |
//! | [`rendered`] | a county from nothing but its rendered directories, under TLS |
//! | [`publisher`] [`inbox`] | what integrators do |
//! | [`collector`] | a real OpenTelemetry collector |
//! | [`until`](mod@until) | the one way to wait |
//!
//! Whatever does not come about ends the process with words: nobody goes on without it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test, or a measurement, fails by panicking"
)]

pub mod collector;
pub mod county;
pub mod inbox;
pub mod place;
pub mod programs;
pub mod publisher;
pub mod rendered;
pub mod station;
pub mod until;
