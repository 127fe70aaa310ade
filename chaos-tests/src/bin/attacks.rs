//! `attacks`: tries every attack on a real county, and prints what came of each.

use std::process::ExitCode;

use chaos_tests::attacks::{list, report};
use clap::Parser;

/// Attacks a county of real stations on this machine, and prints what refused each attack.
#[derive(Parser)]
#[command(version, help_expected = true)]
struct Arguments {
    /// Only those whose name contains this.
    filter: Option<String>,
    /// Leave out what takes long or much of the machine.
    #[arg(long)]
    quick: bool,
    /// The rows as JSON.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { filter, quick, json } = Arguments::parse();
    let named = |name: &str| filter.as_ref().is_none_or(|text| name.contains(text.as_str()));
    let rows = list::play(
        |attack| named(attack.name) && !(quick && attack.heavy),
        |row| {
            eprintln!("{} {}", if row.withstood() { "withstood" } else { "FAILED   " }, row.attack)
        },
    )
    .await;
    match json.then(|| serde_json::to_string_pretty(&rows)) {
        Some(Ok(text)) => println!("{text}"),
        Some(Err(fault)) => eprintln!("error: {fault}"),
        None => print!("{}", report::table(&rows)),
    }
    match !rows.is_empty() && rows.iter().all(report::Row::withstood) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
