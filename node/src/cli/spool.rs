//! `yizhan spool stat | ls | verify | export`: what is in a station's custody log.
//!
//! Promise: nothing is written and nothing is locked in the data directory, so all of it may be
//! done beside a running station (whose last commit is then in motion) or on a copy of its disk.
//! Only `forget`, which is hidden, writes, and refuses beside a running station.

mod export;
mod forget;
mod ls;
mod stat;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;

use super::Error;
use super::data_dir::DataDir;
use super::page::Page;
use crate::spool::log::DIR;

/// Look into a station's custody log
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Count what is held, by link and precedence
    Stat(stat::Stat),
    /// List messages, oldest first
    Ls(ls::Ls),
    /// Check every checksum; exit status 1 if anything cannot be read back
    Verify(verify::Verify),
    /// Print messages with their payloads, one JSON object a line
    Export(export::Export),
    /// Take a message out of a stopped station's index, to see that reconciliation finds it
    #[command(hide = true)]
    Forget(forget::Forget),
}

impl Command {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        match self {
            Self::Stat(command) => command.run(page),
            Self::Ls(command) => command.run(page),
            Self::Verify(command) => command.run(page),
            Self::Export(command) => command.run(page),
            Self::Forget(command) => command.run(page),
        }
    }
}

/// The data directory, if there is a log in it.
fn data_of(place: &DataDir) -> Result<PathBuf, Error> {
    let (data, _) = place.find()?;
    let log = data.join(DIR);
    match log.is_dir() {
        true => Ok(data),
        false => Err(Error::File {
            file: log,
            cause: std::io::Error::other(
                "is no directory: valid is the data directory (data.dir) of a station that ran",
            ),
        }),
    }
}
