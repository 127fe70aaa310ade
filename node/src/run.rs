//! [`run`]: a station, from its configuration to its clean stop.
//!
//! Promise: whatever keeps a station from starting is said in one error that names the file, key,
//! port or process; once it runs, it stops only when told to, or when its disk fails.

mod audit;
mod believed;
mod certificates;
mod devices;
mod enquiry;
mod error;
mod fresh;
mod home;
mod index;
mod intake;
mod lists;
mod names;
mod notes;
mod office;
mod open;
mod owed;
mod pages;
mod parent;
mod parts;
mod reclaim;
mod refusals;
mod seals;
mod spans;
mod start;
mod status;
mod store;
mod systemd;

use std::panic;
use std::path::Path;

pub use error::RunError;

use crate::config::{Config, Effective};
use crate::{clock, telemetry};

/// Runs the station that a configuration describes until SIGTERM or SIGINT. `effective` are the
/// same settings as they were written: the audit log says which are others than at the last start.
///
/// # Errors
/// Why it did not start, or why it had to stop.
pub fn run(config: Config, effective: Effective) -> Result<(), RunError> {
    telemetry::log(config.log.format, &config.station.code)?;
    let metrics = telemetry::metrics()?;
    // one thread for all that talks, beside those of the disk, the index and the journal: tasks that
    // hand each other every message would wake each other's threads for every message
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    runtime.block_on(async {
        clock::begin_beats();
        let stop = signals()?;
        // a task of its own: whoever wakes what is blocked on here wakes the thread as well, by a
        // call of the kernel, even the thread itself
        let station = tokio::spawn(start::station(config, effective, metrics, stop));
        station.await.unwrap_or_else(|ended| panic::resume_unwind(ended.into_panic()))
    })
}

/// Turns true at SIGTERM or SIGINT.
fn signals() -> Result<tokio::sync::watch::Receiver<bool>, RunError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Runtime)?;
    let (told, stop) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(event = "stopping", "told to stop");
        told.send_replace(true);
        // the receivers must not take a dropped sender for news
        told.closed().await;
    });
    Ok(stop)
}

/// Reads a topology file.
pub(crate) fn topology(path: &Path) -> Result<yizhan_topology::Topology, RunError> {
    let text = std::fs::read_to_string(path).map_err(|source| RunError::File {
        doing: "read",
        file: path.to_owned(),
        source,
    })?;
    let name = path.to_string_lossy();
    yizhan_topology::Topology::read(&name, &text).map_err(RunError::Topology)
}
