//! `bench`: measures real chains.

use std::path::PathBuf;
use std::process::ExitCode;

use chaos_tests::bench::{report, speed};
use clap::{Parser, Subcommand};

/// Measures chains of three real stations on this machine, syncing at each hop.
#[derive(Parser)]
#[command(version, help_expected = true)]
struct Arguments {
    /// Where results are kept.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
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
        /// Answers that may be open.
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
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.scenario {
        Scenario::Throughput { count, size, window } => {
            speed::throughput(count, size, window).await
        }
        Scenario::Answers { count, size } => speed::answers(count, size).await,
        Scenario::Latency { count, size, rate } => speed::latency(count, size, rate).await,
    };
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
