//! `sim`: plays seeds.

use std::process::ExitCode;

use chaos_tests::plan::Plan;
use chaos_tests::world::World;
use clap::Parser;

/// Plays stories of two stations, decided by seeds.
#[derive(Parser)]
#[command(version, help_expected = true)]
struct Arguments {
    /// Play one seed.
    #[arg(long, conflicts_with = "swarm")]
    seed: Option<u64>,
    /// Play this many seeds, from 1 on.
    #[arg(long, default_value_t = 200)]
    swarm: u64,
    /// Tell what happens, line by line.
    #[arg(long)]
    story: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seeds = match arguments.seed {
        Some(seed) => seed..=seed,
        None => 1..=arguments.swarm,
    };
    match play(seeds, arguments.story) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn play(seeds: std::ops::RangeInclusive<u64>, story: bool) -> Result<bool, String> {
    let (mut played, mut failed) = (0_u64, 0_u64);
    let (mut accepted, mut delivered, mut excused) = (0, 0, 0);
    let (mut frames, mut crashes, mut stores, mut partitions, mut virtual_us) = (0, 0, 0, 0, 0);
    for seed in seeds {
        let (verdict, figures, lines) = World::of(Plan::of(seed), story)?.play();
        lines.iter().for_each(|line| println!("{line}"));
        played += 1;
        accepted += verdict.accepted;
        delivered += verdict.delivered;
        excused += verdict.excused;
        frames += figures.frames;
        crashes += figures.crashes;
        stores += figures.stores;
        partitions += figures.partitions;
        virtual_us += figures.virtual_us;
        if !verdict.is_good() {
            failed += 1;
            println!("seed {seed} fails: {:?}", Plan::of(seed));
            println!("  lost {:?}", verdict.lost);
            println!("  duplicates {:?}", verdict.duplicates);
            println!("  faults {:?}", verdict.faults);
            println!("  replay: cargo run -p chaos-tests --bin sim -- --seed {seed} --story");
        }
    }
    println!(
        "{played} seeds, {failed} failed: {accepted} accepted, {delivered} delivered, {excused} \
         only on a store that was lost; {frames} frames, {crashes} crashes, {stores} stores lost \
         or restored, {partitions} partitions, {:.1} h of virtual time",
        virtual_us as f64 / 3.6e9
    );
    Ok(failed == 0)
}
