//! `attacks`: tries every attack on a real county, and prints what came of each.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use chaos_tests::attacks::ground::Ground;
use chaos_tests::attacks::{identities, list, report};
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
    /// Instead: start the county and run this program with a file that says who may log in where.
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true)]
    permissions: Vec<PathBuf>,
}

/// Runs a program on a county; its status is ours.
async fn permissions(words: &[PathBuf]) -> ExitCode {
    let [program, arguments @ ..] = words else { return ExitCode::FAILURE };
    let ground = Ground::prepare().await;
    let file = ground.county.topology_file().with_file_name("identities.json");
    let done = std::fs::write(&file, identities::written(&ground))
        .and_then(|()| Command::new(program).args(arguments).arg(&file).status());
    match done {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {}: {fault}", program.display());
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { filter, quick, json, permissions } = Arguments::parse();
    if !permissions.is_empty() {
        return self::permissions(&permissions).await;
    }
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
