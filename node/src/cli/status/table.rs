//! All stations as a table.

use yizhan_schemas::status::StationStatus;

use super::super::Error;
use super::super::page::{Columns, Page, plain};
use super::{oldest, state, uplink};

pub(super) fn print(all: &[StationStatus], page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let heads = &[
        words.station,
        words.name,
        words.state,
        words.uplink,
        words.backlog,
        words.oldest,
        words.accepted,
        words.delivered,
        words.version,
    ];
    let rows = all.iter().map(|station| {
        vec![
            plain(&station.code),
            plain(&station.name),
            state(station, words),
            uplink(station, words),
            plain(station.backlog()),
            plain(oldest(station.oldest_ms())),
            plain(station.accepted),
            plain(station.delivered),
            plain(&station.version),
        ]
    });
    page.print_table(Columns { heads, numbers: &[4, 5, 6, 7], gives_way: 1 }, rows)
}
