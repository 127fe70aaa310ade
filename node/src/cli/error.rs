//! [`Error`]: why a command failed, in words for the person who typed it.

use std::io;
use std::path::PathBuf;

use serde::Deserialize;
use yizhan_schemas::Code;
use yizhan_topology::Holder;

use crate::config::Problems;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No station is named anywhere.
    #[error(
        "which station? Give --server URL, or --config FILE (its http.listen is used), or run \
         this where there is a yizhan.toml"
    )]
    NoStation,
    /// The configuration does not say where the station is.
    #[error(
        "http.listen has port 0, and {} is not there ({cause}): is the station running? Else \
         give --server URL", file.display()
    )]
    NoPort {
        /// Where the running station would have written its URL.
        file: PathBuf,
        /// Why it cannot be read.
        cause: io::Error,
    },
    /// Nobody answers.
    #[error("cannot reach the station at {url}: {cause}; is it running?")]
    Unreachable {
        /// The station's URL.
        url: String,
        /// The innermost cause.
        cause: String,
    },
    /// The station says no.
    #[error("{0}")]
    Refused(Problem),
    /// The station says something that this version does not understand.
    #[error("cannot understand the answer of {url}: {cause}; is it a Yizhan station?")]
    Answer {
        /// What was asked.
        url: String,
        /// What is odd about it.
        cause: String,
    },
    /// Accepted, but the grade asked for was not reached in time.
    #[error(
        "{id} is {status} and goes on, but was not {wanted} in time; `yizhan status {id}` says \
         how far it is"
    )]
    NotYet {
        /// The message.
        id: String,
        /// The grade reached.
        status: String,
        /// The grade asked for.
        wanted: String,
    },
    /// The configuration is wrong.
    #[error("{}", counted(.0.iter().count(), .0))]
    Config(#[from] Problems),
    /// The topology file, the list that it is made from, a catalogue or a roster is wrong.
    #[error("{}", counted(.0.list().len(), .0))]
    Topology(#[from] yizhan_topology::Problems),
    /// The station did not start, or had to stop.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] crate::bus::BusError),
    /// The demo did not come out well.
    #[error(transparent)]
    Demo(#[from] super::demo::Fault),
    /// A station that the topology does not know.
    #[error("{} has no station {code}; `yizhan topology show` lists them", file.display())]
    NoSuchStation {
        /// The station.
        code: Code,
        /// The topology file.
        file: PathBuf,
    },
    /// A station or an application that the topology does not know.
    #[error("{} has no {} {holder}; `yizhan topology show` lists the stations", file.display(),
        if holder.application.is_some() { "application" } else { "station" })]
    NoSuchHolder {
        /// The station or application.
        holder: Holder,
        /// The topology file.
        file: PathBuf,
    },
    /// Nobody made the seed, or it is elsewhere.
    #[error(
        "{} is not there, so {holder} has no seed: `yizhan topology keys FILE --out DIR` makes it; \
         if it is elsewhere, say so with --keys DIR", file.display()
    )]
    NoSeed {
        /// The station or application.
        holder: Holder,
        /// Where the seed would be.
        file: PathBuf,
    },
    /// The catalogue of devices, or a roster.
    #[error(transparent)]
    List(#[from] crate::shelf::ListError),
    /// A catalogue that speaks of stations which the topology does not know.
    #[error("{} names {count} stations that are not in the topology, the first of them {first}",
        file.display())]
    StrangeStations {
        /// The catalogue.
        file: PathBuf,
        /// The first of them.
        first: Code,
        /// How many there are.
        count: usize,
    },
    /// A device that the catalogue does not know.
    #[error("{} has no device {id}; `yizhan catalogue show FILE --station CODE` lists those of a station",
        file.display())]
    NoSuchDevice {
        /// The device.
        id: String,
        /// The catalogue.
        file: PathBuf,
    },
    /// A kit cannot be made.
    #[error(transparent)]
    Kit(#[from] crate::kit::KitError),
    /// The custody log.
    #[error(transparent)]
    Spool(#[from] crate::spool::SpoolError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] crate::tls::TlsError),
    /// The topology names another key than the seed that is there.
    #[error(
        "{} does not fit the current key of {holder} in the topology: put the right seed there, or \
         make a new one with --rotate {holder}", file.display()
    )]
    OtherKey {
        /// The station or application.
        holder: Holder,
        /// The seed's file.
        file: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{}: {cause}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A message was not taken out of an index.
    #[error(transparent)]
    Forget(#[from] crate::journal::NotForgotten),
    /// The audit log cannot be read.
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
    /// What was found wrong has been printed already as JSON.
    #[error("{0} problems, see the output")]
    Printed(usize),
    /// The output cannot be written.
    #[error("cannot print: {0}")]
    Print(io::Error),
    /// The process cannot get what it needs from the system.
    #[error("cannot start: {0}")]
    Start(io::Error),
}

/// A problem as of RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{}", said(self))]
pub struct Problem {
    /// The code of the contract, as in `bad_selector`.
    #[serde(default)]
    pub code: Option<String>,
    /// The same for all problems of this code.
    #[serde(default)]
    pub title: Option<String>,
    /// What happened here.
    #[serde(default)]
    pub detail: Option<String>,
    /// JSON pointer to the member that is wrong.
    #[serde(default)]
    pub pointer: Option<String>,
}

fn said(problem: &Problem) -> String {
    let code = problem.code.as_deref().unwrap_or("refused");
    let what = problem.detail.as_deref().or(problem.title.as_deref()).unwrap_or("no reason given");
    match &problem.pointer {
        Some(pointer) => format!("{code}: {what} (at {pointer})"),
        None => format!("{code}: {what}"),
    }
}

fn counted(count: usize, problems: &dyn std::fmt::Display) -> String {
    if count == 1 { problems.to_string() } else { format!("{count} problems\n{problems}") }
}
