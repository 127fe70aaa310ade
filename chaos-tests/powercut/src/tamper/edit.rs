//! [`Edit`]: one change to the files of a log.

use std::fs;
use std::path::{Path, PathBuf};

use arbitrary::{Result, Unstructured};

use super::base::Base;
use super::reseal::reseal;

/// Longest piece that is filled in or taken out, bytes.
const PIECE_BYTES_MAX: usize = 700;
/// The first so many of [`NAMES`] are what a log would call a segment.
const NAMES_OF_SEGMENTS: usize = 4;
/// Names beside those that a log makes; some nearly are ones.
const NAMES: [&str; 10] = [
    "00000000000000000000.seg",
    "00000000000000000002.seg",
    "00000000000000000900.seg",
    "18446744073709551615.seg",
    "99999999999999999999.seg",
    "7.seg",
    "+9.seg",
    "x.seg",
    "00000000000000000001.seg.copy",
    "damaged",
];

/// Files are named by their place in the directory, so that most edits hit one.
#[derive(Debug)]
pub(super) enum Edit {
    Flip {
        file: usize,
        at: usize,
        bits: u8,
    },
    Fill {
        file: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    Blank {
        file: usize,
        at: usize,
        bytes: usize,
    },
    Insert {
        file: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    Cut {
        file: usize,
        at: usize,
        bytes: usize,
    },
    Truncate {
        file: usize,
        at: usize,
    },
    /// A piece of one file over a piece of another.
    Graft {
        from: usize,
        at: usize,
        to: usize,
        onto: usize,
        bytes: usize,
    },
    Swap {
        one: usize,
        other: usize,
    },
    /// The original again.
    Restore {
        file: usize,
    },
    Remove {
        file: usize,
    },
    Duplicate {
        file: usize,
        name: usize,
    },
    Rename {
        file: usize,
        name: usize,
    },
    Directory {
        name: usize,
    },
    Reseal {
        file: usize,
    },
}

impl Edit {
    pub(super) fn draw(from: &mut Unstructured<'_>) -> Result<Self> {
        let kind = from.int_in_range(0..=27_u8)?;
        let file = from.int_in_range(0..=11)?;
        let mut at = || from.int_in_range(0..=4607_usize);
        Ok(match kind {
            0..8 => Self::Flip { at: at()?, file, bits: from.arbitrary()? },
            8..11 => Self::Fill { at: at()?, file, bytes: piece(from, 24)? },
            11..13 => Self::Blank { at: at()?, file, bytes: length(from)? },
            13 => Self::Insert { at: at()?, file, bytes: piece(from, 24)? },
            14 => Self::Cut { at: at()?, file, bytes: length(from)? },
            15 | 16 => Self::Truncate { at: at()?, file },
            17..20 => Self::Graft {
                at: at()?,
                onto: at()?,
                from: file,
                to: from.int_in_range(0..=11)?,
                bytes: length(from)?,
            },
            20 => Self::Swap { one: file, other: from.int_in_range(0..=11)? },
            21 => Self::Restore { file },
            22 => Self::Remove { file },
            23 => Self::Duplicate { file, name: from.int_in_range(0..=NAMES.len() - 1)? },
            24 => Self::Rename { file, name: from.int_in_range(0..=NAMES.len() - 1)? },
            25 => Self::Directory { name: from.int_in_range(0..=NAMES.len() - 1)? },
            _ => Self::Reseal { file },
        })
    }

    /// True if it leaves names behind that mean something to a log, and that no log made.
    pub(super) fn makes_names(&self) -> bool {
        match self {
            Self::Duplicate { name, .. } | Self::Rename { name, .. } => *name < NAMES_OF_SEGMENTS,
            Self::Directory { .. } => true,
            _ => false,
        }
    }

    /// Does it. What cannot be done, because an earlier edit took it away, is left.
    pub(super) fn apply(&self, dir: &Path, base: &Base) {
        match self {
            Self::Flip { file, at, bits } => change(dir, *file, |bytes| {
                bytes.get_mut(*at).into_iter().for_each(|byte| *byte ^= bits);
            }),
            Self::Fill { file, at, bytes: new } => change(dir, *file, |bytes| {
                bytes.iter_mut().skip(*at).zip(new).for_each(|(byte, new)| *byte = *new);
            }),
            Self::Blank { file, at, bytes: many } => change(dir, *file, |bytes| {
                bytes.iter_mut().skip(*at).take(*many).for_each(|byte| *byte = 0);
            }),
            Self::Insert { file, at, bytes: new } => change(dir, *file, |bytes| {
                let at = (*at).min(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }),
            Self::Cut { file, at, bytes: many } => change(dir, *file, |bytes| {
                let from = (*at).min(bytes.len());
                let end = from.saturating_add(*many).min(bytes.len());
                bytes.drain(from..end);
            }),
            Self::Truncate { file, at } => change(dir, *file, |bytes| bytes.truncate(*at)),
            Self::Graft { from, at, to, onto, bytes: many } => {
                let source = nth(dir, *from).and_then(|path| fs::read(path).ok());
                let source = source.unwrap_or_default();
                change(dir, *to, |bytes| {
                    let piece = source.iter().skip(*at).take(*many);
                    bytes.iter_mut().skip(*onto).zip(piece).for_each(|(byte, new)| *byte = *new);
                });
            }
            Self::Swap { one, other } => {
                let both = nth(dir, *one).zip(nth(dir, *other));
                let Some((one, other)) = both.filter(|(one, other)| one != other) else { return };
                let aside = dir.join("swap");
                let _ = fs::rename(&one, &aside);
                let _ = fs::rename(&other, &one);
                let _ = fs::rename(&aside, &other);
            }
            Self::Restore { file } => {
                let file = base.files.get(*file % base.files.len().max(1));
                let Some((name, bytes)) = file else { return };
                let _ = fs::write(dir.join(name), bytes);
            }
            Self::Remove { file } => {
                let _ = nth(dir, *file).map(fs::remove_file);
            }
            Self::Duplicate { file, name } => {
                let _ = nth(dir, *file).map(|path| fs::copy(path, named(dir, *name)));
            }
            Self::Rename { file, name } => {
                let _ = nth(dir, *file).map(|path| fs::rename(path, named(dir, *name)));
            }
            Self::Directory { name } => {
                let _ = fs::create_dir(named(dir, *name));
            }
            Self::Reseal { file } => change(dir, *file, |bytes| reseal(bytes)),
        }
    }
}

fn piece(from: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let many = from.int_in_range(1..=most)?.min(from.len());
    from.bytes(many).map(<[u8]>::to_vec)
}

fn length(from: &mut Unstructured<'_>) -> Result<usize> {
    from.int_in_range(1..=PIECE_BYTES_MAX)
}

fn named(dir: &Path, name: usize) -> PathBuf {
    dir.join(NAMES.get(name).copied().unwrap_or("x.seg"))
}

/// The files in order of their names, counted round.
fn nth(dir: &Path, file: usize) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files.get(file.checked_rem(files.len())?).cloned()
}

fn change(dir: &Path, file: usize, with: impl FnOnce(&mut Vec<u8>)) {
    let Some(path) = nth(dir, file) else { return };
    let Ok(mut bytes) = fs::read(&path) else { return };
    with(&mut bytes);
    let _ = fs::write(&path, bytes);
}
