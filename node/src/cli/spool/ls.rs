//! `yizhan spool ls`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::record::Put;
use yizhan_schemas::{Code, Kind};

use super::super::data_dir::DataDir;
use super::super::page::{Columns, Page, plain};
use super::super::time::{DAY_AND_TIME, beijing};
use super::super::{Error, time};
use super::data_of;
use crate::clock::rfc3339;
use crate::quarantine;
use crate::spool::log::scan;

/// List messages, oldest first.
#[derive(Debug, Args)]
pub(in super::super) struct Ls {
    #[command(flatten)]
    place: DataDir,
    /// Only what is still owed to somebody
    #[arg(long)]
    owed: bool,
    /// Only what is owed to this neighbour: up, inbox, adapter or a child's code
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// Only of this origin
    #[arg(long, value_name = "CODE")]
    origin: Option<Code>,
    /// Only of this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// What neighbours brought and was not taken, and why
    #[arg(long, conflicts_with_all = ["owed", "origin"])]
    quarantined: bool,
    /// At most so many, the last ones
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A message as the list shows it. Its payload is nobody's business here.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    kind: String,
    to: String,
    precedence: &'static str,
    bytes: usize,
    taken_at: String,
    /// Who brought it; none if a publisher handed it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// To whom it is still owed.
    owed_to: Vec<String>,
}

impl Ls {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        let data = data_of(&self.place)?;
        if self.quarantined {
            return self.aside(&data, page);
        }
        let mut kept = Kept::default();
        let mut rows: BTreeMap<u64, (Vec<(Link, u64)>, Row)> = BTreeMap::new();
        let mut places: BTreeMap<String, u64> = BTreeMap::new();
        let mut count = 0;
        scan(&data, &mut |found| {
            // a snapshot that cannot be read is said by `stat` and `verify`
            let _ = kept.apply(&found.record);
            let Some(put) = found.record.put() else { return };
            if put.envelope.header().kind.is_internal() || !self.fits(put) {
                return;
            }
            // one that was written anew stays where it was
            let id = put.envelope.header().id().to_string();
            let at = *places.entry(id).or_insert_with(|| {
                count += 1;
                count
            });
            let legs = put.legs.iter().map(|leg| (leg.link.clone(), leg.sequence)).collect();
            rows.insert(at, (legs, row(put)));
        })?;
        let rows =
            rows.into_values().map(|(legs, row)| Row { owed_to: owed(&kept, &legs, &row), ..row });
        let mut rows: Vec<Row> = rows.filter(|row| self.wanted(row)).collect();
        rows.drain(..rows.len().saturating_sub(self.limit));
        if self.json { page.print_json(&rows) } else { print(&rows, page) }
    }

    fn fits(&self, put: &Put) -> bool {
        let header = put.envelope.header();
        self.kind.as_ref().is_none_or(|kind| header.kind == *kind)
            && self.origin.as_ref().is_none_or(|origin| header.origin == *origin)
    }

    fn wanted(&self, row: &Row) -> bool {
        let of_link = |link: &String| row.owed_to.contains(link);
        (!self.owed || !row.owed_to.is_empty()) && self.link.as_ref().is_none_or(of_link)
    }

    fn aside(&self, data: &Path, page: &mut Page) -> Result<(), Error> {
        let mut all = Vec::new();
        let read = quarantine::read(data, &mut |aside| {
            let of_link = self.link.as_ref().is_none_or(|link| aside.link == *link);
            let of_kind =
                self.kind.as_ref().is_none_or(|kind| aside.kind.as_deref() == Some(kind.as_str()));
            if of_link && of_kind {
                all.push(aside);
            }
            true
        });
        read.map_err(|(file, cause)| Error::File { file, cause })?;
        all.drain(..all.len().saturating_sub(self.limit));
        if self.json {
            return page.print_json(&all);
        }
        let words = page.words;
        let heads = &[words.at, words.link, words.message, words.detail];
        let rows = all.iter().map(|aside| {
            vec![
                plain(beijing(&aside.at, DAY_AND_TIME)),
                plain(words.of(&aside.link)),
                plain(aside.id.as_deref().unwrap_or("–")),
                plain(&aside.why),
            ]
        });
        page.print_table(Columns { heads, numbers: &[], gives_way: 3 }, rows)
    }
}

fn row(put: &Put) -> Row {
    let header = put.envelope.header();
    Row {
        id: header.id().to_string(),
        kind: header.kind.to_string(),
        to: header.to.to_string(),
        precedence: header.lane.word(),
        bytes: put.envelope.bytes().len(),
        taken_at: rfc3339(put.taken_wall_ms),
        from: put.via.as_ref().map(|via| via.link.word().to_owned()),
        owed_to: Vec::new(),
    }
}

fn owed(kept: &Kept, legs: &[(Link, u64)], row: &Row) -> Vec<String> {
    let open = |(link, leg): &&(Link, u64)| {
        let lane = row.precedence.parse().ok().and_then(|lane| kept.outbound(link, lane));
        lane.is_some_and(|lane| lane.acked < *leg && lane.open_between(*leg, *leg) > 0)
    };
    legs.iter().filter(open).map(|(link, _)| link.word().to_owned()).collect()
}

fn print(rows: &[Row], page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let heads = &[
        words.message,
        words.kind,
        words.to,
        words.precedence,
        words.bytes,
        words.accepted_at,
        words.owed_to,
    ];
    let lines = rows.iter().map(|row| {
        vec![
            plain(&row.id),
            plain(&row.kind),
            plain(&row.to),
            plain(words.of(row.precedence)),
            plain(row.bytes),
            plain(beijing(&row.taken_at, time::TIME)),
            plain(row.owed_to.join(" ")),
        ]
    });
    page.print_table(Columns { heads, numbers: &[4], gives_way: 2 }, lines)
}
