//! A Yizhan station: the pure core with a disk, a bus and a clock around it.
//!
//! | room | what |
//! |---|---|
//! | [`run`] | puts a station together |
//! | [`driver`] | the loop around the core |
//! | [`mailbox`] [`clock`] | what the loop reads |
//! | `queue` `priority` | how threads that only follow are told, and stay behind |
//! | [`spool`] | custody log and key index |
//! | [`bus`] | the NATS server and its clients |
//! | [`link`] | frames to and from neighbours |
//! | [`query`] | what neighbours ask each other beside custody |
//! | [`trace`] [`reconcile`] | one message on its way; days compared with neighbours |
//! | [`seal`] | signatures, and the keys they are known by |
//! | [`deliver`] | the stream `YZ_INBOX` |
//! | [`catalogue`] [`roster`] | which devices there are, and where; who holds which post |
//! | [`shelf`] | such lists, read from files while the station runs |
//! | [`adapter`] | commands to devices |
//! | [`ingest`] [`http`] | messages in, pages out |
//! | [`journal`] [`telemetry`] | what happened lately, in words and numbers |
//! | [`quarantine`] | what was not taken, and why |
//! | [`audit`] | who did what and who was refused, for those who must answer for it |
//! | [`kit`] | all that a box needs, as files |
//! | [`tls`] | the county's certificates |
//! | [`config`] [`cli`] | settings and commands |

pub mod adapter;
#[cfg(test)]
mod asked;
pub mod audit;
pub mod bus;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deliver;
pub mod driver;
pub mod http;
pub mod ingest;
pub mod journal;
pub mod kit;
pub mod link;
pub mod mailbox;
mod nursery;
mod priority;
pub mod quarantine;
pub mod query;
mod queue;
pub mod reconcile;
pub mod roster;
pub mod run;
pub mod seal;
pub mod shelf;
pub mod spool;
pub mod telemetry;
pub mod tls;
pub mod trace;
