//! The command line: `yizhan run | demo | publish | watch | status | trace | reconcile | stats | matters |
//! ack | adapter | topology | catalogue | roster | spool | config | audit | completions`.
//!
//! Promise: what is wrong with the words of a command is found before anything is done (exit
//! status 2); what fails is said in one `error: ...` with what to type instead (1); what is done
//! is done (0). Every reading command has `--json`, whose members are those of the HTTP interface.

mod ack;
mod adapter;
mod audit;
mod catalogue;
mod completions;
mod data_dir;
mod demo;
mod devices;
mod error;
mod page;
mod publish;
mod reconcile;
mod roster;
mod settings;
mod spool;
mod sse;
mod station;
mod stats;
mod status;
mod stop;
mod time;
mod topology;
mod trace;
mod watch;
mod words;

use clap::{Parser, Subcommand};

pub use demo::{DemoOptions, Fault as DemoFault};
pub use error::Error;
pub use settings::RunOptions;

use page::Page;
use words::Lang;

/// Yizhan 驿站: a store-and-forward message backbone for tiers of governance centres.
#[derive(Debug, Parser)]
#[command(name = "yizhan", version, propagate_version = true, help_expected = true)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage.")]
struct Cli {
    /// Language of headings and words: zh or en [default: from LC_ALL and LANG]
    #[arg(long, global = true, value_enum, hide_possible_values = true, display_order = 900)]
    lang: Option<Lang>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a station
    Run(RunOptions),
    /// Run a county of seven stations on this machine, break it, and count what arrives
    Demo(DemoOptions),
    /// Hand a message to a station
    Publish(publish::Publish),
    /// Print what happens at a station, as it happens
    Watch(watch::Watch),
    /// Show stations, one station, or one message
    Status(status::Status),
    /// Follow one message through every hop
    Trace(trace::Trace),
    /// Compare what crossed each link below a station; exit status 1 if something is missing
    Reconcile(reconcile::Reconcile),
    /// Show what happened to incidents and cases, counted
    Stats(stats::Stats),
    /// Show incidents and cases that are under way at a station
    Matters(stats::Matters),
    /// Answer a message that was delivered at a station
    Ack(ack::Ack),
    /// Pretend to be cameras and loudspeakers on a station's bus
    Adapter(adapter::Adapter),
    /// Check, show or make the topology file
    #[command(subcommand)]
    Topology(topology::Command),
    /// Check, show or make a catalogue of devices
    #[command(subcommand)]
    Catalogue(catalogue::Command),
    /// Check or show the posts and grid workers of a station
    #[command(subcommand)]
    Roster(roster::Command),
    /// Look into a station's custody log
    #[command(subcommand)]
    Spool(spool::Command),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(settings::Command),
    /// Check or show the audit log: who did what, and who was refused
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// Does what the command line says.
///
/// # Errors
/// Whatever kept it from being done, in words for the person who typed it. Wrong usage ends the
/// process with status 2.
pub fn run() -> Result<(), Error> {
    let cli = Cli::parse();
    let mut page = Page::of_stdout(cli.lang);
    let done = match cli.command {
        Command::Run(options) => {
            let layers = options.layers();
            let effective = layers.effective();
            Ok(crate::run::run(layers.config()?, effective)?)
        }
        Command::Demo(options) => wait(options.run(&mut page)),
        Command::Publish(command) => wait(command.run(&mut page)),
        Command::Watch(command) => wait(command.run(&mut page)),
        Command::Status(command) => wait(command.run(&mut page)),
        Command::Trace(command) => wait(command.run(&mut page)),
        Command::Reconcile(command) => wait(command.run(&mut page)),
        Command::Stats(command) => wait(command.run(&mut page)),
        Command::Matters(command) => wait(command.run(&mut page)),
        Command::Ack(command) => wait(command.run(&mut page)),
        Command::Adapter(command) => wait(command.run(&mut page)),
        Command::Topology(command) => command.run(&mut page),
        Command::Catalogue(command) => command.run(&mut page),
        Command::Roster(command) => command.run(&mut page),
        Command::Spool(command) => command.run(&mut page),
        Command::Config(command) => command.run(&mut page),
        Command::Audit(command) => command.run(&mut page),
        Command::Completions(command) => command.run(&mut page),
    };
    match done {
        // the reader of a pipe has seen enough, as in `yizhan watch | head`
        Err(Error::Print(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// One thread is enough for a client. Not inlined: the stack of `run`, the longest-lived of all,
/// would have room for each of these clients.
#[inline(never)]
fn wait<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Error::Start)?.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_argument_has_its_help_and_no_two_clash() {
        Cli::command().debug_assert();
    }
}
