//! `yizhan demo`: a county of seven stations on this machine, real reports, a cut link, a killed
//! node, and the count at the end.
//!
//! Promise: it says that all is well only if every accepted report is in the county's inbox
//! exactly once and every directive exactly once in each inbox that it is for and in no other, every
//! origin knows that, and of two video commands the one that came too late was not run; it leaves no
//! process behind; and a seed decides what it does. Then it plays what messages mean: a case climbs,
//! an incident goes up by its deadline, a broadcast is only an exercise.
//!
//! | module | noun |
//! |---|---|
//! | `ground` `register` | the directory, and `demo.json` |
//! | `runner` `county` `probe` | stations as processes |
//! | `calls` `plan` | what is to be done |
//! | `publisher` `outage` `traffic` | doing it |
//! | `reader` `ledger` `handover` `receipts` `commands` | what came of it |
//! | `scenes` | what messages mean |
//! | `spans` | what a collector has of them |
//! | `show` `sentences` `table` | what people see |

mod calls;
mod commands;
mod county;
mod fault;
mod ground;
mod handover;
mod ledger;
mod outage;
mod plan;
mod probe;
mod publisher;
mod reader;
mod receipts;
mod register;
mod runner;
mod scenes;
mod sentences;
mod show;
mod spans;
mod table;
mod traffic;

use std::path::PathBuf;

use clap::Args;

pub use fault::Fault;

use super::stop::Stop;
use super::{Error, Page};
use crate::bus::Search;
use county::County;
use ground::{Ground, Site};
use plan::Plan;
use receipts::Receipts;
use scenes::Scenes;
use sentences::Sentences;
use show::Show;
use spans::Spans;
use traffic::Traffic;

/// Decides the plan.
const SEED: &str = "YIZHAN_DEMO_SEED";
/// For tests: how many of the reports are published.
const REPORTS: &str = "YIZHAN_DEMO_REPORTS";
/// Where the nats-server is, as for a station.
const SERVER: &str = "YIZHAN__BUS__SERVER_PATH";

/// Run a county of seven stations on this machine, break it, and count what arrives.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "YIZHAN_DEMO_SEED (default 1) decides which village gets which report, by \
    NATS or HTTP, and what breaks when.")]
pub struct DemoOptions {
    /// Leave the stations running at the end, and print where they are
    #[arg(long)]
    pub keep: bool,
    /// Put all data here, and `demo.json` when the stations are ready [default: a temporary
    /// directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Start the stations and nothing else
    #[arg(long)]
    pub no_traffic: bool,
    /// Hand the county's spans to the OpenTelemetry collector there, by OTLP over HTTP, as in
    /// http://127.0.0.1:4318
    #[arg(long, value_name = "URL", value_parser = collector)]
    pub otlp: Option<String>,
}

fn collector(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|bad| bad.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(text.to_owned()),
        _ => Err("valid is a URL such as http://127.0.0.1:4318".to_owned()),
    }
}

impl DemoOptions {
    /// Runs the demo.
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let mut stop = Stop::listen()?;
        let (seed, few) = (number(SEED)?.unwrap_or(1), number(REPORTS)?);
        let show = Show::new(Sentences(page.words.lang()));
        let search = Search::from_environment(std::env::var_os(SERVER).map(PathBuf::from));
        let server = search.find().await.map_err(Fault::from)?;
        let ground = Ground::take(self.dir.as_deref())?.traced_at(self.otlp.clone());
        let plan = Plan::of(seed, &ground.topology, few.map(|few| few as usize))?;
        show.say(show.sentences.starting(ground.topology.len(), &ground.dir));
        let done = match County::start(&ground, &server.path, &show, &mut stop).await {
            Ok(county) => {
                show.say(show.sentences.ready(ground.topology.len()));
                let story =
                    Story { options: self, county: &county, plan: &plan, show: &show, seed };
                let done = story.tell(page, &mut stop).await;
                show.end();
                show.say(show.sentences.stopping());
                county.stop().await;
                done
            }
            Err(fault) => Err(fault.into()),
        };
        match &done {
            Ok(()) | Err(Error::Demo(Fault::Interrupted)) => ground.clear()?,
            Err(_) => show.say(show.sentences.kept(&ground.keep())),
        }
        done
    }
}

/// What happens between the stations' start and their end.
struct Story<'a> {
    options: &'a DemoOptions,
    county: &'a County,
    plan: &'a Plan,
    show: &'a Show,
    seed: u64,
}

impl Story<'_> {
    async fn tell(&self, page: &mut Page, stop: &mut Stop) -> Result<(), Error> {
        let counted = match self.options.no_traffic {
            true => Ok(()),
            false => tokio::select! {
                counted = self.traffic(page) => counted,
                fault = self.county.keep_register() => Err(fault.into()),
                () = stop.told() => return Err(Fault::Interrupted.into()),
            },
        };
        if self.options.keep || self.options.no_traffic {
            self.try_this(page)?;
            tokio::select! {
                fault = self.county.keep_register() => return Err(fault.into()),
                () = stop.told() => {}
            }
        }
        counted
    }

    async fn traffic(&self, page: &mut Page) -> Result<(), Error> {
        let sentences = self.show.sentences;
        self.show.say(sentences.traffic(self.plan.reports.len(), self.seed));
        let source = format!("/yizhan-demo/{}", drawn()?);
        let traffic = Traffic::prepare(self.county, self.plan, self.show, &source).await?;
        let outcome = traffic.run().await?;
        self.show.end();
        let verdict = outcome.ledger.verdict(&outcome.harvest);
        table::print(page, sentences, self.county, &outcome, &verdict)?;
        let unknown = |receipts: &Receipts| receipts.pairs - receipts.delivered;
        let receipts = outcome.receipts.iter().map(unknown).sum();
        let commands = outcome.commands.problems().len();
        if verdict.is_good() && receipts + commands > 0 {
            return Err(Fault::Receipts { receipts, commands }.into());
        }
        if verdict.is_good() {
            return self.scenes(page, &source).await;
        }
        let (lost, double) = (verdict.lost.len(), verdict.double.len());
        let (stray, unaccepted) = (verdict.stray.len(), verdict.unaccepted.len());
        Err(Fault::Count { lost, double, stray, unaccepted }.into())
    }

    /// Plays what messages mean.
    async fn scenes(&self, page: &mut Page, source: &str) -> Result<(), Error> {
        let sentences = self.show.sentences;
        self.show.say(sentences.scenes());
        let played = Scenes::new(self.county, sentences, source).play().await;
        for scene in &played {
            page.print(format!("{} {}", if scene.good { "✓" } else { "✗" }, scene.sentence))?;
        }
        match played.iter().filter(|scene| !scene.good).count() {
            0 => self.spans(page).await,
            scenes => Err(Fault::Scenes { scenes }.into()),
        }
    }

    /// Says what the collector has, and where to look in it.
    async fn spans(&self, page: &mut Page) -> Result<(), Error> {
        let Some(url) = &self.options.otlp else { return Ok(()) };
        let told = Spans { county: self.county }.settled().await.map_err(Fault::Spans)?;
        let sentences = self.show.sentences;
        page.print(format!("✓ {}", sentences.spans(told.exported, url)))?;
        if let Some((id, trace)) = told.whole {
            page.print(format!("  {}", sentences.trace(&id, &trace)))?;
        }
        Ok(())
    }

    /// Says where the stations are and what to do with them.
    fn try_this(&self, page: &mut Page) -> Result<(), Error> {
        let sentences = self.show.sentences;
        page.print("")?;
        for site in self.county.sites() {
            let Site { code, bus, name, .. } = site.as_ref();
            let http = site.http().unwrap_or_default();
            page.print(format!("{:<16}{bus:<25}{http:<25}{name}", code.as_str()))?;
        }
        let villages: Vec<_> = self
            .county
            .sites()
            .filter(|site| self.county.topology.children(&site.code).is_empty())
            .collect();
        let (Some(village), Ok(county)) =
            (villages.first(), self.county.site(self.county.topology.root()))
        else {
            return Ok(());
        };
        let (village, county) =
            (village.http().unwrap_or_default(), county.http().unwrap_or_default());
        let yizhan = program();
        page.print(format!(
            "\n{}\n\n\
             curl -i {village}/v1/events -H 'content-type: application/json' \\\n  \
               -H 'ce-specversion: 1.0' -H 'ce-type: incident.report' -H 'ce-source: /me' -H 'ce-id: 1' \\\n  \
               -d '{{\"category\":\"积水\",\"severity\":\"general\",\"description\":\"路口积水\",\
                     \"occurred_at\":\"2026-11-23T08:30:00+08:00\"}}'\n\n\
             {yizhan} publish directive.issue --server {county} --to '{root}.>' \\\n  \
               --data '{{\"title\":\"防汛\",\"text\":\"加密巡查\",\"requires\":\"delivered\"}}'\n\n\
             {yizhan} status --tree --server {county}\n\n{}",
            sentences.pick("Try, in another shell:", "在另一终端试试："),
            sentences.pick("Ctrl-C stops everything.", "按 Ctrl-C 全部停止。"),
            root = self.county.topology.root(),
        ))
    }
}

/// The program as one would type it here.
fn program() -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("yizhan"));
    let here = std::env::current_dir().unwrap_or_default();
    let near = program.strip_prefix(here).unwrap_or(&program);
    near.display().to_string()
}

fn number(name: &'static str) -> Result<Option<u64>, Fault> {
    let Some(given) = std::env::var_os(name).filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let given = given.to_string_lossy().into_owned();
    given.parse().map(Some).map_err(|_| Fault::NotANumber { name, given })
}

/// What tells this run's messages from those of all others.
fn drawn() -> Result<String, Error> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|e| Error::Start(std::io::Error::other(e.to_string())))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Demo {
        #[command(flatten)]
        options: DemoOptions,
    }

    #[test]
    fn flags_of_make_demo_pass_through() {
        let read = |args: &[&str]| Demo::try_parse_from(args).map(|demo| demo.options);
        let options = read(&["demo", "--keep", "--dir", "/tmp/d"]).unwrap();
        let expected =
            DemoOptions { keep: true, dir: Some("/tmp/d".into()), no_traffic: false, otlp: None };
        assert_eq!(options, expected);
        assert_eq!(read(&["demo", "--dir"]).unwrap_err().exit_code(), 2);
    }
}
