//! `sim`: plays seeds.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chaos_tests::figures::Figures;
use chaos_tests::plan::Plan;
use chaos_tests::swarm::{hush, play};
use chaos_tests::world::World;
use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Plays stories of whole trees of stations, decided by seeds.
#[derive(Parser)]
#[command(version, help_expected = true)]
struct Arguments {
    /// Play one seed.
    #[arg(long, conflicts_with_all = ["swarm", "minutes"])]
    seed: Option<u64>,
    /// Tell what happens, line by line.
    #[arg(long, requires = "seed")]
    story: bool,
    /// Play this many seeds, each twice.
    #[arg(long, default_value_t = 2000)]
    swarm: u64,
    /// Begin with this seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Play seeds for so many minutes instead.
    #[arg(long, conflicts_with = "swarm")]
    minutes: Option<u64>,
    /// Try every deliberate fault, or those named, until the oracle catches it; needs `--cfg
    /// yizhan_mutants`.
    #[arg(long, num_args = 0.., value_name = "NAME",
        conflicts_with_all = ["seed", "swarm", "minutes"])]
    mutants: Option<Vec<String>>,
    /// Print all failing seeds at the end in one line, and only that of each.
    #[arg(long)]
    brief: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let good = match (arguments.seed, &arguments.mutants) {
        (None, Some(names)) => mutants(names),
        (Some(seed), _) => one(seed, arguments.story),
        (None, None) => many(&arguments),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, story: bool) -> bool {
    if story {
        println!("{:#?}", Plan::of(seed));
        match World::of(Plan::of(seed), true).map(World::play) {
            Ok(ending) => ending.lines.iter().for_each(|line| println!("{line}")),
            Err(fault) => eprintln!("error: {fault}"),
        }
    }
    let played = play(seed);
    println!("{}", played.figures);
    if !played.faults.is_empty() {
        println!("{}", played.report());
    }
    played.faults.is_empty()
}

fn many(arguments: &Arguments) -> bool {
    hush();
    let began = Instant::now();
    let until = arguments.minutes.map(|minutes| began + Duration::from_secs(60 * minutes));
    let bar = bar(arguments.minutes.is_none().then_some(arguments.swarm));
    let mut figures = Figures::default();
    let mut failed = Vec::new();
    let mut seed = arguments.from;
    loop {
        let over = match until {
            Some(until) => Instant::now() >= until,
            None => seed - arguments.from >= arguments.swarm,
        };
        if over {
            break;
        }
        let played = play(seed);
        figures.add(&played.figures);
        if let Some(fault) = played.faults.first() {
            failed.push(seed);
            let text = if arguments.brief { format!("{seed}: {fault}") } else { played.report() };
            bar.suspend(|| println!("{text}"));
        }
        bar.inc(1);
        seed += 1;
    }
    bar.finish_and_clear();
    println!("{figures}");
    println!("each played twice, in {:.1} s", began.elapsed().as_secs_f64());
    if failed.is_empty() {
        println!("every promise held in every story");
    } else {
        println!("{} seeds fail: {failed:?}", failed.len());
    }
    failed.is_empty()
}

/// Tries every mutant, or those named; false if one survives.
#[cfg(yizhan_mutants)]
fn mutants(names: &[String]) -> bool {
    use chaos_tests::mutants::trial;
    use yizhan_core::mutant::Mutant;

    hush();
    let honest = (1..=50).find(|seed| !play(*seed).faults.is_empty());
    if let Some(seed) = honest {
        println!("seed {seed} fails without any mutant: mend that first");
        return false;
    }
    let named = |mutant: &Mutant| names.is_empty() || names.contains(&format!("{mutant:?}"));
    let chosen: Vec<Mutant> = Mutant::ALL.into_iter().filter(named).collect();
    if chosen.is_empty() {
        eprintln!("error: no such mutant: {names:?}; valid are {:?}", Mutant::ALL);
        return false;
    }
    let (mut survivors, all) = (0, chosen.len());
    println!("{:<24} {:>6} {:>7} {:>8}  caught by", "mutant", "seeds", "panics", "seconds");
    for mutant in chosen {
        let trial = trial(mutant);
        let name = format!("{mutant:?}");
        let seeds = trial.seeds.map_or("-".to_owned(), |seeds| seeds.to_string());
        let fault = if trial.seeds.is_some() { trial.fault.as_str() } else { "NOBODY" };
        let (panics, took) = (trial.panics, trial.took.as_secs_f64());
        println!("{name:<24} {seeds:>6} {panics:>7} {took:>8.1}  {:.90}", fault);
        survivors += usize::from(trial.seeds.is_none());
    }
    println!("{} of {all} mutants caught by the oracle outside the core", all - survivors);
    survivors == 0
}

/// There are none in this build.
#[cfg(not(yizhan_mutants))]
fn mutants(_names: &[String]) -> bool {
    eprintln!("error: this build has no mutants; use `make sim-mutants`");
    false
}

/// A bar on a terminal, nothing elsewhere.
fn bar(seeds: Option<u64>) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(seeds, target);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
