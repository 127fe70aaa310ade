//! [`KeyFiles`]: publishers' keys of log segments that are gone, so that the index can be made
//! anew from these and the log.
//!
//! Promise: what [`KeyFiles::keep`] returned `Ok` for survives a power cut. A torn end is cut off
//! and a damaged place passed over: each block of keys is there whole or not at all. A key may be
//! here twice, and here and in the log: its ordinal tells.
//!
//! One file for each day on which the newest message of a segment was taken:
//! `<data>/keys/2026-11-24`. A file goes when all of it is past the window, or the log has had so
//! many keys since that none of it counts any more.

mod block;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use yizhan_core::record::Record;

use self::block::KEYS_MAX;
use super::disk;
use super::error::SpoolError;
use super::keys::{KeyUse, Limits, SANE_WALL_MS};
use super::log;

/// The files' directory in the data directory.
pub const DIR: &str = "keys";
const DAY_MS: u64 = 86_400_000;
/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// Publishers' keys of segments that are gone.
#[derive(Debug)]
pub struct KeyFiles {
    dir: PathBuf,
    limits: Limits,
    /// The file written last, and where its last good block ends.
    open: Option<(Date, File, u64)>,
    /// What failed first, if something did that leaves the files unknown.
    failed: Option<String>,
}

/// What was found in files and log together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Keys in files that the log does not have any more.
    pub in_files: u64,
    /// Keys in the log.
    pub in_log: u64,
    /// Bytes in files that are no intact block.
    pub damaged_bytes: u64,
}

impl KeyFiles {
    /// The key files in the data directory `data`.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(data: &Path, limits: Limits) -> Result<Self, SpoolError> {
        let dir = data.join(DIR);
        disk::make_dir(&dir)?;
        Ok(Self { dir, limits, open: None, failed: None })
    }

    /// Writes down the keys of a segment whose newest message was taken at `newest_wall_ms`. They
    /// are durable on return.
    ///
    /// # Errors
    /// [`SpoolError::Full`] leaves the files as they were. After any other error nothing more is
    /// taken.
    pub fn keep(&mut self, uses: &[KeyUse], newest_wall_ms: u64) -> Result<(), SpoolError> {
        if let Some(first) = &self.failed {
            return Err(SpoolError::Poisoned { first: first.clone() });
        }
        let done = uses.chunks(KEYS_MAX).try_for_each(|some| self.append(some, newest_wall_ms));
        if let Err(fault) = &done
            && !fault.leaves_log_sound()
        {
            self.failed = Some(fault.to_string());
        }
        done
    }

    fn append(&mut self, uses: &[KeyUse], wall_ms: u64) -> Result<(), SpoolError> {
        let day = day_of(wall_ms);
        let path = self.dir.join(day.to_string());
        let block = block::encode(uses)?;
        if self.open.as_ref().is_none_or(|(open, ..)| *open != day) {
            self.open = None;
            let (file, end) = open_end(&self.dir, &path)?;
            self.open = Some((day, file, end));
        }
        let Some((_, file, end)) = &mut self.open else { return Ok(()) };
        let written = disk::write_at(file, &path, *end, &block);
        if let Err(SpoolError::Full { .. }) = written {
            disk::set_len(file, &path, *end)?;
        }
        written?;
        disk::sync_data(file, &path)?;
        *end += block.len() as u64;
        Ok(())
    }

    /// Unlinks files all of whose keys are past the window at `now_wall_ms`, or so many behind the
    /// log's last key, `newest_ordinal`, that they do not count. Returns how many.
    ///
    /// # Errors
    /// A file cannot be read or removed.
    pub fn expire(&mut self, now_wall_ms: u64, newest_ordinal: u64) -> Result<usize, SpoolError> {
        let mut gone = 0;
        for (day, path) in list(&self.dir)? {
            let end_ms = start_ms(day).saturating_add(DAY_MS);
            let sane = end_ms > SANE_WALL_MS;
            let past = sane && end_ms.saturating_add(self.limits.window_ms) < now_wall_ms;
            if past || self.is_beyond(&path, newest_ordinal)? {
                self.open.take_if(|(open, ..)| *open == day);
                disk::remove(&path)?;
                gone += 1;
            }
        }
        if gone > 0 {
            disk::sync_dir(&self.dir)?;
        }
        Ok(gone)
    }

    fn is_beyond(&self, path: &Path, newest_ordinal: u64) -> Result<bool, SpoolError> {
        // reading a file is worth it only when there are more keys than count
        let Some(oldest) = newest_ordinal.checked_sub(self.limits.keys_max) else {
            return Ok(false);
        };
        let mut last = 0;
        read_file(path, &mut |one| last = last.max(one.ordinal))?;
        Ok(last <= oldest)
    }
}

/// Gives every key that files and log in the data directory `data` have to `each`, in order, with
/// the ordinals that the log gave.
///
/// # Errors
/// A file or segment cannot be read.
pub fn every_key(data: &Path, each: &mut dyn FnMut(KeyUse)) -> Result<Found, SpoolError> {
    let (mut found, mut last) = (Found::default(), 0);
    let mut files = Vec::new();
    for (_, path) in list(&data.join(DIR))? {
        let mut first = None;
        found.damaged_bytes += read_file(&path, &mut |one| {
            first.get_or_insert(one.ordinal);
        })?;
        files.push((first, path));
    }
    // a clock that was wrong gave a file the wrong day
    files.sort();
    let mut newer = |one: KeyUse, count: &mut u64| {
        if one.ordinal > last {
            last = one.ordinal;
            *count += 1;
            each(one);
        }
    };
    for (_, path) in files {
        read_file(&path, &mut |one| newer(one, &mut found.in_files))?;
    }
    log::scan(data, &mut |place| {
        let Some(ordinal) = place.key_ordinal else { return };
        if let Some(one) = key_use(ordinal, &place.record) {
            newer(one, &mut found.in_log);
        }
    })?;
    Ok(found)
}

/// The use of a key that a record is, if it is one.
pub fn key_use(ordinal: u64, record: &Record) -> Option<KeyUse> {
    let Record::Put(put) = record else { return None };
    let (key, message) = (put.key.clone()?, put.envelope.header().id());
    Some(KeyUse { ordinal, key, message, wall_ms: put.taken_wall_ms })
}

/// Opens a day's file behind its last good block, and makes what is before that durable.
fn open_end(dir: &Path, path: &Path) -> Result<(File, u64), SpoolError> {
    if !path.exists() {
        let file = disk::create(path)?;
        disk::sync_all(&file, path)?;
        disk::sync_dir(dir)?;
        return Ok((file, 0));
    }
    let bytes = disk::read(path, FILE_BYTES_MAX)?;
    let mut end = 0;
    while let Some(block) = block::next(&bytes, end) {
        end = block.end;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|fault| SpoolError::io("open", path, fault))?;
    disk::set_len(&file, path, end as u64)?;
    disk::sync_all(&file, path)?;
    Ok((file, end as u64))
}

/// Gives every key in a file to `each`. Returns the bytes that are no intact block.
fn read_file(path: &Path, each: &mut dyn FnMut(KeyUse)) -> Result<u64, SpoolError> {
    let bytes = disk::read(path, FILE_BYTES_MAX)?;
    let (mut at, mut intact) = (0, 0);
    while let Some(block) = block::next(&bytes, at) {
        intact += block.bytes;
        at = block.end;
        block.uses.into_iter().for_each(&mut *each);
    }
    Ok((bytes.len() - intact) as u64)
}

/// The files by day, oldest first. Whatever else is there is not ours.
fn list(dir: &Path) -> Result<Vec<(Date, PathBuf)>, SpoolError> {
    let failed = |fault| SpoolError::io("list", dir, fault);
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let day = path.file_name().and_then(|name| name.to_str()?.parse::<Date>().ok());
        files.extend(day.map(|day| (day, path)));
    }
    files.sort();
    Ok(files)
}

fn day_of(wall_ms: u64) -> Date {
    let at = i64::try_from(wall_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    TimeZone::UTC.to_datetime(at.unwrap_or(Timestamp::MAX)).date()
}

fn start_ms(day: Date) -> u64 {
    let start = TimeZone::UTC.to_timestamp(DateTime::from(day));
    start.ok().and_then(|start| u64::try_from(start.as_millisecond()).ok()).unwrap_or(u64::MAX)
}
