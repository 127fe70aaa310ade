//! What tries to break the promises: a simulator of stations, driven by one seed.
//!
//! The simulator drives the same [`yizhan_core::Station`] as the field does, with a pretend
//! network, disk, inbox and clock. One seed decides everything; the same seed tells the same
//! story. The oracle judges from outside: it knows what publishers were told and what inboxes
//! hold, and nothing of the core's own books.
//!
//! | module | noun |
//! |---|---|
//! | [`plan`] | which faults a seed brings, and how often |
//! | [`disk`] | a log that forgets what was not synced |
//! | [`stream`] | an inbox that forgets what was not synced |
//! | [`host`] | a station with its disk and inbox |
//! | [`world`] | time, network, faults |
//! | [`workload`] | what publishers hand in |
//! | [`oracle`] | what must be true at the end |
//! | [`fuzz`] | what the fuzzer calls: one station, told any bytes and any lie |

pub mod disk;
pub mod fuzz;
pub mod host;
pub mod oracle;
pub mod plan;
pub mod stream;
pub mod workload;
pub mod world;
