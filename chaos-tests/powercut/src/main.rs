//! Cuts the power under the spool: see `README.md`.

mod check;
mod committer;
mod cut;
mod measure;
mod message;
mod reclaim;
mod run;
mod writer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Cuts the power under the spool and counts what was acknowledged and is gone.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run rounds of power cuts; needs the filesystem named in YIZHAN_PCFS.
    Run(run::Args),
    /// Be the writer of one round: acknowledge on standard output until killed.
    Write(writer::Args),
    /// Be the checker of one round: say as JSON what the data directory holds.
    Check(check::Args),
    /// Measure commits, bytes written and legs read on a real disk.
    Measure(measure::Args),
}

/// What went wrong, for people.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// What a spool is opened with in this program.
#[derive(Debug, Clone, clap::Args)]
struct Spool {
    /// The data directory.
    data: PathBuf,
    /// Size of a segment, bytes.
    #[arg(long, default_value_t = 8 * 1024 * 1024)]
    segment_bytes: u64,
}

impl Spool {
    fn options(&self) -> yizhan::spool::Options {
        yizhan::spool::Options { segment_bytes: self.segment_bytes }
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Write(args) => writer::write(&args).map(|()| true),
        Command::Check(args) => check::check(&args).map(|()| true),
        Command::Measure(args) => measure::measure(&args).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("powercut: {fault}");
            ExitCode::FAILURE
        }
    }
}
