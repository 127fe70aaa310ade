//! [`TlsError`]: why certificates are of no use, in words an operator can act on.

use std::io;
use std::path::{Path, PathBuf};

/// Why certificates are of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried, as an infinitive.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{key} = {}: {why}; valid is {valid}", path.display())]
    Bad {
        /// The setting that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong, without its content.
        why: String,
        /// What would be valid.
        valid: &'static str,
    },
    /// The authority's own files.
    #[error(
        "{} is of no use as the county's authority: {why}; valid is what an earlier `yizhan \
         topology render` wrote there, or an empty directory for a new authority", path.display()
    )]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate for {whom}: {why}")]
    Unmade {
        /// Whose it would be.
        whom: String,
        /// What the library says.
        why: String,
    },
}

impl TlsError {
    /// A file error with its place.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }
}
