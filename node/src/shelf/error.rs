//! [`ListError`]: why there is no list, and what would be one.

use std::io;
use std::path::PathBuf;

use yizhan_topology::Problems;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error("cannot read the {list} {}: {source}", file.display())]
    File {
        /// Which list.
        list: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its name says that it is in a form which nobody reads.
    #[error("the {list} {} has no known form; valid are names in {valid}", file.display())]
    Form {
        /// Which list.
        list: &'static str,
        /// The file.
        file: PathBuf,
        /// The endings that are known.
        valid: &'static str,
    },
    /// It is longer than any list of so many entries.
    #[error(
        "the {list} {} is {bytes} bytes long; at most {valid} are read for {entries_max} \
         {entries} ({list}.max_{entries})", file.display()
    )]
    TooLong {
        /// Which list.
        list: &'static str,
        /// What is in it.
        entries: &'static str,
        /// The file.
        file: PathBuf,
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        valid: u64,
        /// How many entries it may have.
        entries_max: u64,
    },
    /// What it says is wrong.
    #[error("{0}")]
    Wrong(Problems),
}
