//! Rounds of power cuts, and the table of what they cost.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rand::Rng;
use serde::Serialize;

use crate::Fault;
use crate::check::Holds;
use crate::cut::{PCFS, Round, Said};

/// Rounds that follow one another on one image.
const ROUNDS_PER_IMAGE: u32 = 5;
/// Segments of every second image: small, so that they are closed all the time. Bytes.
const SMALL_SEGMENT_BYTES: u64 = 64 * 1024;
/// Segments of the others.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What survives of what was not synced: drop, torn or subset, each also with +posix.
    #[arg(long = "mode", default_values_t = ["drop", "torn", "subset", "subset+posix"].map(String::from))]
    modes: Vec<String>,
    /// Rounds in each mode.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// Earliest cut after the writer's start, milliseconds.
    #[arg(long, default_value_t = 80)]
    cut_ms_min: u64,
    /// Latest cut.
    #[arg(long, default_value_t = 580)]
    cut_ms_max: u64,
    /// Print only JSON.
    #[arg(long)]
    json: bool,
    /// Leave the image of a bad round in this directory.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// What one mode cost.
#[derive(Debug, Default, Serialize)]
struct Cost {
    mode: String,
    rounds: u32,
    acknowledged: u64,
    lost: u64,
    failed_opens: u32,
    wrong: u64,
    torn_tails: u32,
    segments_most: u64,
    segments_gone: u64,
    messages_carried: u64,
    keys_in_files_most: u64,
    keys_vouched_for: u64,
    keys_lost: u64,
    indexes_set_aside: u32,
    open_ms_most: u64,
    notes: Vec<String>,
}

impl Cost {
    fn is_nothing(&self) -> bool {
        let lost = self.lost + self.wrong + self.keys_lost;
        lost == 0 && self.failed_opens == 0 && self.indexes_set_aside == 0
    }
}

/// Runs all rounds. `false` if anything was lost.
pub(crate) fn run(args: &Args) -> Result<bool, Fault> {
    let pcfs = std::env::var_os(PCFS).map(PathBuf::from).ok_or_else(|| {
        format!(
            "{PCFS} is not set: it names the program of the filesystem that forgets what was not \
             synced, without which no power can be cut; see chaos-tests/powercut/README.md"
        )
    })?;
    let mut costs = Vec::new();
    for mode in &args.modes {
        costs.push(run_mode(args, &pcfs, mode)?);
    }
    if !args.json {
        print_table(&costs);
    }
    println!("{}", serde_json::to_string(&costs)?);
    Ok(costs.iter().all(Cost::is_nothing))
}

fn run_mode(args: &Args, pcfs: &Path, mode: &str) -> Result<Cost, Fault> {
    let mut cost = Cost { mode: mode.to_owned(), ..Cost::default() };
    let home = tempfile::tempdir()?;
    let (image, mount) = (home.path().join("image"), home.path().join("mount"));
    std::fs::create_dir(&mount)?;
    let mut said = Said::default();
    let mut afresh = true;
    let mut images = 0_u64;
    for round in 0..args.rounds {
        if afresh || round % ROUNDS_PER_IMAGE == 0 {
            let _ = std::fs::remove_dir_all(&image);
            std::fs::create_dir(&image)?;
            said = Said::default();
            images += 1;
        }
        let segment_bytes =
            if images.is_multiple_of(2) { SMALL_SEGMENT_BYTES } else { SEGMENT_BYTES };
        let cut_ms = rand::rng().random_range(args.cut_ms_min..=args.cut_ms_max);
        let cut_after = Duration::from_millis(cut_ms);
        let before = said;
        let (pcfs, image, mount) = (pcfs, image.as_path(), mount.as_path());
        Round { pcfs, image, mount, mode, segment_bytes, cut_after }.run(&mut said)?;
        cost.rounds += 1;
        cost.acknowledged += said.acknowledgements - before.acknowledgements;
        cost.keys_vouched_for += said.keys - before.keys;
        cost.segments_gone += said.gone - before.gone;
        cost.messages_carried += said.carried - before.carried;
        let good = judge(&mut cost, image, segment_bytes, said, cut_ms)?;
        if let Some(keep) = args.keep.as_ref().filter(|_| !good) {
            copy(image, &keep.join(format!("{mode}-{round}")))?;
        }
        // what a bad round left says nothing about the next
        afresh = !good;
    }
    Ok(cost)
}

/// Opens the image in a fresh process and counts. `false` if something is wrong.
fn judge(
    cost: &mut Cost,
    image: &Path,
    segment_bytes: u64,
    said: Said,
    cut_ms: u64,
) -> Result<bool, Fault> {
    let out = Command::new(std::env::current_exe()?)
        .arg("check")
        .arg(image)
        .arg(format!("--segment-bytes={segment_bytes}"))
        .output()?;
    if !out.status.success() {
        cost.failed_opens += 1;
        cost.notes.push(format!("cut at {cut_ms} ms: {}", String::from_utf8_lossy(&out.stderr)));
        return Ok(false);
    }
    let holds: Holds = serde_json::from_slice(&out.stdout)?;
    let lost = said.acknowledged.saturating_sub(holds.messages);
    let made_up = holds.messages.saturating_sub(said.submitted);
    let keys_lost = holds.keys_lost + said.keys.saturating_sub(holds.keys_through);
    cost.lost += lost;
    cost.wrong += holds.wrong.len() as u64 + made_up;
    cost.torn_tails += u32::from(holds.torn);
    cost.segments_most = cost.segments_most.max(holds.segments);
    cost.keys_in_files_most = cost.keys_in_files_most.max(holds.keys_in_files);
    cost.keys_lost += keys_lost;
    cost.indexes_set_aside += u32::from(holds.keys_set_aside);
    cost.open_ms_most = cost.open_ms_most.max(holds.open_ms);
    let good = lost + made_up + keys_lost == 0 && holds.wrong.is_empty() && !holds.keys_set_aside;
    if !good {
        cost.notes.push(format!("cut at {cut_ms} ms: said {said:?}, holds {holds:?}"));
    }
    Ok(good)
}

fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn print_table(costs: &[Cost]) {
    println!(
        "{:<13} {:>6} {:>12} {:>5} {:>12} {:>6} {:>5} {:>9} {:>6} {:>8} {:>9} {:>9} {:>9}",
        "mode",
        "rounds",
        "acknowledged",
        "lost",
        "failed opens",
        "wrong",
        "torn",
        "segments",
        "gone",
        "carried",
        "keys",
        "keys lost",
        "index bad"
    );
    for cost in costs {
        println!(
            "{:<13} {:>6} {:>12} {:>5} {:>12} {:>6} {:>5} {:>9} {:>6} {:>8} {:>9} {:>9} {:>9}",
            cost.mode,
            cost.rounds,
            cost.acknowledged,
            cost.lost,
            cost.failed_opens,
            cost.wrong,
            cost.torn_tails,
            cost.segments_most,
            cost.segments_gone,
            cost.messages_carried,
            cost.keys_vouched_for,
            cost.keys_lost,
            cost.indexes_set_aside
        );
        for note in &cost.notes {
            println!("  {note}");
        }
    }
}
