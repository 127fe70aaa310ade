//! `yizhan reconcile`: whether the two ends of each link agree on a day, and on what not.

use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;
use yizhan_schemas::Code;
use yizhan_schemas::query::{Finding, Gap, State};

use super::Error;
use super::page::{Columns, Page, bad, good, plain, unknown};
use super::station::Way;
use super::words::Words;

/// Links that agree are left out where there are more than so many: what is to be seen are others.
const SHOWN_MAX: usize = 40;

/// Compare what crossed each link below a station; exit status 1 if something is missing.
#[derive(Debug, Args)]
pub(super) struct Reconcile {
    /// A day in Beijing, as in 2026-11-23 [default: today]
    #[arg(long, value_name = "DAY")]
    day: Option<String>,
    /// Only the links of this station, which is the one that is asked or one below it
    #[arg(long, value_name = "CODE")]
    station: Option<Code>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

#[derive(Debug, Deserialize)]
struct Found {
    station: Code,
    day: String,
    state: State,
    links: Vec<Finding>,
}

impl Reconcile {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let only = self.station.as_ref().map(Code::as_str);
        let said = [("day", self.day.as_deref()), ("station", only)];
        let query: Vec<(&str, &str)> =
            said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let answer = station.send(station.get("/v1/reconcile").query(&query)).await?;
        let answer = station.json(answer).await?;
        let found: Found = station.typed(answer.clone())?;
        match self.json {
            true => page.print_json(&answer)?,
            false => print(&found, page)?,
        }
        match found.links.iter().filter(|link| link.state == State::Gap).count() {
            0 => Ok(()),
            links => Err(Error::Printed(links)),
        }
    }
}

fn print(found: &Found, page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let shown = |link: &&Finding| found.links.len() <= SHOWN_MAX || link.state != State::Agreed;
    let heads =
        &[words.link, words.state, words.went_up, words.went_down, words.under_way, words.detail];
    let rows = found.links.iter().filter(shown).map(|link| row(link, words));
    page.print_table(Columns { heads, numbers: &[2, 3, 4], gives_way: 5 }, rows)?;
    for link in &found.links {
        for gap in &link.gaps {
            page.print(format!("\n{}", named(gap, words)))?;
        }
        if link.unnamed > 0 {
            page.print(format!("\n{} – {}: +{}", link.parent, link.child, link.unnamed))?;
        }
    }
    let (colon, comma) = (words.colon, words.comma);
    let count = format!("{} {}", found.links.len(), words.links);
    let sum = format!("{} {}{colon}{count}{comma}", found.station, found.day);
    page.print(format!("\n{sum}{}", words.of(found.state.word())))
}

fn row(link: &Finding, words: &Words) -> Vec<Cell> {
    let word = words.of(link.state.word());
    vec![
        plain(format!("{} – {}", link.parent, link.child)),
        match link.state {
            State::Agreed => good(word),
            State::Gap => bad(word),
            State::NotComparable | State::Dark => unknown(word),
        },
        plain(link.up),
        plain(link.down),
        plain(link.under_way),
        plain(link.why.as_deref().unwrap_or_default()),
    ]
}

/// `missing below: 510722.101.002-b7k2qf-r7 … r9: why`
fn named(gap: &Gap, words: &Words) -> String {
    let last = gap.id.sequence.saturating_add(gap.count.saturating_sub(1));
    let run = match gap.count {
        0 | 1 => String::new(),
        _ => format!(" … {}{last}", gap.id.lane.letter()),
    };
    let (kind, colon) = (words.of(gap.kind.word()), words.colon);
    format!("{kind}{colon}{}{run}\n  {}", gap.id, gap.detail)
}
