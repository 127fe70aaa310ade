//! `yizhan stats` and `yizhan matters`: what happened to incidents and cases, counted, and which of
//! them are under way.

use std::collections::BTreeMap;

use clap::Args;
use serde::Deserialize;
use yizhan_schemas::payload::stats::Measure;

use super::page::{Columns, Page, bad, plain};
use super::station::Way;
use super::words::Lang;
use super::{Error, status};

/// What stands in a column of the table; all others are in the JSON.
const SHOWN: [Measure; 8] = [
    Measure::Taken,
    Measure::Handled,
    Measure::Closed,
    Measure::Late,
    Measure::Returned,
    Measure::Raised,
    Measure::Yellow,
    Measure::Red,
];

/// Show what happened to incidents and cases, counted.
#[derive(Debug, Args)]
pub(super) struct Stats {
    /// One day in Beijing, as in 2026-11-23 [default: today]
    #[arg(long, value_name = "DAY", conflicts_with_all = ["from", "to"])]
    day: Option<String>,
    /// The first of several days
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last of several days
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

/// Show incidents and cases that are under way at a station.
#[derive(Debug, Args)]
pub(super) struct Matters {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

type Counts = BTreeMap<String, u64>;

#[derive(Deserialize)]
struct StatsPage {
    station: String,
    from: String,
    to: String,
    tiers: BTreeMap<String, BTreeMap<String, BTreeMap<String, Counts>>>,
}

#[derive(Deserialize)]
struct MattersPage {
    station: String,
    followed: u64,
    untouched: u64,
    waiting: u64,
    matters: Vec<Matter>,
}

#[derive(Deserialize)]
struct Matter {
    id: String,
    family: String,
    category: String,
    stage: String,
    since: Option<String>,
    attempts: u64,
    overdue: bool,
}

impl Stats {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let said = [("day", &self.day), ("from", &self.from), ("to", &self.to)];
        let said = said.into_iter().filter_map(|(name, day)| Some((name, day.as_deref()?)));
        let query: Vec<(&str, &str)> = said.collect();
        let answer = station.send(station.get("/v1/stats").query(&query)).await?;
        let answer = station.json(answer).await?;
        if self.json {
            return page.print_json(&answer);
        }
        let stats: StatsPage = station.typed(answer)?;
        let zh = page.words.lang() == Lang::Zh;
        let days = if stats.from == stats.to {
            stats.to.clone()
        } else {
            format!("{} – {}", stats.from, stats.to)
        };
        page.print(format!("{} {days}\n", stats.station))?;
        let mut heads = match zh {
            true => vec!["层级", "类别", "分类"],
            false => vec!["tier", "family", "category"],
        };
        heads.extend(SHOWN.map(|measure| if zh { measure.chinese() } else { measure.word() }));
        let mut rows = Vec::new();
        for (tier, families) in &stats.tiers {
            for (family, categories) in families {
                for (category, counts) in categories {
                    let mut row = vec![plain(tier), plain(family), plain(category)];
                    row.extend(SHOWN.map(|measure| number(counts, measure)));
                    rows.push(row);
                }
            }
        }
        let columns = Columns { heads: &heads, numbers: &[3, 4, 5, 6, 7, 8, 9, 10], gives_way: 2 };
        page.print_table(columns, rows)
    }
}

fn number(counts: &Counts, measure: Measure) -> comfy_table::Cell {
    let number = counts.get(measure.word()).copied().unwrap_or(0);
    let alarming = matches!(measure, Measure::Late | Measure::Yellow | Measure::Red);
    match number {
        0 => plain("–"),
        number if alarming => bad(number),
        number => plain(number),
    }
}

impl Matters {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let answer = station.read("/v1/matters").await?;
        if self.json {
            return page.print_json(&answer);
        }
        let it: MattersPage = station.typed(answer)?;
        let zh = page.words.lang() == Lang::Zh;
        let heads: &[&str] = match zh {
            true => &["事项", "类别", "分类", "阶段", "自", "调解"],
            false => &["matter", "family", "category", "stage", "since", "attempts"],
        };
        let rows = it.matters.iter().map(|matter| {
            let stage = if matter.overdue { bad(&matter.stage) } else { plain(&matter.stage) };
            vec![
                plain(&matter.id),
                plain(&matter.family),
                plain(&matter.category),
                stage,
                plain(matter.since.as_deref().unwrap_or(status::NOTHING)),
                plain(matter.attempts),
            ]
        });
        page.print_table(Columns { heads, numbers: &[5], gives_way: 2 }, rows)?;
        let (followed, untouched, waiting) = (it.followed, it.untouched, it.waiting);
        page.print(match zh {
            true => format!(
                "\n{}：跟踪 {followed} 件，未处置上报 {untouched} 件，等待中的消息 {waiting} 条",
                it.station
            ),
            false => format!(
                "\n{}: {followed} followed, {untouched} reports untouched, {waiting} messages wait",
                it.station
            ),
        })
    }
}
