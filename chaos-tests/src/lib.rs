//! What tries to break the promises: a simulator of whole trees of stations, driven by one seed.
//!
//! The simulator drives the same [`yizhan_core::Station`] as the field does, with a pretend
//! network, disk, inbox and clock. One seed decides everything; the same seed tells the same
//! story, byte for byte. The oracle judges from outside: it knows what publishers were told, what
//! inboxes hold and what time it really is, and nothing of the core's own books.
//!
//! | module | noun |
//! |---|---|
//! | [`plan`] | what a seed brings: tree, work, links, faults |
//! | [`tree`] | who is above whom |
//! | [`workload`] | what publishers hand in |
//! | [`clock`] | two clocks, none of them right |
//! | [`disk`] | a log that forgets what was not synced |
//! | [`receipts`] | what the log of an origin says became of its messages |
//! | [`stream`] | an inbox that forgets what was not synced |
//! | [`index`] | publishers' keys, written behind the log |
//! | [`network`] | a link with one queue each way |
//! | [`host`] | a station with all of these |
//! | [`world`] | time, and everything that happens |
//! | [`oracle`] | what must be true |
//! | [`dice`] | draws that stories need often |
//! | [`story`] [`figures`] | what happened, as a hash, as lines, as counts |
//! | [`swarm`] | many seeds, each played twice |
//! | `mutants` | seeds until a deliberate fault is caught, in a build of their own |
//! | `real` | stations as real processes, with the feature of that name |
//! | `bench` | what those are measured with |
//! | `attacks` | what those must withstand |
//! | [`fuzz`] | what the fuzzer calls: one station, told any bytes and any lie |

#[cfg(feature = "real")]
pub mod attacks;
#[cfg(feature = "real")]
pub mod bench;
pub mod clock;
pub mod county;
pub mod dice;
pub mod disk;
pub mod figures;
pub mod fuzz;
pub mod host;
pub mod index;
#[cfg(yizhan_mutants)]
pub mod mutants;
pub mod network;
pub mod oracle;
pub mod plan;
#[cfg(feature = "real")]
pub mod real;
pub mod receipts;
pub mod seal;
pub mod story;
pub mod stream;
pub mod swarm;
pub mod timers;
pub mod tree;
pub mod workload;
pub mod world;
