//! `yizhan audit verify | show`: the audit log of a data directory, read where it lies.

use std::collections::VecDeque;
use std::path::Path;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::Error;
use super::data_dir::DataDir;
use super::page::{Columns, Page, bad, good, plain};
use super::time::{DAY_AND_TIME, beijing};
use super::words::Lang;
use crate::audit::deed::clean;
use crate::audit::head::Head;
use crate::audit::line::Line;
use crate::audit::verify::{self, Found, Known, Listed};
use crate::audit::{DIRECTORY, End};
use crate::config::Config;

/// Columns of who did it; the whole of it is in the JSON.
const WHO_CHARS_MAX: usize = 22;

/// Check or show the audit log of a station.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether the log is as it was written: no byte altered, no line gone, moved or put in
    Verify(Verify),
    /// Print the log's last lines
    Show(Show),
}

impl Command {
    pub(super) fn run(&self, page: &mut Page) -> Result<(), Error> {
        match self {
            Self::Verify(command) => command.run(page),
            Self::Show(command) => command.run(page),
        }
    }
}

/// Check a log.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    whose: DataDir,
    /// A line that the log must have, as its station said it in its own log (event audit_head):
    /// its number, a colon, its hash
    #[arg(long, value_name = "SEQ:HASH", value_parser = known)]
    head: Option<Known>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn known(text: &str) -> Result<Known, String> {
    let valid = "valid is, for example, 1042:sha256:9f86d081…";
    let (seq, hash) = text.split_once(':').ok_or(valid)?;
    let seq = seq.parse().map_err(|_| valid)?;
    Ok((seq, hash.parse().map_err(|why| format!("{why}; {valid}"))?))
}

impl Verify {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let (data, config) = self.whose.find()?;
        let dir = data.join(DIRECTORY);
        let listed = config.as_ref().map(listed).transpose()?;
        let listed = listed.as_ref().map(|listed| listed as Listed<'_>);
        let found = verify::verify(&dir, self.head, listed)?;
        match self.json {
            true => page.print_json(&page_of(&found))?,
            false => say(page, &dir, &found)?,
        }
        match usize::try_from(found.faults_total).unwrap_or(usize::MAX) {
            0 => Ok(()),
            faults => Err(Error::Printed(faults)),
        }
    }
}

/// Whether a head is signed by the station whose configuration this is.
fn listed(config: &Config) -> Result<impl Fn(&Head) -> Result<(), String>, Error> {
    let topology = crate::run::topology(&config.station.topology)?;
    let (code, file) = (config.station.code.clone(), config.station.topology.clone());
    let keys = topology.station(&code).map(|station| station.keys.clone()).unwrap_or_default();
    Ok(move |head: &Head| match head.signer()? {
        Some(key) if keys.iter().any(|one| one == key) => Ok(()),
        Some(key) => {
            Err(format!("is signed with {key}, which is no key of {code} in {}", file.display()))
        }
        None if keys.is_empty() => Ok(()),
        None => Err(format!("is not signed, and {} lists a key of {code}", file.display())),
    })
}

fn page_of(found: &Found) -> serde_json::Value {
    let faults = found.faults.iter().map(|fault| {
        json!({ "file": fault.file, "line": fault.line, "seq": fault.seq, "what": fault.what })
    });
    json!({
        "ok": found.faults_total == 0,
        "files": found.files,
        "lines": found.lines,
        "first_seq": found.first,
        "last_seq": found.last.map(|(seq, _)| seq),
        "last_hash": found.last.map(|(_, hash)| hash),
        "head": found.head,
        "unfinished_bytes": found.unfinished_bytes,
        "faults": faults.collect::<Vec<_>>(),
        "faults_total": found.faults_total,
    })
}

fn say(page: &mut Page, dir: &Path, found: &Found) -> Result<(), Error> {
    for fault in &found.faults {
        page.print(fault.to_string())?;
    }
    if found.faults_total > 0 {
        return Ok(());
    }
    let (first, last) = (found.first.unwrap_or(0), found.last.map_or(0, |(seq, _)| seq));
    let (files, lines, dir) = (found.files, found.lines, dir.display());
    let signer = found.head.as_ref().and_then(|head| head.key.clone());
    let zh = page.words.lang() == Lang::Zh;
    page.print(match zh {
        true => format!("完好：{dir}，{files} 个文件，{lines} 行（序号 {first} 至 {last}）"),
        false => format!("ok: {dir}: {files} files, {lines} lines (seq {first} to {last})"),
    })?;
    if let Some((seq, hash)) = found.last {
        page.print(format!("{} {seq}:{hash}", if zh { "末行" } else { "head" }))?;
    }
    match (signer, zh) {
        (Some(key), true) => page.print(format!("末行由 {key} 签名")),
        (Some(key), false) => page.print(format!("signed with {key}")),
        (None, true) => page.print("末行没有签名：本站没有密钥"),
        (None, false) => page.print("not signed: the station has no key"),
    }
}

/// Show lines.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    whose: DataDir,
    /// Only lines since then: a time as of RFC 3339, or so long ago, as in 2h or 7d
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only lines of this event, as in http_refused
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only lines about this station, application, holder or address, or a part of its name
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// The most lines; the last ones are shown
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let valid = "valid is a time such as 2026-11-23T08:30:00+08:00, or 2h, or 7d";
    let ago = humantime::parse_duration(text).map_err(|_| valid)?;
    Timestamp::now().checked_sub(ago).map_err(|_| valid.to_owned())
}

impl Show {
    fn run(&self, page: &mut Page) -> Result<(), Error> {
        let dir = self.whose.find()?.0.join(DIRECTORY);
        let limit = self.limit as usize;
        let mut last = VecDeque::with_capacity(limit);
        verify::lines(&dir, &mut |line| {
            if self.asks_for(&line) {
                if last.len() == limit {
                    last.pop_front();
                }
                last.push_back(line);
            }
        })?;
        if self.json {
            return page.print_json(&last);
        }
        let words = page.words;
        let rows = last.iter().map(|line| {
            let outcome = words.of(line.outcome.word());
            let outcome = if line.outcome == End::Refused { bad(outcome) } else { good(outcome) };
            vec![
                plain(line.seq),
                plain(beijing(&line.at.to_string(), DAY_AND_TIME)),
                plain(words.of(&line.event)),
                plain(clean(&line.who, WHO_CHARS_MAX)),
                outcome,
                plain(said(line)),
            ]
        });
        let rows: Vec<_> = rows.collect();
        let heads = &["#", words.at, words.event, words.who, words.outcome, words.detail];
        page.print_table(Columns { heads, numbers: &[0], gives_way: 5 }, rows)
    }

    fn asks_for(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.at >= since)
            && self.event.as_ref().is_none_or(|event| line.event == *event)
            && self.who.as_ref().is_none_or(|who| line.who.contains(who.as_str()))
    }
}

/// To what it was done, how often, and more.
fn said(line: &Line) -> String {
    let times = line.count.map(|count| format!("×{count}"));
    let range = match (&line.first, &line.last) {
        (Some(first), Some(last)) if first != last => Some(format!("{first} … {last}")),
        (Some(only), _) | (None, Some(only)) => Some(only.clone()),
        _ => None,
    };
    let parts = [Some(line.what.clone()), times, range, Some(line.detail.clone())];
    let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    // what was written by somebody else may not have been cleaned
    clean(&parts.join(" "), usize::MAX)
}
