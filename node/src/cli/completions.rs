//! `yizhan completions SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::page::Page;
use super::{Cli, Error};

/// Print a completion script for a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "yizhan", &mut script);
        page.print(String::from_utf8_lossy(&script).trim_end())
    }
}
