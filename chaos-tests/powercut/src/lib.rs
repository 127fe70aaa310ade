//! The spool in the hands of who means it no good. The program `powercut` cuts the power under it;
//! [`tamper`] changes its files, told by a fuzzer's bytes.
//!
//! This crate is the one place of `chaos-tests` that holds the spool itself in its hands, so the
//! fuzz target stands here and not beside the others.

pub mod tamper;
