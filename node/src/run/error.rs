//! [`RunError`]: why a station does not run.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use yizhan_schemas::Code;
use yizhan_topology::Problems;

use crate::audit::AuditError;
use crate::bus::BusError;
use crate::driver::DiskFailed;
use crate::http::{ServeError, tokens::BadToken};
use crate::spool::SpoolError;
use crate::telemetry::TelemetryError;
use crate::telemetry::spans::ExporterError;
use crate::tls::TlsError;

/// Why a station does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file cannot be used.
    #[error("cannot {doing} {}: {source}", file.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The topology file is wrong.
    #[error("{0}")]
    Topology(
        /// Everything that is.
        Problems,
    ),
    /// Spans cannot be exported.
    #[error("{0}")]
    Spans(
        /// Why.
        #[from]
        ExporterError,
    ),
    /// The catalogue of devices or the roster cannot be used.
    #[error(transparent)]
    List(#[from] crate::shelf::ListError),
    /// The station is not in the topology.
    #[error(
        "station.code is {code}, which is no station of {}; the root there is {root}; see \
         `yizhan topology show {}`", file.display(), file.display()
    )]
    UnknownStation {
        /// The code.
        code: Code,
        /// The topology file.
        file: PathBuf,
        /// The topology's root.
        root: Code,
    },
    /// The parent has no address.
    #[error(
        "{parent}, the parent of {code}, has no `bus` in {}; valid is its NATS address, for \
         example bus = \"nats://10.72.0.1:4222\"", file.display()
    )]
    ParentUnreachable {
        /// The station.
        code: Code,
        /// Its parent.
        parent: Code,
        /// The topology file.
        file: PathBuf,
    },
    /// No key to log in with at the parent.
    #[error(
        "station.key is missing: {code} logs in on its parent's bus with it; valid is the file \
         that `yizhan topology keys` made for {code}"
    )]
    KeyMissing {
        /// The station.
        code: Code,
    },
    /// The parent wants TLS, and there is none here.
    #[error(
        "{parent}, the parent of {code}, is at {url}, and tls.ca, tls.cert and tls.key are not set; \
         valid are the files that `yizhan topology render` makes for {code}"
    )]
    ParentNeedsTls {
        /// The station.
        code: Code,
        /// Its parent.
        parent: Code,
        /// The parent's bus.
        url: String,
    },
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Another process runs on the data directory.
    #[error("data directory {} is in use by another process (pid {pid})", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Who holds it, as it wrote itself down.
        pid: String,
    },
    /// The data directory is another station's.
    #[error(
        "data directory {} is that of station {owner}, not of {code}; give {code} a data.dir of \
         its own, or, if {owner} was renamed or moved to {code}, set station.formerly = \"{owner}\"",
        dir.display()
    )]
    OtherStation {
        /// The directory.
        dir: PathBuf,
        /// Whose it is.
        owner: Code,
        /// Who wanted it.
        code: Code,
    },
    /// The HTTP port cannot be had.
    #[error("cannot listen on {listen} (http.listen): {source}; choose another port, or 0 for any")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The spool holds what this version cannot read.
    #[error("the custody log's snapshot cannot be read: {0}")]
    Snapshot(#[from] yizhan_schemas::codec::CodecError),
    /// The disk, while running.
    #[error(transparent)]
    Disk(#[from] DiskFailed),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// HTTP.
    #[error(transparent)]
    Http(#[from] ServeError),
    /// A bearer token.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// Logs or metrics.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The system.
    #[error("the system gives no threads, signals or random numbers: {0}")]
    Runtime(
        /// What it says.
        io::Error,
    ),
    /// A task that should run as long as the station ended.
    #[error("the {0} task ended: a defect; the log above says more")]
    TaskEnded(
        /// Which.
        &'static str,
    ),
}
