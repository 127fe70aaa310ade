//! `bench`: measures real chains.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::bench::modem::Mode;
use chaos_tests::bench::outage::{self, Outage};
use chaos_tests::bench::peer::Peer;
use chaos_tests::bench::speed::{self, Flood};
use chaos_tests::bench::thin::{self, Thin};
use chaos_tests::bench::{backlog, idle, kill, report};
use clap::{Parser, Subcommand};
use serde_json::Value;

/// Measures chains of three real stations on this machine, syncing at each hop.
#[derive(Parser)]
#[command(version, help_expected = true)]
struct Arguments {
    /// Where results are kept.
    #[arg(long, default_value = "target/bench", global = true)]
    dir: PathBuf,
    /// Whose chain: yizhan, nats, nats-durable, nats-always, nats-durable-always.
    #[arg(long, default_value = "yizhan", global = true)]
    peer: Peer,
    #[command(subcommand)]
    scenario: Scenario,
}

/// What is measured.
#[derive(Subcommand)]
enum Scenario {
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
    },
    /// One report after the other: how long each answer takes.
    Answers {
        /// Reports.
        #[arg(long, default_value_t = 2_000)]
        count: usize,
        /// Bytes of each.
        #[arg(long, default_value_t = 400)]
        size: usize,
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
    /// Many such cuts of one chain: the first report after each.
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
    /// How a backlog at the village weighs on draining, restarting and memory.
    Backlog {
        /// Reports that wait.
        #[arg(long, default_value_t = 10_000)]
        count: usize,
    },
    /// What a village's node needs when nothing happens.
    Idle {
        /// Seconds that it is watched.
        #[arg(long, default_value_t = 60.0)]
        seconds: f64,
    },
}

impl Scenario {
    async fn play(self, peer: Peer) -> Result<Value, String> {
        let down_for = Duration::from_secs_f64;
        match self {
            Self::Throughput { count, size, publishers, window } => {
                speed::throughput(peer, Flood { count, size, publishers, window }).await
            }
            Self::Answers { count, size } => speed::answers(peer, count, size).await,
            Self::Latency { count, size, rate } => speed::latency(peer, count, size, rate).await,
            Self::Outage { black_hole, down, rate } => {
                let mode = if black_hole { Mode::BlackHole } else { Mode::Refuse };
                let plan = Outage { mode, down: down_for(down), per_second: rate };
                outage::outage(peer, plan).await
            }
            Self::Heals { cuts, down, rate } => {
                let plan = Outage { mode: Mode::Refuse, down: down_for(down), per_second: rate };
                outage::heals(peer, plan, cuts).await
            }
            Self::Kill { count } => kill::kill(peer, count).await,
            Self::Thin { kbit, backlog, traced } => {
                thin::thin(peer, Thin { kbit_per_s: kbit, backlog, traced }).await
            }
            Self::Backlog { count } => backlog::backlog(count).await,
            Self::Idle { seconds } => idle::idle(down_for(seconds)).await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = arguments.scenario.play(arguments.peer).await;
    let kept = result.and_then(|result| report::keep(&arguments.dir, &result).map(|()| result));
    match kept {
        Ok(result) => {
            print!("{}", report::table(&result));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
