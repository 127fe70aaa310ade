//! `bench`: measures real chains.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chaos_tests::bench::peer::Peer;
use chaos_tests::bench::programme::{Programme, Scale};
use chaos_tests::bench::work::Work;
use chaos_tests::bench::{goal, ratios, report, summary};
use clap::{Args, Parser, Subcommand};

/// Measures chains of three real stations on this machine, syncing at each hop.
#[derive(Parser)]
#[command(version, help_expected = true)]
struct Arguments {
    /// Where results are kept.
    #[arg(long, default_value = "target/bench", global = true)]
    dir: PathBuf,
    /// Whose chain: yizhan, nats, nats-durable, nats-always, nats-durable-always, rabbitmq,
    /// mosquitto.
    #[arg(long, default_value = "yizhan", global = true)]
    peer: Peer,
    #[command(subcommand)]
    task: Task,
}

/// One scenario, or many.
#[derive(Subcommand)]
enum Task {
    /// One scenario.
    #[command(flatten)]
    One(Work),
    /// All that must be reached, beside peers: `summary.json`; status 1 if a row is not.
    Summary(Much),
    /// What we and peers can both do, and how many times theirs ours is.
    Peers(Much),
}

/// How much is done.
#[derive(Args)]
struct Much {
    /// Everything once, and small: does it still work? Figures mean nothing then.
    #[arg(long)]
    quick: bool,
    /// Runs where a median is taken; 3, or 1 with --quick.
    #[arg(long)]
    runs: Option<usize>,
    /// Reports in the longer backlog; 10,000,000, or 100,000 with --quick.
    #[arg(long)]
    long_backlog: Option<usize>,
}

impl Much {
    fn scale(&self) -> Scale {
        let (runs, long) = if self.quick { (1, 100_000) } else { (3, 10_000_000) };
        Scale {
            quick: self.quick,
            runs: self.runs.unwrap_or(runs).max(1),
            long_backlog: self.long_backlog.unwrap_or(long),
        }
    }
}

async fn one(work: Work, peer: Peer, dir: &Path) -> Result<bool, String> {
    if !peer.is_here() {
        return Err(format!(
            "{} not found on PATH: install it, or leave {peer} out",
            peer.program()
        ));
    }
    let result = work.play(peer).await?;
    report::keep(dir, &result)?;
    print!("{}", report::table(&result));
    Ok(true)
}

async fn all(much: &Much, dir: &Path) -> Result<bool, String> {
    let results = Programme::of_summary(much.scale()).play(dir).await?;
    let rows = summary::rows(&results);
    summary::keep(dir, &rows)?;
    print!("\n{}", goal::table(&rows));
    Ok(goal::all_ok(&rows))
}

async fn beside(much: &Much, dir: &Path) -> Result<bool, String> {
    // bare buses are nobody's choice
    let [_, peers @ .., _, _] = Peer::ALL;
    let results = Programme::of_peers(much.scale(), &peers).play(dir).await?;
    print!("\n{}", ratios::table(&results, &peers, Peer::is_here));
    Ok(true)
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { dir, peer, task } = Arguments::parse();
    let done = match task {
        Task::One(work) => one(work, peer, &dir).await,
        Task::Summary(much) => all(&much, &dir).await,
        Task::Peers(much) => beside(&much, &dir).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
