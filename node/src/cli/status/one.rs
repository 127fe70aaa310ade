//! One station: what it is, and each of its links by lane.

use comfy_table::Cell;
use yizhan_schemas::status::{LinkStatus, StationStatus};

use super::super::page::{Columns, Page, bad, good, plain};
use super::super::words::Words;
use super::super::{Error, time};
use super::{NOTHING, oldest};

pub(super) fn print(station: &StationStatus, page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let state = match station.online {
        Some(true) => words.online,
        Some(false) => words.offline,
        None => words.unknown,
    };
    let since = station.since.as_ref().map(|since| {
        format!("{}{} {}", words.comma, words.since, time::beijing(since, time::DAY_AND_TIME))
    });
    let mut facts = vec![
        (words.station, station.code.to_string()),
        (words.name, station.name.clone()),
        (words.tier, words.of(&station.tier).to_owned()),
        (words.state, format!("{state}{}", since.unwrap_or_default())),
        (words.version, station.version.clone()),
        (words.accepted, station.accepted.to_string()),
        (words.delivered, station.delivered.to_string()),
        (words.oldest, oldest(station.oldest_ms())),
    ];
    if station.policy_version > 0 {
        facts.push((words.policy, station.policy_version.to_string()));
    }
    page.print_facts(&facts)?;
    if station.links.is_empty() {
        return Ok(());
    }
    page.print("")?;
    let lanes = ["flash", "immediate", "priority", "routine"].map(|lane| words.of(lane));
    let [flash, immediate, priority, routine] = lanes;
    let heads = &[
        words.link,
        words.state,
        words.round_trip,
        flash,
        immediate,
        priority,
        routine,
        words.oldest,
    ];
    let rows = station.links.iter().map(|link| row(link, words));
    page.print_table(Columns { heads, numbers: &[2, 3, 4, 5, 6, 7], gives_way: 0 }, rows)
}

fn row(link: &LinkStatus, words: &Words) -> Vec<Cell> {
    let rtt = link.rtt_ms.map_or_else(|| NOTHING.to_owned(), |ms| format!("{ms}ms"));
    let mut cells = vec![
        plain(words.of(&link.link)),
        if link.up { good(words.up) } else { bad(words.down) },
        plain(rtt),
    ];
    cells.extend(link.backlog.lanes().map(|(_, lane)| plain(lane.messages)));
    cells.push(plain(oldest(link.backlog.oldest_ms())));
    cells
}
