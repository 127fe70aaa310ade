//! `yizhan trace`: one message through every hop.

use clap::Args;
use comfy_table::Cell;
use yizhan_schemas::MessageId;
use yizhan_schemas::query::{Hop, HopEvent, HopState, Wait};

use super::page::{Columns, Page, bad, good, plain, unknown};
use super::station::Way;
use super::status::NOTHING;
use super::words::{Lang, Words};
use super::{Error, time};
use crate::trace::Timeline;

/// Last holders that are named; the JSON has all.
const HOLDERS_SHOWN: usize = 6;

/// Follow one message through every hop.
#[derive(Debug, Args)]
pub(super) struct Trace {
    /// The message, as in 510722.101.002-b7k2qf-r1042
    #[arg(value_name = "MESSAGE_ID")]
    id: MessageId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

impl Trace {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let answer = station.read(&format!("/v1/trace/{}", self.id)).await?;
        if self.json {
            return page.print_json(&answer);
        }
        print(&station.typed(answer)?, page)
    }
}

fn print(line: &Timeline, page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let mut facts = vec![(words.message, line.id.to_string())];
    let known = [
        (words.kind, line.kind.as_ref().map(ToString::to_string)),
        (words.to, line.to.as_ref().map(ToString::to_string)),
        (words.precedence, line.precedence.map(|lane| words.of(lane.word()).to_owned())),
    ];
    facts.extend(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
    page.print_facts(&facts)?;
    page.print("")?;
    let heads = &[words.station, words.event, words.at, words.held, words.waited];
    let rows = line.hops.iter().flat_map(|hop| rows(hop, line, words));
    page.print_table(Columns { heads, numbers: &[3], gives_way: 4 }, rows)?;
    if is_open(line) {
        for holder in line.holders.iter().take(HOLDERS_SHOWN) {
            let (station, by) = (&holder.station, &holder.proven_by);
            let proof = match (words.lang(), station == by) {
                (Lang::En, true) => "by its own word".to_owned(),
                (Lang::Zh, true) => "自述".to_owned(),
                (Lang::En, false) => format!("proven to {by}"),
                (Lang::Zh, false) => format!("{by} 持有凭据"),
            };
            page.print(format!("\n{}{}{station} ({proof})", words.last_holder, words.colon))?;
        }
    }
    Ok(())
}

/// True if it may still be somewhere on the way.
fn is_open(line: &Timeline) -> bool {
    let ended = !line.targets.is_empty() && line.targets.iter().all(|it| it.outcome.is_some());
    !ended || !line.complete
}

fn rows(hop: &Hop, line: &Timeline, words: &Words) -> Vec<Vec<Cell>> {
    let row = |state: Cell, waits: &[Wait]| {
        let why = hop.why.clone().unwrap_or_else(|| waited(waits, words));
        vec![plain(&hop.station), state, plain(""), plain(""), plain(why)]
    };
    // what others tell of a station that speaks for itself is no news
    let speaks = |it: &&HopEvent| {
        let own = line.hops.iter().find(|other| other.station == it.station);
        own.is_some_and(|own| matches!(own.state, HopState::Holding | HopState::Passed))
    };
    let is_news =
        |it: &&HopEvent| it.station == hop.station || it.event == "handed_over" || !speaks(it);
    let news = hop.events.iter().filter(is_news);
    let mut rows: Vec<Vec<Cell>> = news.map(|it| event(hop, it, words)).collect();
    match hop.state {
        HopState::Dark => rows.push(row(bad(words.of("dark")), &[])),
        HopState::Unknown => rows.push(row(unknown(words.not_known), &[])),
        HopState::Holding => rows.push(row(bad(words.of("holding")), &hop.waits)),
        HopState::Passed => {}
    }
    rows
}

fn event(hop: &Hop, event: &HopEvent, words: &Words) -> Vec<Cell> {
    let word = words.of(&event.event);
    let said = match event.station == hop.station {
        true => word.to_owned(),
        false => format!("{word} → {}", event.station),
    };
    let said = if event.event == "delivered" { good(said) } else { plain(said) };
    let detail = event.detail.clone().unwrap_or_else(|| waited(&event.waits, words));
    vec![
        plain(&hop.station),
        said,
        plain(time::beijing(&event.at, time::DAY_AND_TIME)),
        plain(event.held_ms.map_or_else(|| NOTHING.to_owned(), time::age)),
        plain(detail),
    ]
}

fn waited(waits: &[Wait], words: &Words) -> String {
    let each = waits.iter().map(|it| format!("{} {}", words.of(it.why.word()), time::age(it.ms)));
    each.collect::<Vec<String>>().join(words.comma)
}
