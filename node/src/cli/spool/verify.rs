//! `yizhan spool verify`.

use clap::Args;

use super::super::Error;
use super::super::data_dir::DataDir;
use super::super::page::{Columns, Page, bad, good, plain};
use super::data_of;
use crate::spool::log::{Harm, SegmentReport, VerifyReport, verify};

/// Check every checksum.
#[derive(Debug, Args)]
pub(in super::super) struct Verify {
    #[command(flatten)]
    place: DataDir,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        let report = verify(&data_of(&self.place)?)?;
        if self.json {
            page.print_json(&report)?
        } else {
            print(&report, page)?
        }
        match report.damage.len() {
            0 => Ok(()),
            places => Err(Error::Printed(places)),
        }
    }
}

fn print(report: &VerifyReport, page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let heads = &[words.segment, words.records, words.bytes, words.state];
    let name = |segment: &SegmentReport| {
        segment.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let rows = report.segments.iter().map(|segment| {
        let harmed = report.damage.iter().any(|damage| damage.file == segment.file);
        vec![
            plain(name(segment)),
            plain(segment.records),
            plain(segment.used_bytes),
            if harmed { bad(words.damaged) } else { good(words.intact) },
        ]
    });
    page.print_table(Columns { heads, numbers: &[1, 2], gives_way: 0 }, rows)?;
    for damage in &report.damage {
        let (file, offset, bytes) = (damage.file.display(), damage.offset, damage.bytes);
        let ids: Vec<String> = damage.ids.iter().map(ToString::to_string).collect();
        let harm = match damage.harm {
            Harm::Commits { first, last } => format!("commits {first} to {last} are lost"),
            Harm::Footer => "the footer is lost, no record".to_owned(),
            Harm::Header => "the header is lost, no record".to_owned(),
        };
        let ids = if ids.is_empty() { String::new() } else { format!(": {}", ids.join(", ")) };
        page.print(format!("{file}, {bytes} bytes from {offset} on: {harm}{ids}"))?;
    }
    if let Some(torn) = &report.torn {
        let (file, offset, bytes) = (torn.file.display(), torn.offset, torn.bytes);
        page.print(format!(
            "{file}, {bytes} bytes from {offset} on: a commit in the making, or one that a power cut \
             ended; nothing in it was acknowledged"
        ))?;
    }
    Ok(())
}
