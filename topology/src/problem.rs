//! [`Problem`]: what is wrong with a file, where, and what to write instead.
//!
//! Promise: a reader never sees one problem at a time; [`Problems`] holds all that were found,
//! sorted by line, and is never empty. Each prints on one line as `file:line: what; valid`.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Most characters of a file's own text that a problem repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, as its reader named it.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub valid: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.what, self.valid)
    }
}

/// All that is wrong with a file, by line; at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// What is wrong with a file that another reader read; `None` if nothing is.
    pub fn of(mut list: Vec<Problem>) -> Option<Self> {
        list.sort();
        (!list.is_empty()).then_some(Self(list))
    }

    /// The problems, by line.
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What is wrong with one value, before it is known where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) valid: String,
}

impl Fault {
    pub(crate) fn new(what: impl Into<String>, valid: impl Into<String>) -> Self {
        Self { what: what.into(), valid: valid.into() }
    }
}

/// Something read from a file, and the line that it stands on.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) line: usize,
    pub(crate) it: T,
}

/// The problems of one file while it is being read.
#[derive(Debug)]
pub(crate) struct Report {
    file: Arc<str>,
    list: Vec<Problem>,
}

impl Report {
    pub(crate) fn on(file_name: &str) -> Self {
        Self { file: Arc::from(file_name), list: Vec::new() }
    }

    pub(crate) fn add(&mut self, line: usize, what: impl Into<String>, valid: impl Into<String>) {
        let (file, what, valid) = (self.file.clone(), what.into(), valid.into());
        self.list.push(Problem { file, line, what, valid });
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.list.is_empty()
    }

    /// The value that was read, if nothing was found wrong on the way to it.
    pub(crate) fn settle<T>(mut self, value: Option<T>) -> Result<T, Problems> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => {
                // a value held back without a word would leave its reader with nothing to mend
                assert!(!self.list.is_empty(), "no value and no problem either");
                self.list.sort();
                Err(Problems(self.list))
            }
        }
    }
}

/// A text of the file as a problem repeats it: short, and on one line whatever it holds.
pub fn shown(text: &str) -> String {
    let mut out = String::from("`");
    for c in text.chars().take(SHOWN_CHARS_MAX) {
        if invisible(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// True for what would break a line or reorder it on a screen: controls, line separators, marks
/// of writing direction.
pub fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_out_by_line_and_each_stays_on_its_own() {
        let mut report = Report::on("a.toml");
        report.add(7, "b", "write c");
        report.add(2, shown("x\ny"), "write z");
        let problems = report.settle(Some(())).unwrap_err();
        assert_eq!(problems.to_string(), "a.toml:2: `x\\u{a}y`; write z\na.toml:7: b; write c");
        assert_eq!(problems.list().len(), 2);
    }

    #[test]
    fn a_long_text_is_cut_where_it_is_repeated() {
        assert_eq!(shown(&"镇".repeat(81)).chars().count(), 83);
        assert_eq!(shown("𬭎"), "`𬭎`");
    }
}
