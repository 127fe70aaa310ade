//! What real chains of three tiers are measured with: `make bench`, `make bench-peers`.
//!
//! | module | noun |
//! |---|---|
//! | [`peer`] | whose chain: ours, or what a user would pick instead |
//! | [`chain`] | county, township and village as processes |
//! | [`program`] | where a peer's program is, if it is there |
//! | [`ends`] | where reports go into a chain, and where they come out |
//! | [`protocol`] | what both are spoken to in: NATS, AMQP, MQTT |
//! | [`modem`] | a thin line, or one that goes away, between village and township |
//! | [`reports`] [`calls`] | what is handed in: made up, or real |
//! | [`publisher`] | a publisher at the village, with so many answers open |
//! | [`reader`] | who reads what comes out at the county |
//! | [`cost`] | processor time and memory of the processes, bytes that they wrote |
//! | [`speed`] [`thin`] [`outage`] [`kill`] [`backlog`] [`idle`] [`trust`] [`traces`] | scenarios |
//! | [`work`] [`programme`] | a scenario with its sizes; many of them, ours and peers' in turn |
//! | [`results`] [`goal`] [`summary`] [`ratios`] | what came of them, beside goals and beside peers |
//! | [`quantile`] | figures of many samples |
//! | [`report`] | the JSON and the table |
//!
//! This machine is shared and noisy: figures mean something beside others of the same run only.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement whose processes do not come up is none"
)]

pub mod backlog;
pub mod calls;
pub mod chain;
pub mod cost;
pub mod ends;
pub mod goal;
pub mod idle;
pub mod kill;
pub mod modem;
pub mod outage;
pub mod peer;
pub mod program;
pub mod programme;
pub mod protocol;
pub mod publisher;
pub mod quantile;
pub mod ratios;
pub mod reader;
pub mod report;
pub mod reports;
pub mod results;
pub mod speed;
pub mod summary;
pub mod thin;
pub mod traces;
pub mod trust;
mod turns;
pub mod work;
