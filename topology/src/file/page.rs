//! [`Page`]: the file's text as a place to point at.

use std::ops::Range;

use toml::de::Error;

use crate::problem::{Report, shown};

/// Where lines begin, and the problems found so far.
pub(crate) struct Page {
    line_starts: Vec<usize>,
    pub(crate) report: Report,
}

impl Page {
    pub(crate) fn open(file_name: &str, text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(starts).collect();
        Self { line_starts, report: Report::on(file_name) }
    }

    /// The line, counted from 1, on which a stretch of the text begins.
    pub(crate) fn line(&self, span: &Range<usize>) -> usize {
        self.line_starts.partition_point(|start| *start <= span.start)
    }

    /// Reports what keeps the text from being TOML: one a line, and nothing behind a list left
    /// open, since the parser stumbles on every line from there.
    pub(crate) fn not_toml(&mut self, text: &str, faults: &[Error]) {
        let end = self.line_starts.len();
        let line = |fault: &Error| fault.span().map_or(end, |span| self.line(&span));
        let mut by_line: Vec<(usize, &Error)> = faults.iter().map(|it| (line(it), it)).collect();
        by_line.sort_by_key(|(line, _)| *line);
        by_line.dedup_by_key(|(line, _)| *line);
        let open = by_line.iter().position(|(_, fault)| left_open(fault));
        by_line.truncate(open.map_or(by_line.len(), |at| at + 1));
        for (line, fault) in by_line {
            let (what, valid) = match (fault.message(), fault.span().and_then(|at| text.get(at))) {
                ("duplicate key", Some(key)) => (
                    format!("{} is there already", shown(key)),
                    "remove one of the two; a station is a [[station]] of its own",
                ),
                (message, _) if left_open(fault) => (
                    format!("this is not TOML: {message}"),
                    "add the comma, or the ] that closes the list above",
                ),
                (message, _) => (
                    format!("this is not TOML: {message}"),
                    "valid are lines such as name = \"三台县\" below a line such as [county]",
                ),
            };
            self.report.add(line, what, valid);
        }
    }
}

fn left_open(fault: &Error) -> bool {
    fault.message().starts_with("missing comma")
}
