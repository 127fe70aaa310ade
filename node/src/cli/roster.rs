//! `yizhan roster check | show`: the posts and grid workers of a station.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::catalogue::read;
use super::page::{Columns, Page, plain};
use super::station::Way;
use super::words::Lang;
use super::{Error, wait};
use crate::roster::{self, Roster};

/// The most entries that are read where nothing else is said: what a station takes.
const ENTRIES_MAX: u64 = 4096;

/// Check or show a roster.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Count posts and grid workers, or print what is wrong with the file
    Check(Check),
    /// Show who holds which post at a station, by id
    Show(Show),
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The roster, a TOML file
    file: PathBuf,
    /// The most posts and workers that are taken, as roster.max_entries of a station
    #[arg(long, value_name = "N", default_value_t = ENTRIES_MAX)]
    max_entries: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to show.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

impl Command {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        match self {
            Self::Check(command) => command.run(page),
            Self::Show(command) => wait(command.run(page)),
        }
    }
}

#[derive(Serialize)]
struct Summary {
    posts: usize,
    vacant: usize,
    workers: usize,
}

impl Check {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let read = read::<Roster>(&self.file, self.max_entries, self.json, page)?;
        let Some(roster) = read else { return Ok(()) };
        let (posts, vacant, workers) = (roster.posts(), roster.vacant(), roster.workers());
        if self.json {
            return page.print_json(&Summary { posts, vacant, workers });
        }
        page.print(match page.words.lang() {
            Lang::Zh => format!("岗位 {posts} 个（空缺 {vacant} 个），网格员 {workers} 名"),
            Lang::En => format!("{posts} posts ({vacant} vacant), {workers} grid workers"),
        })
    }
}

impl Show {
    async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let answer = station.read("/v1/roster").await?;
        if self.json {
            return page.print_json(&answer);
        }
        let roster: roster::Page = station.typed(answer)?;
        let (heads, vacant): (&[&str], _) = match page.words.lang() {
            Lang::Zh => (&["收件人", "编号"], "空缺"),
            Lang::En => (&["addressee", "id"], "vacant"),
        };
        let code = &roster.station;
        let posts = roster.posts.iter().map(|post| {
            let holder = post.holder.as_deref().unwrap_or(vacant);
            vec![plain(format!("role:{}@{code}", post.role)), plain(holder)]
        });
        let workers = roster.workers.iter();
        let workers =
            workers.map(|it| vec![plain(format!("worker:{}@{code}", it.id)), plain(&it.id)]);
        page.print_table(Columns { heads, numbers: &[], gives_way: 0 }, posts.chain(workers))
    }
}
