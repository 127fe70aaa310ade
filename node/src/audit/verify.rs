//! [`verify`]: whether a log is as it was written.
//!
//! What this can tell: a byte that is another one, a line that is missing, stands elsewhere or was
//! put in, a log that begins later than it says, and an end that was cut off since the head beside
//! it was noted. What it cannot: whoever has the station's key and its disk can write another log
//! and sign it, or put back an older one with its head. Against that there is only a head that was
//! kept elsewhere, with which a log can be compared too.

use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::AuditError;
use super::hash::Hash;
use super::head::Head;
use super::line::{LINE_BYTES_MAX, Line, ReadLine};
use super::shelf::Shelf;

/// The event of a line that says through which one the log's beginning was taken away.
pub(super) const PRUNED: &str = "audit_pruned";
/// Most faults that are told one by one.
pub const FAULTS_MAX: usize = 100;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which file.
    pub file: String,
    /// In which line of it, from 1; none if the file as a whole is meant.
    pub line: Option<u64>,
    /// The number that the line has or should have.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, ": seq {seq}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Files read.
    pub files: usize,
    /// Lines read.
    pub lines: u64,
    /// The number of the first line.
    pub first: Option<u64>,
    /// The number and hash of the last.
    pub last: Option<(u64, Hash)>,
    /// The head beside the log.
    pub head: Option<Head>,
    /// Bytes at the end that are no whole line: the station is writing it, or the power went.
    pub unfinished_bytes: u64,
    /// What is wrong, the first [`FAULTS_MAX`] of it.
    pub faults: Vec<Fault>,
    /// How much is wrong.
    pub faults_total: u64,
}

impl Found {
    fn fault(&mut self, file: &str, line: Option<u64>, seq: Option<u64>, what: String) {
        self.faults_total += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { file: file.to_owned(), line, seq, what });
        }
    }
}

/// Tells whether a head is signed by a key that is one of the station's, where somebody knows.
pub type Listed<'a> = &'a dyn Fn(&Head) -> Result<(), String>;

/// A line that others have noted: the log must have it.
pub type Known = (u64, Hash);

/// Reads the whole log of a directory. `known` is a head that was kept elsewhere.
///
/// # Errors
/// The files cannot be read.
pub fn verify(
    dir: &Path,
    known: Option<Known>,
    listed: Option<Listed<'_>>,
) -> Result<Found, AuditError> {
    let mut chain = Chain::default();
    // first the head: a station that runs only adds to the log meanwhile
    match Head::read(dir)? {
        Some(Ok(head)) => chain.expect_head(head, listed),
        Some(Err(why)) => chain.found.fault(Head::file(), None, None, format!("is no head: {why}")),
        None => {}
    }
    chain.known.extend(known.map(|known| (known, "the head given".to_owned())));
    each(dir, &mut |at, line| chain.take(at, line))?;
    Ok(chain.end())
}

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    file: &'a str,
    line: u64,
    is_last_file: bool,
}

/// Bytes as they were read: a line, or what has no end.
enum Piece<'a> {
    Line(&'a [u8]),
    Unfinished(u64),
    Begin,
}

fn each(dir: &Path, take: &mut dyn FnMut(At<'_>, Piece<'_>)) -> Result<(), AuditError> {
    let shelf = Shelf::read(dir)?;
    let count = shelf.0.len();
    for (n, volume) in shelf.0.iter().enumerate() {
        let failed = AuditError::at("read", &volume.path);
        let file = volume.path.file_name().unwrap_or_default().to_string_lossy();
        let mut reader = BufReader::new(File::open(&volume.path).map_err(&failed)?);
        let (mut bytes, is_last_file) = (Vec::new(), n + 1 == count);
        let mut at = At { file: &file, line: 0, is_last_file };
        take(at, Piece::Begin);
        loop {
            bytes.clear();
            let mut limited = (&mut reader).take(LINE_BYTES_MAX as u64 + 2);
            if limited.read_until(b'\n', &mut bytes).map_err(&failed)? == 0 {
                break;
            }
            at.line += 1;
            match bytes.strip_suffix(b"\n") {
                Some(line) => take(at, Piece::Line(line)),
                None if bytes.len() > LINE_BYTES_MAX => take(at, Piece::Line(&bytes)),
                None => take(at, Piece::Unfinished(bytes.len() as u64)),
            }
        }
    }
    Ok(())
}

/// Calls for every line that can be read, in order, whether it is whole or not.
///
/// # Errors
/// The files cannot be read.
pub fn lines(dir: &Path, take: &mut dyn FnMut(Line)) -> Result<(), AuditError> {
    each(dir, &mut |_, piece| {
        if let Piece::Line(bytes) = piece
            && let Ok(read) = ReadLine::of(bytes)
        {
            take(read.line);
        }
    })
}

/// The chain as far as it was followed.
#[derive(Default)]
struct Chain {
    found: Found,
    /// Heads that the log must have, with what they are called.
    known: Vec<(Known, String)>,
    /// The line before: its number, and the hashes that the next may name.
    before: Option<(u64, [Hash; 2])>,
    /// What the first line names as the one before it; gone when that is accounted for.
    begins_after: Option<(String, u64, Hash)>,
}

impl Chain {
    fn expect_head(&mut self, head: Head, listed: Option<Listed<'_>>) {
        let signed = head.signer().map(drop).map_err(str::to_owned);
        let listed = || listed.map_or(Ok(()), |listed| listed(&head));
        if let Err(why) = signed.and_then(|()| listed()) {
            self.found.fault(Head::file(), None, Some(head.seq), why);
        }
        self.known.push(((head.seq, head.hash), Head::file().to_owned()));
        self.found.head = Some(head);
    }

    fn take(&mut self, at: At<'_>, piece: Piece<'_>) {
        let bytes = match piece {
            Piece::Begin => return self.found.files += 1,
            Piece::Unfinished(bytes) if at.is_last_file => {
                return self.found.unfinished_bytes = bytes;
            }
            Piece::Unfinished(_) => {
                let what = "ends in the middle of a line, and it is not the last file".to_owned();
                return self.found.fault(at.file, Some(at.line), None, what);
            }
            Piece::Line(bytes) => bytes,
        };
        self.found.lines += 1;
        let seq = self.before.map(|(seq, _)| seq + 1);
        match ReadLine::of(bytes) {
            Ok(read) => self.follow(at, &read),
            Err(why) => {
                self.found.fault(at.file, Some(at.line), seq, why);
                // it stands for the one that should be here; the next cannot be held to its hash
                if let Some((before, hashes)) = &mut self.before {
                    (*before, *hashes) = (*before + 1, [Hash::NONE; 2]);
                }
            }
        }
    }

    fn follow(&mut self, at: At<'_>, read: &ReadLine) {
        let ReadLine { line, stated, found } = read;
        let mut seq = line.seq;
        if read.is_whole() {
            self.place(at, line);
        } else {
            // nothing that it says can be relied on: it stands for the one that should be here
            seq = self.before.map_or(seq, |(before, _)| before + 1);
            let what = format!("was altered: it states the hash {stated}, its bytes have {found}");
            self.found.fault(at.file, Some(at.line), Some(seq), what);
        }
        if self.before.is_none() {
            self.begin(at, line);
        }
        self.account(line);
        self.compare(at, seq, [*stated, *found]);
        self.before = Some((seq, [*stated, *found]));
        self.found.last = Some((seq, *stated));
    }

    /// Whether a whole line may stand where it does.
    fn place(&mut self, at: At<'_>, line: &Line) {
        let Some((before, hashes)) = self.before else { return };
        let seq = line.seq;
        let what = if seq <= before {
            format!("stands behind seq {before}: it was moved, or is there twice")
        } else if seq == before + 2 {
            format!("seq {} is missing before it", before + 1)
        } else if seq > before + 1 {
            format!("seq {} to {} are missing before it", before + 1, seq - 1)
        } else if hashes.contains(&line.prev) || hashes == [Hash::NONE; 2] {
            // behind a line that cannot be read, the hash that it should have had is not known
            return;
        } else {
            format!(
                "does not follow from the line before it, whose hash is {}: one of the two is not \
                 of this log",
                hashes[0]
            )
        };
        self.found.fault(at.file, Some(at.line), Some(seq), what);
    }

    fn begin(&mut self, at: At<'_>, line: &Line) {
        self.found.first = Some(line.seq);
        if line.seq == 1 && line.prev == Hash::NONE {
            return;
        }
        self.begins_after = Some((at.file.to_owned(), line.seq.saturating_sub(1), line.prev));
    }

    /// A line that says what was taken away accounts for what is missing at the beginning.
    fn account(&mut self, line: &Line) {
        let said = line.what.strip_prefix("through ").and_then(|seq| seq.parse::<u64>().ok());
        let said = said.filter(|_| line.event == PRUNED).zip(line.detail.parse::<Hash>().ok());
        if said.is_some_and(|(seq, hash)| {
            self.begins_after.as_ref().is_some_and(|(_, at, prev)| *at == seq && *prev == hash)
        }) {
            self.begins_after = None;
        }
    }

    fn compare(&mut self, at: At<'_>, seq: u64, hashes: [Hash; 2]) {
        let known: Vec<_> = self.known.extract_if(.., |((known, _), _)| *known == seq).collect();
        for ((_, hash), whose) in known {
            if !hashes.contains(&hash) {
                let what = format!("is another line than {whose} knows: that has the hash {hash}");
                self.found.fault(at.file, Some(at.line), Some(seq), what);
            }
        }
    }

    fn end(mut self) -> Found {
        if let Some((file, through, _)) = self.begins_after.take() {
            let what = format!(
                "the log begins behind seq {through}, and no line says that what was before was \
                 kept long enough and taken away"
            );
            self.found.fault(&file, Some(1), Some(through + 1), what);
        }
        let last = self.found.last.map_or(0, |(seq, _)| seq);
        for ((seq, _), whose) in std::mem::take(&mut self.known) {
            let what = match seq > last {
                true => format!(
                    "{whose} knows of seq {seq}, and the log ends with seq {last}: its end was cut off"
                ),
                false => format!("{whose} knows of seq {seq}, and the log has no such line"),
            };
            self.found.fault(Head::file(), None, Some(seq), what);
        }
        if self.found.head.is_none() && self.found.lines > 0 && self.found.faults_total == 0 {
            let what = "is missing: nobody can tell whether the end of the log was cut off";
            self.found.fault(Head::file(), None, None, what.to_owned());
        }
        self.found
    }
}
