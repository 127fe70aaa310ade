//! [`Work`]: a scenario with its sizes.

use std::time::Duration;

use clap::Subcommand;
use serde_json::Value;

use super::modem::Mode;
use super::outage::{self, Outage};
use super::peer::Peer;
use super::speed::{self, Flood};
use super::thin::{self, Thin};
use super::{backlog, idle, kill, traces, trust};

/// What is measured.
#[derive(Debug, Clone, Subcommand)]
pub enum Work {
    /// As fast as answers allow, until all is at the county.
    Throughput {
        /// Reports.
        #[arg(long, default_value_t = 100_000)]
        count: usize,
        /// Bytes of each.
        #[arg(long, default_value_t = 400)]
        size: usize,
        /// Publishers, each with a connection.
        #[arg(long, default_value_t = 1)]
        publishers: usize,
        /// Answers that each of them may have open.
        #[arg(long, default_value_t = 256)]
        window: usize,
        /// Real calls of their own sizes; there are 5,000.
        #[arg(long)]
        real: bool,
    },
    /// One report after the other: how long each answer takes.
    Answers {
        /// Reports.
        #[arg(long, default_value_t = 2_000)]
        count: usize,
        /// Bytes of each.
        #[arg(long, default_value_t = 400)]
        size: usize,
        /// With the township away: these processors have the village's work to do and no more.
        #[arg(long)]
        alone: bool,
    },
    /// Reports at a low rate: how long each takes to the county.
    Latency {
        /// Reports.
        #[arg(long, default_value_t = 2_000)]
        count: usize,
        /// Bytes of each.
        #[arg(long, default_value_t = 400)]
        size: usize,
        /// Reports a second.
        #[arg(long, default_value_t = 200.0)]
        rate: f64,
    },
    /// The link goes away while reports are handed in, and comes back.
    Outage {
        /// Nothing passes and nobody is told; otherwise connections are refused.
        #[arg(long)]
        black_hole: bool,
        /// Seconds without a link.
        #[arg(long, default_value_t = 20.0)]
        down: f64,
        /// Reports a second.
        #[arg(long, default_value_t = 1_000.0)]
        rate: f64,
    },
    /// Many refusals of one chain's link: the first report after each.
    Heals {
        /// Cuts.
        #[arg(long, default_value_t = 20)]
        cuts: usize,
        /// Seconds without a link, each time.
        #[arg(long, default_value_t = 5.0)]
        down: f64,
        /// Reports a second.
        #[arg(long, default_value_t = 100.0)]
        rate: f64,
    },
    /// kill -9 of the township under load.
    Kill {
        /// Reports.
        #[arg(long, default_value_t = 100_000)]
        count: usize,
    },
    /// A backlog of real reports over a thin line, and flash reports that overtake it.
    Thin {
        /// Of the line.
        #[arg(long, default_value_t = 256.0)]
        kbit: f64,
        /// Reports that wait.
        #[arg(long, default_value_t = 2_000)]
        backlog: usize,
        /// Each names a trace of its own.
        #[arg(long)]
        traced: bool,
    },
    /// How a backlog at a village of ours weighs on draining, restarting and memory.
    Backlog {
        /// Reports that wait.
        #[arg(long, default_value_t = 10_000)]
        count: usize,
        /// Marks the result as that of the longer backlog of two.
        #[arg(long)]
        long: bool,
    },
    /// What TLS and seals cost: our chain with and without, by turns.
    Trust {
        /// Reports.
        #[arg(long, default_value_t = 25_000)]
        count: usize,
        /// Bytes of each.
        #[arg(long, default_value_t = 400)]
        size: usize,
        /// Times that each of the two is measured.
        #[arg(long, default_value_t = 21)]
        runs: usize,
    },
    /// What traces cost: our chain with a collector and without, by turns.
    Traces {
        /// Reports.
        #[arg(long, default_value_t = 25_000)]
        count: usize,
        /// Bytes of each.
        #[arg(long, default_value_t = 400)]
        size: usize,
        /// Times that each of the two is measured.
        #[arg(long, default_value_t = 31)]
        runs: usize,
    },
    /// What a village's node of ours needs when nothing happens.
    Idle {
        /// Seconds that it is watched.
        #[arg(long, default_value_t = 60.0)]
        seconds: f64,
    },
}

impl Work {
    /// Does it, on a chain of its own.
    ///
    /// # Errors
    /// What there is to measure did not come about.
    pub async fn play(self, peer: Peer) -> Result<Value, String> {
        let seconds = Duration::from_secs_f64;
        match self {
            Self::Throughput { count, size, publishers, window, real } => {
                speed::throughput(peer, Flood { count, size, publishers, window, real }).await
            }
            Self::Answers { count, size, alone } => speed::answers(peer, count, size, alone).await,
            Self::Latency { count, size, rate } => speed::latency(peer, count, size, rate).await,
            Self::Outage { black_hole, down, rate } => {
                let mode = if black_hole { Mode::BlackHole } else { Mode::Refuse };
                let plan = Outage { mode, down: seconds(down), per_second: rate };
                outage::outage(peer, plan).await
            }
            Self::Heals { cuts, down, rate } => {
                let plan = Outage { mode: Mode::Refuse, down: seconds(down), per_second: rate };
                outage::heals(peer, plan, cuts).await
            }
            Self::Kill { count } => kill::kill(peer, count).await,
            Self::Thin { kbit, backlog, traced } => {
                thin::thin(peer, Thin { kbit_per_s: kbit, backlog, traced }).await
            }
            Self::Backlog { count, long } => backlog::backlog(count, long).await,
            Self::Trust { count, size, runs } => {
                trust::trust(Flood::of_one(count, size), runs).await
            }
            Self::Traces { count, size, runs } => {
                traces::traces(Flood::of_one(count, size), runs).await
            }
            Self::Idle { seconds: lasts } => idle::idle(seconds(lasts)).await,
        }
    }

    /// What results are called by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throughput { .. } => "throughput",
            Self::Answers { .. } => "answers",
            Self::Latency { .. } => "latency",
            Self::Outage { .. } => "outage",
            Self::Heals { .. } => "heals",
            Self::Kill { .. } => "kill",
            Self::Thin { .. } => "thin",
            Self::Backlog { .. } => "backlog",
            Self::Trust { .. } => "trust",
            Self::Traces { .. } => "traces",
            Self::Idle { .. } => "idle",
        }
    }
}
