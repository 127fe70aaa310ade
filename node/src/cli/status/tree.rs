//! All stations as a tree: each below its parent, with its link, its backlog and how old that is.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::Cell;
use yizhan_schemas::Code;
use yizhan_schemas::status::StationStatus;

use super::super::Error;
use super::super::page::{Columns, Page, plain};
use super::super::words::Words;
use super::{oldest, state, uplink};

pub(super) fn print(all: &[StationStatus], page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let rows = Tree::of(all).rows(words);
    let heads = &[words.station, words.state, words.uplink, words.backlog, words.oldest];
    page.print_table(Columns { heads, numbers: &[3, 4], gives_way: 0 }, rows)
}

struct Tree<'a> {
    /// Stations by the parent that is shown; `None` for those that stand at the left.
    below: BTreeMap<Option<Code>, Vec<&'a StationStatus>>,
}

impl<'a> Tree<'a> {
    fn of(all: &'a [StationStatus]) -> Self {
        let shown: BTreeSet<&Code> = all.iter().map(|station| &station.code).collect();
        let mut below: BTreeMap<Option<Code>, Vec<&StationStatus>> = BTreeMap::new();
        for station in all {
            let parent = station.code.parent().filter(|parent| shown.contains(parent));
            below.entry(parent).or_default().push(station);
        }
        for children in below.values_mut() {
            children.sort_by(|a, b| a.code.cmp(&b.code));
            children.dedup_by(|a, b| a.code == b.code);
        }
        Self { below }
    }

    fn rows(&self, words: &Words) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        for root in self.below.get(&None).into_iter().flatten() {
            rows.push(row(String::new(), root, words));
            self.branch(&root.code, "", words, &mut rows);
        }
        rows
    }

    /// A code has eight tokens at most, so this goes no deeper.
    fn branch(&self, parent: &Code, indent: &str, words: &Words, rows: &mut Vec<Vec<Cell>>) {
        let children = self.below.get(&Some(parent.clone())).map_or(&[][..], Vec::as_slice);
        for (n, child) in children.iter().enumerate() {
            let last = n + 1 == children.len();
            let (corner, bar) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            rows.push(row(format!("{indent}{corner}"), child, words));
            self.branch(&child.code, &format!("{indent}{bar}"), words, rows);
        }
    }
}

fn row(lines: String, station: &StationStatus, words: &Words) -> Vec<Cell> {
    vec![
        plain(format!("{lines}{} {}", station.code, station.name).trim_end()),
        state(station, words),
        uplink(station, words),
        plain(station.backlog()),
        plain(oldest(station.oldest_ms())),
    ]
}
