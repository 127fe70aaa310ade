//! `yizhan status`: all stations as a table or a tree, one station, or one message.

pub(super) mod message;
mod one;
mod table;
mod tree;

use std::str::FromStr;

use clap::Args;
use comfy_table::Cell;
use yizhan_schemas::status::{StationStatus, Stations};
use yizhan_schemas::{Code, MessageId};

use super::Error;
use super::page::{Page, bad, good, unknown};
use super::station::Way;
use super::words::Words;

/// Show stations, one station, or one message.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// A message, as in 510722.101.002-b7k2qf-r1042, or a station, as in 510722.101
    /// [default: all stations]
    #[arg(value_name = "MESSAGE_ID|CODE")]
    subject: Option<Subject>,
    /// Show the stations as a tree
    #[arg(long, conflicts_with = "subject")]
    tree: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

/// What one can ask after.
#[derive(Debug, Clone)]
enum Subject {
    Message(MessageId),
    Station(Code),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // every message id is also a valid code, but no code is ever named like one
        let message = MessageId::parse(text).map(Self::Message);
        message.or_else(|_| Code::parse(text).map(Self::Station)).map_err(|_| {
            "valid is a message id, as in 510722.101.002-b7k2qf-r1042, or a station code, as in \
             510722.101"
                .to_owned()
        })
    }
}

impl Status {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let path = match &self.subject {
            None => "/v1/stations".to_owned(),
            Some(Subject::Station(code)) => format!("/v1/stations/{code}"),
            Some(Subject::Message(id)) => format!("/v1/messages/{id}"),
        };
        let answer = station.read(&path).await?;
        if self.json {
            return page.print_json(&answer);
        }
        match &self.subject {
            Some(Subject::Message(_)) => message::print(&station.typed(answer)?, page),
            Some(Subject::Station(_)) => one::print(&station.typed(answer)?, page),
            None => {
                let stations: Stations = station.typed(answer)?;
                let all = stations.stations;
                if self.tree {
                    tree::print(&all, page)?
                } else {
                    table::print(&all, page)?
                };
                page.print(summary(&all, page.words))
            }
        }
    }
}

fn summary(all: &[StationStatus], words: &Words) -> String {
    let count = |online: Option<bool>| all.iter().filter(|s| s.online == online).count();
    let states = [
        (count(Some(true)), words.online),
        (count(Some(false)), words.offline),
        (count(None), words.unknown),
    ];
    let backlog: u64 = all.iter().map(StationStatus::backlog).sum();
    let states = states.map(|(n, word)| format!("{n} {word}")).join(words.comma);
    let total = format!("{} {}", all.len(), words.stations);
    let (colon, semicolon) = (words.colon, words.semicolon);
    format!("\n{total}{colon}{states}{semicolon}{backlog} {}", words.messages_wait)
}

/// What there is to say where there is nothing.
pub(super) const NOTHING: &str = "–";

fn state(station: &StationStatus, words: &Words) -> Cell {
    match station.online {
        Some(true) => good(words.online),
        Some(false) => bad(words.offline),
        None => unknown(words.unknown),
    }
}

/// The uplink as the station last described it; silence of the station is no news of a link.
fn uplink(station: &StationStatus, words: &Words) -> Cell {
    match (station.uplink(), station.online) {
        (None, _) => unknown(NOTHING),
        (Some(_), Some(false)) => bad(words.down),
        (Some(link), _) if !link.up => bad(words.down),
        (Some(link), _) => good(match link.rtt_ms {
            Some(ms) => format!("{} {ms}ms", words.up),
            None => words.up.to_owned(),
        }),
    }
}

fn oldest(ms: Option<u64>) -> String {
    ms.map_or_else(|| NOTHING.to_owned(), super::time::age)
}
