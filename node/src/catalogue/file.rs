//! A catalogue's file: CSV with a header, or TOML with a `[[device]]` for each.
//!
//! Promise: what is wrong comes with its line, many at once, and nothing of a file that is wrong is
//! used. Columns may stand in any order, others are ignored; lines that begin with `#` are remarks.

use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use serde::Deserialize;
use toml::Spanned;
use yizhan_topology::problem::shown;
use yizhan_topology::{Problem, Problems, import};

use super::Catalogue;
use super::device::{Device, Row, Shared};
use crate::shelf::cell::Fault;
use crate::shelf::{self, ListError, Listed as _};

/// Problems that are told at once: of a list with the wrong columns every line is one.
const PROBLEMS_MAX: usize = 100;
/// The columns that have to be there, and those that may be.
const COLUMNS: [&str; 7] =
    ["id", "name", "kind", "network", "jurisdiction", "hangs_under", "status"];
const NEEDED: usize = 5;

impl Catalogue {
    /// Reads a file of at most so many devices.
    pub(super) fn read(file: &Path, devices_max: u64) -> Result<Self, ListError> {
        let text = shelf::text::<Self>(file, devices_max)?;
        let mut list = List::of(&file.to_string_lossy(), devices_max);
        match file.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => list.csv(&text),
            Some("toml") => list.toml(&text),
            _ => {
                let (list, file) = (Self::NAME, file.to_owned());
                return Err(ListError::Form { list, file, valid: ".csv and .toml" });
            }
        }
        list.settle().map_err(ListError::Wrong)
    }
}

/// A file while it is being read.
struct List {
    file: Arc<str>,
    devices_max: u64,
    devices: Vec<(Device, usize)>,
    shared: Shared,
    problems: Vec<Problem>,
}

impl List {
    fn of(file: &str, devices_max: u64) -> Self {
        let (devices, problems) = (Vec::new(), Vec::new());
        Self { file: file.into(), devices_max, devices, shared: Shared::default(), problems }
    }

    fn problem(&mut self, line: usize, (what, valid): Fault) {
        let file = Arc::clone(&self.file);
        self.problems.push(Problem { file, line, what, valid });
    }

    /// True as long as there is sense in reading on.
    fn take(&mut self, line: usize, row: Result<Device, Fault>) -> bool {
        match row {
            Ok(_) if self.devices.len() as u64 >= self.devices_max => {
                let max = self.devices_max;
                let what = format!("this is more than {max} devices (catalogue.max_devices)");
                self.problem(line, (what, "raise it, or leave devices out".to_owned()));
                false
            }
            Ok(device) => {
                self.devices.push((device, line));
                true
            }
            Err(fault) => {
                self.problem(line, fault);
                self.problems.len() < PROBLEMS_MAX
            }
        }
    }

    fn csv(&mut self, text: &str) {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
        // reading from a text that is in memory already cannot fail, and lines may be of any length
        let header = reader.headers().cloned().unwrap_or_default();
        let columns =
            COLUMNS.map(|name| header.iter().position(|it| it.eq_ignore_ascii_case(name)));
        for (name, column) in COLUMNS.iter().zip(columns).take(NEEDED) {
            if column.is_none() {
                let valid = format!("valid is a first line such as {}", COLUMNS.join(","));
                self.problem(1, (format!("the header has no column `{name}`"), valid));
            }
        }
        if !self.problems.is_empty() {
            return;
        }
        let mut record = StringRecord::new();
        while matches!(reader.read_record(&mut record), Ok(true)) {
            let cell = |at: usize| {
                let column = columns.get(at).copied().flatten()?;
                record.get(column)
            };
            let missing = (0..NEEDED).find(|at| cell(*at).is_none());
            let device = match missing.and_then(|at| COLUMNS.get(at)) {
                Some(name) => Err((
                    format!("this line has no `{name}`"),
                    "valid are as many cells as the header has".to_owned(),
                )),
                None => self.shared.device(&row(cell)),
            };
            let line = import::line(text, &record);
            if !self.take(line, device) {
                return;
            }
        }
    }

    fn toml(&mut self, text: &str) {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            device: Vec<Spanned<Row<String>>>,
        }
        // rows come in the order of the file: each byte is looked at once for its line
        let (mut line, mut seen) = (1, 0);
        let mut line_at = |at: usize| {
            let ahead = text.get(seen..at).unwrap_or_default();
            line += ahead.bytes().filter(|b| *b == b'\n').count();
            seen = at;
            line
        };
        match toml::from_str::<File>(text) {
            Ok(File { device }) => {
                for row in device {
                    let line = line_at(row.span().start);
                    let device = self.shared.device(row.get_ref());
                    if !self.take(line, device) {
                        return;
                    }
                }
            }
            Err(fault) => {
                let at = line_at(fault.span().map_or(0, |span| span.start));
                let what = format!("not a catalogue: {}", fault.message().replace('\n', ", "));
                let valid = format!("valid are [[device]] tables with {}", COLUMNS.join(", "));
                self.problem(at, (what, valid));
            }
        }
    }

    fn settle(mut self) -> Result<Catalogue, Problems> {
        self.devices.sort_by(|(one, at), (other, behind)| (&one.id, at).cmp(&(&other.id, behind)));
        let twice: Vec<_> = self
            .devices
            .windows(2)
            .filter_map(|pair| match pair {
                [(first, at), (second, line)] if first.id == second.id => {
                    let what = format!("device {} is there already", shown(&first.id));
                    Some((*line, (what, format!("remove it here or on line {at}"))))
                }
                _ => None,
            })
            .collect();
        for (line, fault) in twice.into_iter().take(PROBLEMS_MAX) {
            self.problem(line, fault);
        }
        match Problems::of(self.problems) {
            Some(problems) => Err(problems),
            None => Ok(Catalogue::of(self.devices.into_iter().map(|(device, _)| device).collect())),
        }
    }
}

fn row<'r>(cell: impl Fn(usize) -> Option<&'r str>) -> Row<&'r str> {
    let cell = |at| cell(at).unwrap_or_default();
    Row {
        id: cell(0),
        name: cell(1),
        kind: cell(2),
        network: cell(3),
        jurisdiction: cell(4),
        hangs_under: cell(5),
        status: cell(6),
    }
}
