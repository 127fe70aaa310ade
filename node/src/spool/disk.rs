//! The few things that the spool asks of a filesystem, each with an error that names the file.
//!
//! A name is durable only when its directory was fsynced, bytes only when their file was; every
//! function here that promises durability does both.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::error::SpoolError;

/// How much is read at once of a file that may end in zeros.
const CHUNK_BYTES: usize = 64 * 1024;
/// What was written may itself end in zeros: at most a payload's, which is shorter than this.
const ZEROS_KEPT_BYTES: usize = yizhan_schemas::envelope::ENVELOPE_BYTES_MAX;

/// Makes a directory and those above it, durably.
pub(super) fn make_dir(dir: &Path) -> Result<(), SpoolError> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = above(dir);
    make_dir(above)?;
    fs::create_dir(dir)
        .or_else(|fault| if dir.is_dir() { Ok(()) } else { Err(fault) })
        .map_err(|fault| SpoolError::growing("make the directory", dir, 0, fault))?;
    sync_dir(above)
}

/// The directory that a name is in.
pub(super) fn above(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), SpoolError> {
    File::open(dir)
        .and_then(|handle| handle.sync_all())
        .map_err(|fault| SpoolError::io("sync the directory", dir, fault))
}

/// Makes a file durable that may have been written by an earlier process.
pub(super) fn sync_file(path: &Path) -> Result<(), SpoolError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|fault| SpoolError::io("sync", path, fault))
}

/// Makes a file that was not there before.
pub(super) fn create(path: &Path) -> Result<File, SpoolError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|fault| SpoolError::growing("create", path, 0, fault))
}

/// Gives a file its final size, in zeros, with the blocks to hold them where the filesystem can.
pub(super) fn reserve(file: &File, path: &Path, bytes: u64) -> Result<(), SpoolError> {
    #[cfg(test)]
    fault::before(fault::Call::Reserve)
        .and_then(|()| fault::fits(file, path, bytes))
        .map_err(|fault| SpoolError::growing("reserve space for", path, bytes, fault))?;
    let done = match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // a filesystem without reservations: the size at least, which spares most syncs metadata
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(bytes),
        other => other.map_err(io::Error::from),
    };
    done.map_err(|fault| SpoolError::growing("reserve space for", path, bytes, fault))
}

/// Writes all bytes at an offset.
pub(super) fn write_at(
    file: &File,
    path: &Path,
    offset: u64,
    bytes: &[u8],
) -> Result<(), SpoolError> {
    #[cfg(test)]
    if let Err(fault) = fault::before(fault::Call::Write)
        .and_then(|()| fault::fits(file, path, offset + bytes.len() as u64))
    {
        // as a full disk does it: a part arrives
        let part = bytes.get(..bytes.len() / 2).unwrap_or_default();
        file.write_all_at(part, offset).map_err(|fault| SpoolError::io("write", path, fault))?;
        return Err(SpoolError::growing("write", path, bytes.len() as u64, fault));
    }
    file.write_all_at(bytes, offset)
        .map_err(|fault| SpoolError::growing("write", path, bytes.len() as u64, fault))
}

/// Makes the bytes of a file durable (fdatasync), and its length where that is needed to read them.
pub(super) fn sync_data(file: &File, path: &Path) -> Result<(), SpoolError> {
    #[cfg(test)]
    fault::before(fault::Call::Sync).map_err(|fault| SpoolError::io("sync", path, fault))?;
    file.sync_data().map_err(|fault| SpoolError::io("sync", path, fault))
}

/// Makes a file durable with all that belongs to it (fsync).
pub(super) fn sync_all(file: &File, path: &Path) -> Result<(), SpoolError> {
    #[cfg(test)]
    fault::before(fault::Call::Sync).map_err(|fault| SpoolError::io("sync", path, fault))?;
    file.sync_all().map_err(|fault| SpoolError::io("sync", path, fault))
}

/// Cuts a file, or fills it up with zeros.
pub(super) fn set_len(file: &File, path: &Path, bytes: u64) -> Result<(), SpoolError> {
    file.set_len(bytes).map_err(|fault| SpoolError::growing("resize", path, bytes, fault))
}

/// A whole file, or as much of it as `bytes_max` allows.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, SpoolError> {
    let failed = |fault| SpoolError::io("read", path, fault);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A file that was allocated ahead: what stands in it before the zeros at its end, and its length.
/// Nobody pays memory for the zeros, but for [`ZEROS_KEPT_BYTES`] that may be somebody's last words.
pub(super) fn read_written(path: &Path, bytes_max: u64) -> Result<(Vec<u8>, u64), SpoolError> {
    let failed = |fault| SpoolError::io("read", path, fault);
    let mut file = File::open(path).map_err(failed)?.take(bytes_max);
    let (mut bytes, mut length) = (Vec::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => {
                let kept = length.min((bytes.len() + ZEROS_KEPT_BYTES) as u64);
                bytes.resize(usize::try_from(kept).unwrap_or(usize::MAX), 0);
                return Ok((bytes, length));
            }
            Ok(count) => count,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
            Err(fault) => return Err(failed(fault)),
        };
        let read = chunk.get(..count).unwrap_or_default();
        if let Some(last) = read.iter().rposition(|byte| *byte != 0) {
            // the zeros of chunks before this one were in the middle after all
            bytes.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
            bytes.extend_from_slice(read.get(..=last).unwrap_or_default());
        }
        length += count as u64;
    }
}

/// Up to `bytes` bytes from an offset; fewer only at the file's end.
pub(super) fn read_at(
    file: &File,
    path: &Path,
    offset: u64,
    bytes: usize,
) -> Result<Vec<u8>, SpoolError> {
    let mut buffer = vec![0; bytes];
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(SpoolError::io("read", path, fault)),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

/// Takes a name away; gone already is as good.
pub(super) fn remove(path: &Path) -> Result<(), SpoolError> {
    match fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
            Err(SpoolError::io("remove", path, fault))
        }
        _ => Ok(()),
    }
}

/// Gives a file or directory a new name, in one step and durably.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), SpoolError> {
    fs::rename(from, to).map_err(|fault| SpoolError::growing("rename", from, 0, fault))?;
    sync_dir(above(to))
}

/// Bytes free on the volume for this process.
pub(super) fn free_bytes(dir: &Path) -> Result<u64, SpoolError> {
    #[cfg(test)]
    if let Some(bytes) = fault::free_bytes(dir) {
        return Ok(bytes);
    }
    let volume = rustix::fs::statvfs(dir)
        .map_err(|fault| SpoolError::io("ask the free space of", dir, fault.into()))?;
    Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
}

#[cfg(test)]
pub(super) mod fault;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_at_the_end_are_counted_and_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        let mut written = vec![7; CHUNK_BYTES + 3];
        written.resize(3 * CHUNK_BYTES, 0);
        written.push(9);
        let file_bytes = written.len() + 4 * ZEROS_KEPT_BYTES;
        let mut file = written.clone();
        file.resize(file_bytes, 0);
        fs::write(&path, &file).unwrap();
        let (read, length) = read_written(&path, u64::MAX).unwrap();
        assert_eq!(length, file_bytes as u64);
        assert_eq!(read.len(), written.len() + ZEROS_KEPT_BYTES);
        assert!(read.starts_with(&written));
        fs::write(&path, [0; 10]).unwrap();
        assert_eq!(read_written(&path, u64::MAX).unwrap(), (vec![0; 10], 10));
    }
}
