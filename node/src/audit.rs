//! The audit log: who did what at this station and who was refused, as a chain of hashes on disk.
//!
//! Promise: lines are only ever added, each names the hash of the one before, and what was written
//! is never changed by us, not even where it is damaged. Writing one down costs whoever does the
//! deed a place in a bounded queue and nothing else: custody never waits for the audit log. What
//! the queue or the disk does not take is counted, and a line says how much it was. The exact bytes
//! are in `schemas/README.md`.
//!
//! | module | noun |
//! |---|---|
//! | [`deed`] | what somebody did, or was kept from doing |
//! | `clerk` | the thread that writes deeds down |
//! | `fold` | many deeds of one sort as one line |
//! | `book` | the files as they are written |
//! | `shelf` | the files as they lie in their directory, and which of them may go |
//! | [`line`] | one line, to the byte |
//! | [`hash`] | hashes with their algorithm |
//! | [`head`] | the last line, signed, beside the files |
//! | [`verify`] | whether all that is as it was written |
//! | [`witness`] | deeds seen in durable records and in the core's notices |

mod book;
mod clerk;
pub mod deed;
mod fold;
pub mod hash;
pub mod head;
pub mod line;
mod shelf;
pub mod verify;
pub mod witness;

use std::io;
use std::path::PathBuf;

pub use clerk::{Audit, AuditLog, DEEDS_MAX, Plan};
pub use deed::{Count, Deed, End};

/// The directory of the audit log in a data directory.
pub const DIRECTORY: &str = "audit";

/// Why there is no audit log, or no more of it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", path.display())]
pub struct AuditError {
    /// What was tried.
    pub doing: &'static str,
    /// With which file or directory.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl AuditError {
    /// For `map_err`.
    fn at(doing: &'static str, path: &std::path::Path) -> impl Fn(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests;
