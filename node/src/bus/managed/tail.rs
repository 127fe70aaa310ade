//! [`Tail`]: the log of our own server, read as it grows.
//!
//! The server gives its log another name when it is long, and begins a new one: what was written
//! into the old one until then is read first.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

use metrics::counter;
use tokio::time::sleep_until;

use super::closed::Closed;
use crate::bus::refusal::{Reason, Refusal};
use crate::clock;

/// The server is asked for what is not in it at every so many looks.
const LOOKS_A_QUESTION: u64 = 2;
/// Failed handshakes that are remembered, so that none is told twice.
const HANDSHAKES_MAX: usize = 4096;
/// Most bytes that are read at one look; the next look goes on from there.
const LOOK_BYTES_MAX: usize = 256 * 1024;
/// What is more than this behind is left out: whoever makes the server write so fast must not have
/// us read for the rest of the day.
const BEHIND_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Longest line, bytes; of a longer one the beginning is read. A client's words in one line are at
/// most the 4 KiB of a protocol line, four times as long in quotes.
const LINE_BYTES_MAX: usize = 20 * 1024;

/// A log and how far it was read.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    open: Option<Open>,
    /// The beginning of a line whose end is not written yet.
    line: Vec<u8>,
    /// What is not in the log.
    closed: Option<Closed>,
    /// Connections whose handshake failed, as the log has it: the others are not in it.
    handshakes: VecDeque<u64>,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: u64,
    at: u64,
}

impl Tail {
    /// From the end of what is there now, if there is anything.
    pub(super) fn from_here(path: PathBuf, closed: Option<Closed>) -> Self {
        let open = Open::of(&path).ok().and_then(|open| {
            let at = open.file.metadata().ok()?.len();
            Some(Open { at, ..open })
        });
        Self { path, open, line: Vec::new(), closed, handshakes: VecDeque::new() }
    }

    /// Tells of all that is refused from now on; never returns.
    pub async fn follow(mut self, mut tell: impl FnMut(Refusal)) {
        for number in 0_u64.. {
            let next = clock::beat_in(clock::BEAT);
            let closed = match self.closed.as_mut().filter(|_| number % LOOKS_A_QUESTION == 0) {
                Some(closed) => closed.look().await,
                None => Vec::new(),
            };
            let mut found = Vec::new();
            if self.is_behind() {
                // a disk may be busy
                let look = tokio::task::spawn_blocking(move || {
                    let found = self.look();
                    (self, found)
                });
                let Ok((tail, new)) = look.await else { return };
                (self, found) = (tail, new);
            }
            // the log was written before the connection was closed
            let found = self.remembered(found).into_iter().chain(self.unsaid(closed));
            for refusal in found.collect::<Vec<_>>() {
                let reason = refusal.reason.word();
                counter!("yizhan_bus_refused_total", "reason" => reason).increment(1);
                tell(refusal);
            }
            sleep_until(next).await;
        }
    }

    fn remembered(&mut self, found: Vec<Refusal>) -> Vec<Refusal> {
        for refusal in found.iter().filter(|refusal| refusal.reason == Reason::Tls) {
            if self.handshakes.len() == HANDSHAKES_MAX {
                self.handshakes.pop_front();
            }
            self.handshakes.push_back(refusal.connection);
        }
        found
    }

    /// Of what the server told us, what it did not say in its log.
    fn unsaid(&mut self, mut closed: Vec<Refusal>) -> Vec<Refusal> {
        closed.retain(|refusal| !self.handshakes.contains(&refusal.connection));
        closed
    }

    /// True if there may be something to read: a thread that waits for its like is memory and work
    /// of a station that rests.
    fn is_behind(&self) -> bool {
        let now = std::fs::metadata(&self.path).ok();
        let seen = self.open.as_ref().map(|open| (open.inode, open.at));
        now.is_some_and(|now| seen != Some((now.ino(), now.len())))
    }

    /// What was refused since the last look.
    fn look(&mut self) -> Vec<Refusal> {
        let mut found = Vec::new();
        if self.open.is_none() {
            self.open = Open::of(&self.path).ok();
        }
        let Some(mut open) = self.open.take() else { return found };
        if self.read(&mut open, &mut found).is_ok_and(|all| all) {
            match Open::of(&self.path) {
                // all of the old one was read; what it got since the server left it is nothing
                Ok(new) if new.inode != open.inode => {
                    let _ = self.read(&mut open, &mut found);
                    self.line.clear();
                    open = new;
                    let _ = self.read(&mut open, &mut found);
                }
                _ => {}
            }
        }
        self.open = Some(open);
        found
    }

    /// Reads on; true if there is no more.
    fn read(&mut self, open: &mut Open, found: &mut Vec<Refusal>) -> io::Result<bool> {
        let length = open.file.metadata()?.len();
        if length < open.at {
            open.at = 0;
        }
        if length - open.at > BEHIND_BYTES_MAX {
            counter!("yizhan_bus_log_skipped_bytes_total").increment(length - open.at);
            (open.at, self.line) = (length, Vec::new());
        }
        let mut bytes = vec![0; LOOK_BYTES_MAX.min(usize::try_from(length - open.at).unwrap_or(0))];
        let count = open.file.read_at(&mut bytes, open.at)?;
        open.at += count as u64;
        for piece in bytes.get(..count).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                found.extend(Refusal::of_line(String::from_utf8_lossy(&line).trim_end()));
            }
        }
        Ok(open.at >= length)
    }
}

impl Open {
    fn of(path: &PathBuf) -> io::Result<Self> {
        let file = File::open(path)?;
        let inode = file.metadata()?.ino();
        Ok(Self { file, inode, at: 0 })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::path::Path;

    use super::*;

    fn say(path: &Path, subject: &str) {
        let mut log = OpenOptions::new().create(true).append(true).open(path).unwrap();
        let head =
            "[1] 2026/11/26 18:55:55.1 [ERR] 10.0.0.9:40938 - cid:7 - \"v1\" - \"LINK/nkey:UA\"";
        writeln!(log, "{head} - Publish Violation - Subject \"{subject}\"").unwrap();
    }

    fn subjects(tail: &mut Tail) -> Vec<String> {
        if !tail.is_behind() {
            return Vec::new();
        }
        tail.look().into_iter().filter_map(|refusal| refusal.subject).collect()
    }

    #[test]
    fn only_what_comes_is_read_also_when_the_log_gets_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nats-server.log");
        say(&path, "of.an.earlier.life");
        let mut tail = Tail::from_here(path.clone(), None);
        assert_eq!(subjects(&mut tail), Vec::<String>::new());
        say(&path, "one");
        assert_eq!(subjects(&mut tail), ["one"]);
        say(&path, "two");
        fs::rename(&path, dir.path().join("nats-server.log.2026.11.26")).unwrap();
        say(&path, "three");
        assert_eq!(subjects(&mut tail), ["two", "three"]);
        assert_eq!(subjects(&mut tail), Vec::<String>::new());
    }

    #[test]
    fn a_line_is_read_when_its_end_is_there_and_a_flood_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nats-server.log");
        let mut tail = Tail::from_here(path.clone(), None);
        say(&path, "late");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..40]).unwrap();
        assert_eq!(subjects(&mut tail), Vec::<String>::new());
        fs::write(&path, &whole).unwrap();
        assert_eq!(subjects(&mut tail), ["late"]);
        let flood = vec![b'x'; usize::try_from(BEHIND_BYTES_MAX).unwrap() + 1];
        OpenOptions::new().append(true).open(&path).unwrap().write_all(&flood).unwrap();
        assert_eq!(subjects(&mut tail), Vec::<String>::new());
        fs::write(&path, b"").unwrap();
        say(&path, "after a truncation");
        assert_eq!(subjects(&mut tail), ["after a truncation"]);
    }
}
