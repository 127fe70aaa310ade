//! `yizhan topology check | show | import | keys | render`: the one file that describes the whole tree.
//!
//! These commands need no station; they read and write files only.

mod keys;
mod render;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use yizhan_topology::{Problems, Summary, Topology, import, tree};

use super::Error;
use super::page::Page;

/// Check, show or make the topology file.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Count stations and tiers, or print everything that is wrong with the file
    Check(Check),
    /// Print the tree
    Show(Show),
    /// Make a topology file from a list of codes and names
    Import(Import),
    /// Make each station's nkey and write the public keys into the topology file
    Keys(keys::Keys),
    /// Write everything that the box of a station needs
    Render(render::Render),
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The topology file
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to show.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The topology file
    file: PathBuf,
    /// Go no deeper than this; the root is 0
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to import.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The list: CSV with the columns code, name and tier
    file: PathBuf,
    /// The county's name [default: that of the root]
    #[arg(long, value_name = "NAME")]
    county: Option<String>,
    /// Write here; an existing file is left alone [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Command {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        match self {
            Self::Check(command) => command.run(page),
            Self::Show(command) => command.run(page),
            Self::Import(command) => command.run(page),
            Self::Keys(command) => command.run(page),
            Self::Render(command) => command.run(page),
        }
    }
}

impl Check {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        match topology(&self.file) {
            Ok(topology) if self.json => page.print_json(&Summary::of(&topology)),
            Ok(topology) => page.print(Summary::of(&topology).to_string()),
            Err(Error::Topology(problems)) if self.json => refused(page, &problems),
            Err(error) => Err(error),
        }
    }
}

impl Show {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let topology = match topology(&self.file) {
            Err(Error::Topology(problems)) if self.json => return refused(page, &problems),
            topology => topology?,
        };
        if !self.json {
            return page.print(tree::show(&topology, self.depth).trim_end());
        }
        let within = |depth: Option<usize>| self.depth.is_none_or(|max| depth <= Some(max));
        let stations = topology.stations().filter(|one| within(topology.depth(&one.code)));
        page.print_json(&json!({
            "name": topology.name(),
            "tiers": topology.tiers(),
            "stations": stations.collect::<Vec<_>>(),
            "applications": topology.applications(),
            "revoked": topology.revoked(),
        }))
    }
}

impl Import {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let options = import::Options { county: self.county.clone() };
        let made = import::from_csv(&name(&self.file), &text(&self.file)?, &options)?;
        let Some(out) = &self.out else { return page.print(made.trim_end()) };
        create(out, made.as_bytes())?;
        let summary = Summary::of(&Topology::read(&name(out), &made)?);
        page.print(format!("{}: {summary}", out.display()))
    }
}

/// Writes a file that was not there.
pub(super) fn create(out: &Path, text: &[u8]) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).create_new(true).open(out);
    let written = file.and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    written.map_err(at(out))
}

/// As JSON, problems are an answer; the exit status says that it is a bad one.
pub(super) fn refused(page: &mut Page, problems: &Problems) -> Result<(), Error> {
    page.print_json(&json!({"problems": problems}))?;
    Err(Error::Printed(problems.list().len()))
}

pub(super) fn topology(file: &Path) -> Result<Topology, Error> {
    Ok(Topology::read(&name(file), &text(file)?)?)
}

fn text(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(at(file))
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

pub(super) fn at(file: &Path) -> impl Fn(std::io::Error) -> Error {
    move |cause| Error::File { file: file.to_owned(), cause }
}
