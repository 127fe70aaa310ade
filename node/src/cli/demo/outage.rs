//! [`Halted`]: a process that stands still, and [`kill`]: one that is gone.
//!
//! Promise: a process that was stopped goes on again, whatever becomes of the demo; and a signal
//! reaches the process that was meant, never one that got its number later.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process under SIGSTOP, until this is dropped.
#[derive(Debug)]
pub(super) struct Halted(OwnedFd);

impl Halted {
    /// Stops a process.
    pub(super) fn halt(pid: u32) -> io::Result<Self> {
        let process = open(pid)?;
        pidfd_send_signal(&process, Signal::STOP)?;
        Ok(Self(process))
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        // one that is gone by now needs no signal
        let _ = pidfd_send_signal(&self.0, Signal::CONT);
    }
}

/// Kills a process, as a power cut would.
pub(super) fn kill(pid: u32) -> io::Result<()> {
    Ok(pidfd_send_signal(open(pid)?, Signal::KILL)?)
}

fn open(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pid: u32) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    /// Signals arrive soon, but nothing tells when.
    fn becomes(pid: u32, wanted: char) -> bool {
        (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            state(pid) == wanted
        })
    }

    #[test]
    fn a_process_stands_still_as_long_as_it_is_held_and_no_longer() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let halted = Halted::halt(child.id()).unwrap();
        assert!(becomes(child.id(), 'T'));
        drop(halted);
        assert!(becomes(child.id(), 'S'));
        kill(child.id()).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(Halted::halt(child.id()).is_err());
    }
}
