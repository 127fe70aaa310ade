//! [`Life`]: the note of a running nats-server, kept in the bus's directory until it ended well.
//!
//! Who starts next reads it. A process that still has the noted pid *and* start time is a server
//! whose node died, and is ended; a pid alone would not do, pids come round again. A note of an
//! earlier boot means that the machine went down under the server.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::bus::BusError;
use crate::bus::keys::write_private;

/// How long a server of an earlier life may take to be gone after SIGKILL.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// One process, told from all others of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Life {
    pid: u32,
    /// In clock ticks since boot, the 22nd field of `/proc/<pid>/stat`.
    start_ticks: u64,
    boot: String,
}

impl Life {
    /// The life that a process leads now.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        Ok(Self { pid, start_ticks: start_ticks(pid)?, boot: boot()? })
    }

    /// The note of an earlier life, if it did not end well. A torn note says nothing more.
    pub(super) fn noted(path: &Path) -> Result<Option<Self>, BusError> {
        match fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BusError::file("read", path)(error)),
        }
    }

    /// Notes it, durably.
    pub(super) fn note(&self, path: &Path) -> Result<(), BusError> {
        let wrong = |error: serde_json::Error| BusError::file("write", path)(error.into());
        write_private(path, &serde_json::to_vec(self).map_err(wrong)?)
    }

    /// True if the machine went down since.
    pub(super) fn was_cut_off(&self) -> bool {
        boot().is_ok_and(|now| now != self.boot)
    }

    /// Ends the process if it is still this one; `true` if it was.
    pub(super) async fn end(&self) -> bool {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return false };
        if !self.goes_on() || kill_process(pid, Signal::KILL).is_err() {
            return false;
        }
        // not our child, so there is no event to await, only its absence
        let deadline = tokio::time::Instant::now() + GONE_WITHIN;
        while self.goes_on() && test_kill_process(pid).is_ok() {
            if tokio::time::Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    fn goes_on(&self) -> bool {
        Self::of(self.pid).is_ok_and(|now| now == *self)
    }
}

fn boot() -> io::Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

fn start_ticks(pid: u32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // the name in parentheses may hold anything; after it come the fields from the third on
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace());
    let mut fields = fields.ok_or(io::ErrorKind::InvalidData)?;
    // a zombie has ended, though its pid is still there
    if matches!(fields.next(), None | Some("Z" | "X")) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let field = fields.nth(18).and_then(|text| text.parse().ok());
    field.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn sleeper() -> std::process::Child {
        Command::new("sleep").arg("1000").spawn().unwrap()
    }

    #[tokio::test]
    async fn a_server_of_an_earlier_life_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.json");
        let mut child = sleeper();
        Life::of(child.id()).unwrap().note(&path).unwrap();
        assert!(Life::noted(&path).unwrap().unwrap().end().await);
        assert!(!child.wait().unwrap().success());
    }

    #[tokio::test]
    async fn a_stranger_with_the_same_pid_is_left_alone() {
        let mut child = sleeper();
        let mut life = Life::of(child.id()).unwrap();
        life.start_ticks += 1;
        assert!(!life.end().await);
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn only_a_note_of_an_earlier_boot_means_a_power_cut() {
        let mut life = Life::of(std::process::id()).unwrap();
        assert!(!life.was_cut_off());
        life.boot = "earlier".to_owned();
        assert!(life.was_cut_off());
    }
}
