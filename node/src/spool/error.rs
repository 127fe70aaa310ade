//! [`SpoolError`]: what can go wrong with the spool, said so that somebody can act on it.

use std::io;
use std::path::{Path, PathBuf};

/// Why the spool could not do what it was asked.
///
/// After any of these from [`super::Log::append`] or [`super::Log::sync`] the process must end and
/// recover: the core's memory has moved on and the disk has not.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Two stations on one directory.
    #[error(
        "data directory {dir} is in use by another process (pid {pid})",
        dir = dir.display()
    )]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// Who holds it, as it wrote itself down.
        pid: String,
    },
    /// No room. What was being written was cut off again; what was written before is untouched.
    #[error(
        "the disk is full: no room for {need_bytes} more bytes in {file}; nothing of this commit \
         was kept; free space on this volume and start the station again",
        file = file.display()
    )]
    Full {
        /// The file that could not grow.
        file: PathBuf,
        /// Bytes asked for.
        need_bytes: u64,
    },
    /// The system refused.
    #[error("could not {doing} {file}: {source}", file = file.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or directory.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something failed before, and what the file holds since is unknown.
    #[error(
        "the spool takes nothing more since this failed: {first}; end this process and start the \
         station again, it recovers from what is surely on disk"
    )]
    Poisoned {
        /// The first failure.
        first: String,
    },
    /// More than one commit may hold.
    #[error("a commit of {bytes} bytes; the spool takes at most {bytes_max}")]
    CommitTooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The setting makes no sense.
    #[error("spool.segment_bytes is {given}; valid is {min} to {max}, for example 8MiB")]
    SegmentBytes {
        /// As configured.
        given: u64,
        /// Smallest valid value.
        min: u64,
        /// Largest valid value.
        max: u64,
    },
    /// Written by a later release.
    #[error(
        "{file} has format version {found}; this release reads versions up to {known}; start it with the \
         release that wrote it",
        file = file.display()
    )]
    Version {
        /// The segment.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A segment of another station's log among ours.
    #[error(
        "{file} belongs to another log (store number {found:016x}, the others have \
         {expected:016x}); move it out of the spool directory",
        file = file.display()
    )]
    Foreign {
        /// The segment.
        file: PathBuf,
        /// Its store number.
        found: u64,
        /// That of the others.
        expected: u64,
    },
    /// Checksums hold, and yet it is nothing that this release knows.
    #[error(
        "{file} at byte {offset}: an intact record that this release cannot read ({fault}); start \
         it with the release that wrote it",
        file = file.display()
    )]
    Unreadable {
        /// The segment.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What the decoder says.
        fault: String,
    },
    /// A record that has no bytes: our own mistake.
    #[error("a record cannot be encoded: {fault}")]
    Unencodable {
        /// What the encoder says.
        fault: String,
    },
    /// The index of publishers' keys failed. Custody is not touched by this.
    #[error(
        "the index in {dir} failed to {doing}: {fault}; it is rebuilt from the custody log when \
         it is opened anew",
        dir = dir.display()
    )]
    Index {
        /// What was tried.
        doing: &'static str,
        /// Its directory.
        dir: PathBuf,
        /// What sled says.
        fault: String,
    },
}

impl SpoolError {
    /// The error of a call that grows no file.
    pub(super) fn io(doing: &'static str, file: &Path, source: io::Error) -> Self {
        Self::Io { doing, file: file.to_owned(), source }
    }

    /// The error of a call that may find the disk full.
    pub(super) fn growing(
        doing: &'static str,
        file: &Path,
        need_bytes: u64,
        source: io::Error,
    ) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { file: file.to_owned(), need_bytes }
            }
            _ => Self::io(doing, file, source),
        }
    }

    /// The same where a full disk was ruled out.
    pub(super) fn unexpected(self) -> Self {
        match self {
            Self::Full { file, .. } => {
                let source = io::Error::from(io::ErrorKind::StorageFull);
                Self::Io { doing: "write into what was set aside in", file, source }
            }
            other => other,
        }
    }

    /// True if what is on disk is still known for certain.
    pub(super) fn leaves_log_sound(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::CommitTooLarge { .. } | Self::Unencodable { .. })
    }
}
