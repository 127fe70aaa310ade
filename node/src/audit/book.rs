//! [`Book`]: the files as they are written.
//!
//! A line has its number and its hash when it is added; it is in memory until the next
//! [`Book::sync`], which writes all such lines at their place in the file. A write that failed is
//! done again at the same place, so a disk that was full leaves no half of a line.

mod open;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use yizhan_schemas::Code;

use super::AuditError;
use super::deed::Deed;
use super::hash::Hash;
use super::head::Head;
use super::line::Line;
use super::shelf::{self, Shelf};
use crate::seal::Notary;

/// Longest file, bytes; the next line begins another.
pub(super) const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most bytes of lines that wait for a disk that does not take them.
pub(super) const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A log that is written.
#[derive(Debug)]
pub(super) struct Book {
    dir: PathBuf,
    station: Code,
    notary: Option<Notary>,
    file: Option<Open>,
    /// Lines that are not in the file yet, each whole.
    waiting: Vec<u8>,
    /// The last line's number and hash.
    last: (u64, Hash),
    /// Bytes of all files.
    held_bytes: u64,
}

/// The file that is added to.
#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    day: Date,
    bytes: u64,
}

impl Book {
    /// Adds a line; `false` if too much waits for the disk already.
    pub(super) fn add(&mut self, deed: Deed, since: Option<Timestamp>) -> Result<bool, AuditError> {
        if self.waiting.len() >= WAITING_BYTES_MAX {
            return Ok(false);
        }
        let day = shelf::day_of(Timestamp::now());
        let full = |open: &Open| open.bytes + self.waiting.len() as u64 >= FILE_BYTES_MAX;
        if self.file.as_ref().is_none_or(|open| open.day != day || full(open)) {
            self.turn_over(day)?;
        }
        let (seq, hash) = self.last;
        let line = Line::of(deed, since, seq + 1, hash);
        let failed = AuditError::at("write a line into", &self.dir);
        let (bytes, hash) = line.write().map_err(|why| failed(why.into()))?;
        self.waiting.extend_from_slice(&bytes);
        self.last = (seq + 1, hash);
        Ok(true)
    }

    /// Writes what waits, and has it on disk when it returns.
    pub(super) fn sync(&mut self) -> Result<(), AuditError> {
        self.write()?;
        let (seq, hash) = self.last;
        if seq == 0 {
            return Ok(());
        }
        Head::new(self.station.clone(), seq, hash, self.notary.as_ref()).write(&self.dir)
    }

    fn write(&mut self) -> Result<(), AuditError> {
        let Some(open) = self.file.as_mut().filter(|_| !self.waiting.is_empty()) else {
            return Ok(());
        };
        let failed = AuditError::at("write", &open.path);
        let written = open.file.write_all_at(&self.waiting, open.bytes);
        written.and_then(|()| open.file.sync_data()).map_err(failed)?;
        open.bytes += self.waiting.len() as u64;
        self.held_bytes += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Begins another file.
    fn turn_over(&mut self, day: Date) -> Result<(), AuditError> {
        self.write()?;
        let mut path = self.dir.join(shelf::name(self.last.0 + 1, day));
        // a file that nothing can be added to, since it is damaged, keeps its name: a number is
        // left out, as some are missing there anyway
        while path.exists() {
            self.last.0 += 1;
            path = self.dir.join(shelf::name(self.last.0 + 1, day));
        }
        let failed = AuditError::at("make", &path);
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(&failed)?;
        // the name of a file is in its directory
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        self.file = Some(Open { file, path, day, bytes: 0 });
        Ok(())
    }

    /// The last line's number and hash.
    pub(super) fn last(&self) -> (u64, Hash) {
        self.last
    }

    /// Bytes of all files, and of what waits for them.
    pub(super) fn bytes(&self) -> u64 {
        self.held_bytes + self.waiting.len() as u64
    }

    /// The oldest lines that are no longer to be kept, as the deed of taking them away: the number
    /// and hash of the last of them. It has to be on disk before [`Book::prune`].
    pub(super) fn outlived(&self, retain: Duration) -> Result<Option<Outlived>, AuditError> {
        let shelf = Shelf::read(&self.dir)?;
        let count = shelf.outlived(Timestamp::now(), retain);
        let Some(stays) = shelf.0.get(count).filter(|_| count > 0) else { return Ok(None) };
        let failed = AuditError::at("read the first line of", &stays.path);
        let first = open::first_line(&stays.path)?;
        let first = first.ok_or_else(|| failed(std::io::Error::other("it is no line")))?;
        let paths = shelf.0.iter().take(count).map(|volume| volume.path.clone()).collect();
        Ok(Some(Outlived { paths, through: first.line.seq - 1, hash: first.line.prev }))
    }

    /// Takes files away.
    pub(super) fn prune(&mut self, outlived: &Outlived) -> Result<(), AuditError> {
        for path in &outlived.paths {
            fs::remove_file(path).map_err(AuditError::at("remove", path))?;
        }
        self.held_bytes = Shelf::read(&self.dir)?.bytes();
        Ok(())
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Files whose lines have been kept long enough.
#[derive(Debug)]
pub(super) struct Outlived {
    paths: Vec<PathBuf>,
    /// The last line in them.
    pub(super) through: u64,
    /// Its hash.
    pub(super) hash: Hash,
}
