//! [`DemoOptions`]: the arguments of `yizhan demo`.
//!
//! The demo itself, `demo::run(options: DemoOptions) -> Result<(), Error>`, comes into
//! `cli/demo/`; with it, `demo` becomes a command.

use std::path::PathBuf;

use clap::Args;

/// Run a county of seven stations on this machine, break it, and count what arrives.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DemoOptions {
    /// Leave the stations running at the end, and print where they are
    #[arg(long)]
    pub keep: bool,
    /// Put all data here, and `demo.json` when the stations are ready [default: a temporary
    /// directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Start the stations and nothing else
    #[arg(long)]
    pub no_traffic: bool,
}
