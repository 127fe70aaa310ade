//! One message: what it is, how each target ended, and where it has been.

use comfy_table::Cell;
use yizhan_schemas::Code;
use yizhan_schemas::status::{MessageStatus, Target, Trace};

use super::super::page::{Columns, Page, bad, good, plain, unknown};
use super::super::words::Words;
use super::super::{Error, time};
use super::NOTHING;

/// Stations that are named as missing; the JSON has more.
const NAMED_MAX: usize = 12;

pub(in crate::cli) fn print(message: &MessageStatus, page: &mut Page) -> Result<(), Error> {
    let words = page.words;
    let grade = serde_json::to_value(message.grade).unwrap_or_default();
    let facts = [
        (words.message, message.id.to_string()),
        (words.kind, message.kind.to_string()),
        (words.origin, message.origin.to_string()),
        (words.to, message.to.to_string()),
        (words.precedence, words.of(message.precedence.word()).to_owned()),
        (words.accepted_at, day(message.accepted_at.as_ref())),
        (words.grade, words.of(grade.as_str().unwrap_or_default()).to_owned()),
    ];
    page.print_facts(&facts)?;
    if !message.targets.is_empty() {
        page.print("")?;
        let heads = &[words.station, words.outcome, words.at, words.answer, words.detail];
        let rows = message.targets.iter().map(|target| ended(target, words));
        page.print_table(Columns { heads, numbers: &[], gives_way: 4 }, rows)?;
    }
    if message.targets.len() > 1 {
        page.print(format!("\n{}", summed(message, words)))?;
    }
    if !message.trail.is_empty() {
        page.print("")?;
        let heads = &[words.station, words.event, words.at, words.held];
        let rows = message.trail.iter().map(|trace| been(trace, words));
        page.print_table(Columns { heads, numbers: &[3], gives_way: 1 }, rows)?;
    }
    Ok(())
}

/// `delivered 455/462, acknowledged 430, missing: …`
fn summed(message: &MessageStatus, words: &Words) -> String {
    let sum = message.sum();
    let (comma, colon) = (words.comma, words.colon);
    let mut said = format!("{} {}/{}", words.of("delivered"), sum.delivered, sum.targets);
    for (word, number) in [("acknowledged", sum.acknowledged), ("completed", sum.completed)] {
        if number > 0 {
            said.push_str(&format!("{comma}{} {number}", words.of(word)));
        }
    }
    if !sum.missing.is_empty() {
        let named: Vec<&str> = sum.missing.iter().take(NAMED_MAX).map(Code::as_str).collect();
        let more = if sum.targets - sum.delivered > named.len() { " …" } else { "" };
        said.push_str(&format!("{comma}{}{colon}{}{more}", words.missing, named.join(" ")));
    }
    said
}

fn day(time: Option<&String>) -> String {
    time.map_or_else(|| NOTHING.to_owned(), |time| time::beijing(time, time::DAY_AND_TIME))
}

fn ended(target: &Target, words: &Words) -> Vec<Cell> {
    let outcome = match target.outcome.as_deref() {
        None => unknown(words.under_way),
        Some("delivered") => good(words.of("delivered")),
        Some(other) => bad(words.of(other)),
    };
    vec![
        plain(&target.station),
        outcome,
        plain(day(target.at.as_ref())),
        plain(target.answer.as_deref().map_or(NOTHING, |answer| words.of(answer))),
        plain(target.detail.as_deref().unwrap_or_default()),
    ]
}

fn been(trace: &Trace, words: &Words) -> Vec<Cell> {
    vec![
        plain(&trace.station),
        plain(words.of(&trace.event)),
        plain(day(Some(&trace.at))),
        plain(trace.held_ms.map_or_else(|| NOTHING.to_owned(), time::age)),
    ]
}
