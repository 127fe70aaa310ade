//! [`Quarantine`]: what neighbours brought and this station did not take, with the reason, for
//! people to look at.
//!
//! Promise: each message that the log says was put aside is a line of a file in
//! `<data>/quarantine/`, readable by the station's user only, for [`KEPT_DAYS`]; together they never
//! take more than [`BYTES_MAX`], the oldest file going first. A thread writes them behind the log,
//! and holds nobody up: what it cannot keep up with is counted, and is in the log as long as that
//! segment is there.

mod file;

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use data_encoding::BASE64;
use jiff::Timestamp;
use metrics::{counter, gauge};
use serde::{Deserialize, Serialize};
use yizhan_core::record::{Quarantined, Record};
use yizhan_schemas::Envelope;

use crate::driver::Observer;
use crate::queue::{self, Receiver, Sender};

use self::file::Files;

/// The directory in the data directory.
pub const DIR: &str = "quarantine";
/// Days after which a file is removed.
pub const KEPT_DAYS: u64 = 30;
/// Most bytes of all files together.
pub const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Messages that may wait for the thread.
const WAITING_MAX: usize = 256;

/// A message that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// When, by this station's wall clock, RFC 3339.
    pub at: String,
    /// The neighbour that brought it.
    pub link: String,
    /// The lane of the link.
    pub lane: String,
    /// Its leg sequence there.
    pub sequence: u64,
    /// What it says of itself, if it is an envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its kind, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whom it is for, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why it was not taken.
    pub why: String,
    /// Its bytes, Base64.
    pub bytes: String,
}

impl Aside {
    fn of(record: &Quarantined) -> Self {
        let envelope = Envelope::read(record.bytes.clone()).ok();
        let header = envelope.as_ref().map(Envelope::header);
        Self {
            at: Timestamp::now().to_string(),
            link: record.link.word().to_owned(),
            lane: record.lane.word().to_owned(),
            sequence: record.sequence,
            id: header.map(|header| header.id().to_string()),
            kind: header.map(|header| header.kind.to_string()),
            to: header.map(|header| header.to.to_string()),
            why: record.why.clone(),
            bytes: BASE64.encode(&record.bytes),
        }
    }
}

/// The thread's end that sees what was put aside.
#[derive(Debug)]
pub struct Quarantine(Sender<Aside>);

impl Quarantine {
    /// Starts the thread.
    ///
    /// # Errors
    /// The directory cannot be made or read, or there is no thread.
    pub fn start(data: &Path) -> io::Result<Self> {
        let files = Files::open(&data.join(DIR))?;
        let (queue, waiting) = queue::bounded(WAITING_MAX);
        thread::Builder::new().name("yizhan-aside".into()).spawn(move || keep(files, &waiting))?;
        Ok(Self(queue))
    }
}

impl Observer for Quarantine {
    fn committed(&mut self, _: u64, records: &[Record]) {
        for record in records {
            let Record::Quarantined(record) = record else { continue };
            if self.0.offer(Aside::of(record)).is_err() {
                counter!("yizhan_quarantine_unkept_total").increment(1);
            }
        }
    }
}

fn keep(mut files: Files, waiting: &Receiver<Aside>) {
    gauge!("yizhan_quarantine_bytes").set(files.bytes() as f64);
    while let Some(first) = waiting.recv() {
        let all = std::iter::once(first).chain(waiting.try_iter().take(WAITING_MAX));
        let all: Vec<Aside> = all.collect();
        if let Err(fault) = files.append(&all) {
            counter!("yizhan_quarantine_unkept_total").increment(all.len() as u64);
            tracing::error!(event = "quarantine_unkept", %fault, "what was put aside is not kept");
        }
        gauge!("yizhan_quarantine_bytes").set(files.bytes() as f64);
    }
}

/// Gives what was put aside to `each`, oldest first, until it answers `false`. A line that cannot
/// be read is passed over: the last one may be in the making.
///
/// # Errors
/// A file cannot be read; none at all is no error.
pub fn read(data: &Path, each: &mut dyn FnMut(Aside) -> bool) -> Result<(), (PathBuf, io::Error)> {
    file::read(&data.join(DIR), each)
}

#[cfg(test)]
mod tests;
