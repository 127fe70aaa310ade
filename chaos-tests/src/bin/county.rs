//! `county`: a county at work, its counts held against what was done.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use chaos_tests::county::{County, Size};
use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget};

/// Plays a county whose villages report and see to things, and holds the county's counts against
/// what was done.
#[derive(Parser)]
#[command(version, help_expected = true)]
struct Arguments {
    /// Townships.
    #[arg(long, default_value_t = 33)]
    townships: usize,
    /// Villages.
    #[arg(long, default_value_t = 462)]
    villages: usize,
    /// Matters.
    #[arg(long, default_value_t = 100_000)]
    matters: usize,
    /// Of these, handled by nobody below.
    #[arg(long, default_value_t = 20)]
    rising: usize,
    /// Times that a link is cut.
    #[arg(long, default_value_t = 1_000)]
    cuts: usize,
    /// Times that a process dies.
    #[arg(long, default_value_t = 300)]
    crashes: usize,
    /// What decides everything else.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Bytes on a village's uplink for each matter that was closed there, at most.
const BYTES_MAX: f64 = 8.0;

fn main() -> ExitCode {
    let it = Arguments::parse();
    let size = Size {
        townships: it.townships,
        villages: it.villages,
        matters: it.matters,
        rising: it.rising,
        cuts: it.cuts,
        crashes: it.crashes,
        seed: it.seed,
    };
    let mut county = match County::of(size) {
        Ok(county) => county,
        Err(fault) => {
            eprintln!("error: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let began = Instant::now();
    let bar = ProgressBar::new(100);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let mut faults = county.work(|percent| bar.set_position(percent));
    bar.finish_and_clear();
    let villages = || county.wires().filter(|(tier, _)| *tier == 2).map(|(_, wire)| wire);
    let batches: u64 = villages().map(|wire| wire.batches_bytes).sum();
    let all: u64 = villages().map(|wire| wire.all_bytes).sum();
    let closed = county.clerk().closed_at(2);
    let each = batches as f64 / closed.max(1) as f64;
    if each > BYTES_MAX {
        faults
            .push(format!("{each:.2} bytes for each matter closed in a village, goal {BYTES_MAX}"));
    }
    let (matters, risen, illegal) = county.clerk().figures();
    println!("stations                        {}", 1 + it.townships + it.villages);
    println!("matters                         {matters}");
    println!(
        "closed at village, town, county {closed}, {}, {}",
        county.clerk().closed_at(1),
        county.clerk().closed_at(0)
    );
    println!("sent up by deadline             {risen}");
    println!("illegal steps, all rejected     {illegal}");
    println!("bytes up from villages          {batches} in messages, {all} with acks and beats");
    println!("bytes per matter closed there   {each:.2} (goal {BYTES_MAX})");
    println!("took                            {:.1} s", began.elapsed().as_secs_f64());
    for fault in &faults {
        println!("FAULT {fault}");
    }
    if faults.is_empty() {
        println!("the county's counts are the sums of what was done, in every tier and category");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
