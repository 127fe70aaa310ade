//! [`Files`]: the files of a quarantine, one after the other: `<day>-<number>.jsonl`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan};

use super::{Aside, BYTES_MAX, KEPT_DAYS};

/// A file is followed by the next when it is this long, bytes.
const FILE_BYTES: u64 = BYTES_MAX / 16;

/// The files, and the one that is written.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    /// By name, with their bytes; the last one is written.
    known: Vec<(String, u64)>,
    file: Option<File>,
}

impl Files {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let known = names(dir)?.into_iter().map(|name| {
            let bytes = fs::metadata(dir.join(&name))?.len();
            Ok((name, bytes))
        });
        Ok(Self { dir: dir.to_owned(), known: known.collect::<io::Result<_>>()?, file: None })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.known.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Adds lines, and syncs them.
    pub(super) fn append(&mut self, all: &[Aside]) -> io::Result<()> {
        let mut text = Vec::new();
        for aside in all {
            serde_json::to_writer(&mut text, aside)?;
            text.push(b'\n');
        }
        self.turn(text.len() as u64)?;
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.write_all(&text)?;
        file.sync_data()?;
        if let Some((_, bytes)) = self.known.last_mut() {
            *bytes += text.len() as u64;
        }
        Ok(())
    }

    /// Begins a new file if it is time for one, and removes what is too old or too much.
    fn turn(&mut self, more_bytes: u64) -> io::Result<()> {
        let now = Timestamp::now();
        let day = now.strftime("%Y-%m-%d").to_string();
        let last = self.known.last().filter(|(name, bytes)| {
            name.starts_with(&day) && *bytes < FILE_BYTES && self.file.is_some()
        });
        if last.is_none() {
            // a torn line of an earlier life stays alone in its file
            let next = self.known.iter().filter(|(name, _)| name.starts_with(&day)).count();
            let taken = |name: &String| self.known.iter().any(|(known, _)| known == name);
            let names = (next..).map(|n| format!("{day}-{n:04}.jsonl"));
            let name = names.into_iter().find(|name| !taken(name)).unwrap_or_default();
            let mut new = OpenOptions::new();
            let new = new.append(true).create_new(true).mode(0o600);
            self.file = Some(new.open(self.dir.join(&name))?);
            File::open(&self.dir)?.sync_all()?;
            self.known.push((name, 0));
        }
        let kept = i64::try_from(KEPT_DAYS).unwrap_or(i64::MAX).saturating_mul(24);
        let oldest = now.checked_sub(kept.hours()).unwrap_or(now).strftime("%Y-%m-%d").to_string();
        while self.known.len() > 1 {
            let too_much = self.bytes() + more_bytes > BYTES_MAX;
            let too_old =
                self.known.first().is_some_and(|(name, _)| name.as_str() < oldest.as_str());
            if !too_much && !too_old {
                break;
            }
            let (name, _) = self.known.remove(0);
            fs::remove_file(self.dir.join(name))?;
        }
        Ok(())
    }
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".jsonl") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

pub(super) fn read(
    dir: &Path,
    each: &mut dyn FnMut(Aside) -> bool,
) -> Result<(), (PathBuf, io::Error)> {
    let names = match names(dir) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(|fault| (dir.to_owned(), fault))?,
    };
    for name in names {
        let path = dir.join(name);
        let file = File::open(&path).map_err(|fault| (path.clone(), fault))?;
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|fault| (path.clone(), fault))?;
            let Ok(aside) = serde_json::from_slice(&line) else { continue };
            if !each(aside) {
                return Ok(());
            }
        }
    }
    Ok(())
}
