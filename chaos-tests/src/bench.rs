//! What real chains of three tiers are measured with: `make bench`.
//!
//! | module | noun |
//! |---|---|
//! | [`chain`] | county, township and village, each with its bus |
//! | [`publisher`] | a publisher at the village, with so many answers open |
//! | [`reader`] | who reads the county's inbox |
//! | [`cost`] | processor time and memory of the processes, bytes that they wrote |
//! | [`speed`] | throughput, latencies |
//! | [`quantile`] | figures of many samples |
//! | [`report`] | the JSON and the table |
//!
//! This machine is shared and noisy: figures mean something beside others of the same run only.

pub mod chain;
pub mod cost;
pub mod publisher;
pub mod quantile;
pub mod reader;
pub mod report;
pub mod speed;
