//! Opening a log: where it goes on, and what is found wrong with its end.
//!
//! A power cut may leave the beginning of a line at the end of the last file: that is cut away, and
//! a line says so. Nothing else is ever repaired: what follows damage goes on behind it in another
//! file, and [`super::super::verify`] will find the damage for as long as it is there.

use std::fs::{self, DirBuilder, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use yizhan_schemas::Code;

use super::{Book, Open};
use crate::audit::AuditError;
use crate::audit::deed::Deed;
use crate::audit::hash::Hash;
use crate::audit::head::Head;
use crate::audit::line::{LINE_BYTES_MAX, ReadLine};
use crate::audit::shelf::{Shelf, Volume};
use crate::seal::Notary;

impl Book {
    /// Opens the log of a directory, which is made if it is missing, and tells what was found.
    pub(in crate::audit) fn open(
        dir: &Path,
        station: Code,
        notary: Option<Notary>,
    ) -> Result<(Self, Vec<Deed>), AuditError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(AuditError::at("make the directory", dir))?;
        let mut shelf = Shelf::read(dir)?;
        let mut found = Vec::new();
        let end = match shelf.0.pop() {
            Some(volume) => End::of(volume, &shelf, station.as_str(), &mut found)?,
            None => End { last: None, file: None },
        };
        let last = compare(end.last, Head::read(dir)?, station.as_str(), &mut found);
        // what follows a line that is not there cannot stand behind the one before it
        let file = end.file.filter(|_| last == end.last);
        let held_bytes = Shelf::read(dir)?.bytes();
        let last = last.unwrap_or((0, Hash::NONE));
        let dir = dir.to_owned();
        let book = Self { dir, station, notary, file, waiting: Vec::new(), last, held_bytes };
        Ok((book, found))
    }
}

/// The end of a log.
struct End {
    last: Option<(u64, Hash)>,
    /// The file that can be added to.
    file: Option<Open>,
}

impl End {
    fn of(
        volume: Volume,
        before: &Shelf,
        station: &str,
        found: &mut Vec<Deed>,
    ) -> Result<Self, AuditError> {
        let path = &volume.path;
        let bytes = fs::read(path).map_err(AuditError::at("read", path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = File::options().write(true).open(path).map_err(AuditError::at("open", path))?;
        if whole < bytes.len() {
            let cut = file.set_len(whole as u64).and_then(|()| file.sync_all());
            cut.map_err(AuditError::at("cut the end off", path))?;
            let torn = format!("{} bytes of a line that was never finished", bytes.len() - whole);
            found.push(Deed::done("audit_healed", station).to(&name).detail(&torn));
        }
        let lines = bytes.get(..whole).unwrap_or_default();
        let mut lines = lines.strip_suffix(b"\n").unwrap_or(lines).rsplit(|byte| *byte == b'\n');
        let read = |line: &[u8]| ReadLine::of(line).ok().filter(ReadLine::is_whole);
        let Some(last) = lines.next().filter(|line| !line.is_empty()) else {
            // begun and never written into
            fs::remove_file(path).map_err(AuditError::at("remove", path))?;
            return Ok(Self { last: last_of(before)?, file: None });
        };
        if let Some(last) = read(last) {
            let open = Open { file, path: path.clone(), day: volume.day, bytes: whole as u64 };
            return Ok(Self { last: Some(place(last)), file: Some(open) });
        }
        let damaged = "its last line is not as it was written; it stays as it is";
        found.push(Deed::refused("audit_damaged", station, damaged).to(&name));
        let last = lines.find_map(read).map(place);
        Ok(Self { last: if last.is_some() { last } else { last_of(before)? }, file: None })
    }
}

fn place(read: ReadLine) -> (u64, Hash) {
    (read.line.seq, read.stated)
}

/// Where the log goes on: behind its last line, or behind the one that its head knows of.
fn compare(
    last: Option<(u64, Hash)>,
    head: Option<Result<Head, String>>,
    station: &str,
    found: &mut Vec<Deed>,
) -> Option<(u64, Hash)> {
    let mut damaged = |why: &str| {
        found.push(Deed::refused("audit_damaged", station, why).to(Head::file()));
    };
    let head = match head {
        None if last.is_none() => return None,
        None => {
            damaged("it is missing, so nobody can tell whether the end of the log was cut off");
            return last;
        }
        Some(Err(why)) => {
            damaged(&format!("it cannot be read: {why}"));
            return last;
        }
        Some(Ok(head)) => head,
    };
    let end = last.map_or(0, |(seq, _)| seq);
    if head.signer().is_err() {
        damaged("its signature does not fit");
        return last;
    }
    if head.seq > end {
        damaged(&format!("it knows of line {}, and the log ends with line {end}", head.seq));
        return Some((head.seq, head.hash));
    }
    if last.is_some_and(|(seq, hash)| seq == head.seq && hash != head.hash) {
        damaged(&format!("it knows another line {end} than the log has"));
    }
    last
}

/// The first line of a file, if it is one.
pub(super) fn first_line(path: &Path) -> Result<Option<ReadLine>, AuditError> {
    let failed = AuditError::at("read", path);
    let file = File::open(path).map_err(&failed)?;
    let mut line = Vec::new();
    let mut reader = BufReader::new(file).take(LINE_BYTES_MAX as u64 + 1);
    reader.read_until(b'\n', &mut line).map_err(failed)?;
    Ok(line.strip_suffix(b"\n").and_then(|line| ReadLine::of(line).ok()))
}

/// The last line of the last of some files.
fn last_of(shelf: &Shelf) -> Result<Option<(u64, Hash)>, AuditError> {
    let Some(volume) = shelf.0.last() else { return Ok(None) };
    let bytes = fs::read(&volume.path).map_err(AuditError::at("read", &volume.path))?;
    let mut lines = bytes.rsplit(|byte| *byte == b'\n');
    Ok(lines.find_map(|line| ReadLine::of(line).ok()).map(place))
}
