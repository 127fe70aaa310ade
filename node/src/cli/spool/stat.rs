//! `yizhan spool stat`.

use clap::Args;
use serde::Serialize;
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_schemas::Lane;

use super::super::Error;
use super::super::data_dir::DataDir;
use super::super::page::{Columns, Page, plain};
use super::data_of;
use crate::spool::log::scan;

/// Count what is held.
#[derive(Debug, Args)]
pub(in super::super) struct Stat {
    #[command(flatten)]
    place: DataDir,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Counted {
    data: String,
    segments: usize,
    /// Bytes of the files; they are allocated ahead.
    file_bytes: u64,
    /// Bytes of them in use.
    used_bytes: u64,
    records: u64,
    damage: usize,
    accepted: u64,
    quarantined: u64,
    gaps: u64,
    late: u64,
    lanes: Vec<LaneCount>,
}

#[derive(Debug, Serialize)]
struct LaneCount {
    link: String,
    lane: &'static str,
    taken: u64,
    held: u64,
    held_bytes: u64,
    handed_over: u64,
    ended: u64,
}

impl Stat {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        let data = data_of(&self.place)?;
        let (mut kept, mut unread) = (Kept::default(), None);
        let report = scan(&data, &mut |found| {
            if let Err(fault) = kept.apply(&found.record) {
                unread.get_or_insert(fault);
            }
        })?;
        if let Some(fault) = unread {
            let cause = std::io::Error::other(format!("a snapshot cannot be read: {fault}"));
            return Err(Error::File { file: data, cause });
        }
        let counted = Counted {
            data: data.display().to_string(),
            segments: report.segments.len(),
            file_bytes: report.segments.iter().map(|one| one.file_bytes).sum(),
            used_bytes: report.segments.iter().map(|one| one.used_bytes).sum(),
            records: report.segments.iter().map(|one| one.records).sum(),
            damage: report.damage.len(),
            accepted: kept.accepted,
            quarantined: kept.quarantined,
            gaps: kept.gaps,
            late: kept.late,
            lanes: lanes(&kept),
        };
        if self.json { page.print_json(&counted) } else { print(&counted, page) }
    }
}

/// Of the inbox, which is one queue, only the lane that it is numbered in.
fn lanes(kept: &Kept) -> Vec<LaneCount> {
    let count = |link: &Link, lane: Lane| {
        let owed = kept.outbound(link, lane).filter(|_| link.numbered_lane(lane) == lane)?;
        Some(LaneCount {
            link: link.word().to_owned(),
            lane: lane.word(),
            taken: owed.tally.taken,
            held: owed.held(),
            held_bytes: owed.owed_bytes(),
            handed_over: owed.tally.handed_over,
            ended: owed.tally.ended,
        })
    };
    let all = kept.outbound.keys().flat_map(|link| Lane::ALL.map(|lane| count(link, lane)));
    all.flatten().filter(|lane| lane.taken > 0).collect()
}

fn print(counted: &Counted, page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let used = counted.used_bytes.saturating_mul(100);
    let percent = used.checked_div(counted.file_bytes).unwrap_or(0);
    page.print_facts(&[
        (words.directory, counted.data.clone()),
        (words.segments, format!("{} ({} B, {percent} %)", counted.segments, counted.file_bytes)),
        (words.records, counted.records.to_string()),
        (words.damage, counted.damage.to_string()),
        (words.accepted, counted.accepted.to_string()),
        (words.quarantined, counted.quarantined.to_string()),
        (words.gaps, counted.gaps.to_string()),
    ])?;
    if counted.lanes.is_empty() {
        return Ok(());
    }
    page.print("")?;
    let heads = &[
        words.link,
        words.precedence,
        words.taken,
        words.held_messages,
        words.bytes,
        words.handed_over,
        words.ended,
    ];
    let rows = counted.lanes.iter().map(|lane| {
        vec![
            plain(words.of(&lane.link)),
            plain(words.of(lane.lane)),
            plain(lane.taken),
            plain(lane.held),
            plain(lane.held_bytes),
            plain(lane.handed_over),
            plain(lane.ended),
        ]
    });
    page.print_table(Columns { heads, numbers: &[2, 3, 4, 5, 6], gives_way: 0 }, rows)
}
