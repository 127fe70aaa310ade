//! [`Fault`]: why the demo did not come out well.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use yizhan_schemas::Code;

use crate::bus::BusError;

/// Why the demo did not come out well.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No nats-server, no keys, or no connection.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A file of the demo.
    #[error("cannot {doing} {}: {source}", file.display())]
    File {
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// To which file or directory.
        file: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Two demos, one directory.
    #[error("another demo uses {}; stop it, or give another --dir", dir.display())]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
    /// A variable that says nothing.
    #[error("{name} is `{given}`; valid is a whole number")]
    NotANumber {
        /// The variable.
        name: &'static str,
        /// What it says.
        given: String,
    },
    /// A station that does not come up.
    #[error("{code} was not ready within {within:?}: {why}; its log is {}{tail}", log.display())]
    NotReady {
        /// The station.
        code: Code,
        /// How long was waited.
        within: Duration,
        /// What is missing.
        why: String,
        /// Its log.
        log: PathBuf,
        /// The end of that.
        tail: String,
    },
    /// A station that ends instead of starting.
    #[error("{code} ended instead of starting ({status}); its log is {}{tail}", log.display())]
    Ended {
        /// The station.
        code: Code,
        /// How.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The end of that.
        tail: String,
    },
    /// The county does not have what the story needs.
    #[error("the demo's county has too few {0}: a defect")]
    Few(&'static str),
    /// An inbox that cannot be read in the end.
    #[error("cannot count what is in the inbox of {code}: {cause}")]
    Uncounted {
        /// The station.
        code: Code,
        /// Why.
        cause: BusError,
    },
    /// The count does not come out.
    #[error("{lost} lost, {double} double, {stray} stray, {unaccepted} not accepted; see above")]
    Count {
        /// Accepted, and not where it should be.
        lost: usize,
        /// More than once in an inbox.
        double: usize,
        /// In an inbox where nobody sent it.
        stray: usize,
        /// Never accepted.
        unaccepted: usize,
    },
    /// What origins know, or what the camera was asked, is not as it should be.
    #[error(
        "{receipts} receipts and {commands} video commands are not as they should be; see above"
    )]
    Receipts {
        /// Targets of which the origin knows nothing, or something else than that it arrived.
        receipts: usize,
        /// Problems with the video commands.
        commands: usize,
    },
    /// A scene did not come out.
    #[error("{scenes} scenes are not as they should be; see above")]
    Scenes {
        /// How many.
        scenes: usize,
    },
    /// The collector has not what it should.
    #[error("spans: {0}")]
    Spans(
        /// What is the matter.
        String,
    ),
    /// Ctrl-C, or SIGTERM.
    #[error("interrupted before the count was done")]
    Interrupted,
    /// Something that cannot be.
    #[error("{0}: a defect")]
    Defect(String),
}

impl Fault {
    /// A file error with its place.
    pub(super) fn file(
        doing: &'static str,
        file: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::File { doing, file, source }
    }
}
