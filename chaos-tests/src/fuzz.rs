//! What the fuzzer calls: any bytes in, and a panic is a finding.
//!
//! The functions stand here and not in the fuzz crate, so that a plain test gives them every
//! stored input ([`corpus`]) too, without libFuzzer: what was found once stays found. The third
//! target, a log whose files were tampered with, holds the spool in its hands and stands in
//! `chaos-tests/powercut`, where that is allowed.
//!
//! | module | noun |
//! |---|---|
//! | [`codec`] | bytes from a neighbour |
//! | [`hello`] | what happens to a station: a story of inputs, most of them lies |
//! | [`corpus`] | the inputs that are kept |

// A finding is a panic: that is the only language that a fuzzer understands.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a finding is a panic")]

mod bench;
pub mod codec;
pub mod corpus;
mod draw;
mod driver;
mod held;
pub mod hello;
mod neighbours;
mod paper;
