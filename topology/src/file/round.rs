//! `[[policy.round]]`: directives that repeat.

use jiff::civil::{Date, Time};
use yizhan_schemas::payload::directive::{self, Requires};
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::{Kind, Selector};

use super::page::Page;
use super::section::{Entry, Section};
use crate::check;
use crate::check::RULES_MAX;
use crate::problem::{Fault, shown};
use crate::rights::overreach;
use crate::round::{EVERY_DAYS_MAX, Round};

/// Days are counted from this one.
const FIRST: Date = Date::constant(1970, 1, 1);
/// Longest text of a directive that a policy carries, bytes: policies travel.
const TEXT_BYTES_MAX: usize = 4096;

const ROUND: &[Entry] = &[
    Entry::needed("name", "name = \"三天三一\""),
    Entry::needed("station", "station = \"510722\", which issues it"),
    Entry::needed("to", "to = \"tier:village@510722\""),
    Entry::needed("every", "every = 3, in days"),
    Entry::needed("first", "first = \"2026-12-01\", its first day"),
    Entry::needed("at", "at = \"09:00\", in Beijing"),
    Entry::needed("title", "title = \"矛盾纠纷排查\""),
    Entry::optional("text", "text = \"…\""),
    Entry::needed("requires", "requires = \"completed\""),
    Entry::optional("due", "due = \"2d\", counted from its hour"),
];

/// Reads all of them.
pub(super) fn read(page: &mut Page, policy: &Section) -> Vec<Round> {
    let mut rounds: Vec<Round> = Vec::new();
    for section in policy.tables(page, "round", RULES_MAX, "[[policy.round]]", ROUND) {
        let Some(round) = round(page, &section) else { continue };
        if rounds.iter().any(|other| other.name == round.name) {
            let what = format!("has the name {} of another", shown(&round.name));
            section.fault(page, Some("name"), &what, "valid is a name of its own for each");
        }
        rounds.push(round);
    }
    rounds
}

fn round(page: &mut Page, section: &Section) -> Option<Round> {
    let name = section.text(page, "name", check::name);
    let station = section.text(page, "station", check::code);
    let to = section.text(page, "to", selector);
    let every_days = section.whole(page, "every", every);
    let first = section.text(page, "first", day);
    let at_ms = section.text(page, "at", hour);
    let title = section.text(page, "title", check::name);
    let text = section.text(page, "text", text);
    let requires = section.text(page, "requires", requires);
    let due = section.text(page, "due", check::age);
    let (station, to) = (station?.it, to?.it);
    if let Ok(kind) = Kind::parse(directive::KIND)
        && let Some(over) = overreach(&station, &kind, &to)
    {
        let what = format!("sends from {station} to {}, which is not below it", over.target);
        section.fault(page, Some("to"), &what, "valid are stations within that of `station`");
    }
    Some(Round {
        name: name?.it,
        station,
        to,
        every_days: every_days?.it,
        first: first?.it,
        at_ms: at_ms?.it,
        title: title?.it,
        text: text.map(|text| text.it).unwrap_or_default(),
        requires: requires?.it,
        due: due.map(|due| due.it),
    })
}

fn selector(text: &str) -> Result<Selector, Fault> {
    Selector::parse(text).map_err(|bad| {
        Fault::new(
            format!("{} is no selector: {}", shown(text), bad.why),
            "valid is a selector as in tier:village@510722",
        )
    })
}

fn every(text: &str) -> Result<u32, Fault> {
    let days = text.parse().ok().filter(|days| (1..=EVERY_DAYS_MAX).contains(days));
    let valid = || format!("valid are days from 1 to {EVERY_DAYS_MAX}");
    days.ok_or_else(|| Fault::new(format!("{text} is out of range"), valid()))
}

fn day(text: &str) -> Result<Day, Fault> {
    let days = text.parse::<Date>().ok().and_then(|date| date.since(FIRST).ok());
    let day = days.and_then(|days| u32::try_from(days.get_days()).ok()).map(Day);
    day.ok_or_else(|| {
        Fault::new(format!("{} is no day", shown(text)), "valid is, for example, 2026-12-01")
    })
}

fn hour(text: &str) -> Result<u64, Fault> {
    let fault =
        || Fault::new(format!("{} is no hour", shown(text)), "valid is, for example, 09:00");
    let time: Time = text.parse().map_err(|_| fault())?;
    let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
    u64::try_from(minutes * 60_000).map_err(|_| fault())
}

fn text(text: &str) -> Result<String, Fault> {
    match text.len() <= TEXT_BYTES_MAX {
        true => Ok(text.to_owned()),
        false => {
            let valid = format!("valid are {TEXT_BYTES_MAX}");
            Err(Fault::new(format!("the text is {} bytes long", text.len()), valid))
        }
    }
}

fn requires(text: &str) -> Result<Requires, Fault> {
    let found = Requires::ALL.into_iter().find(|requires| requires.word() == text);
    let valid = || format!("valid are {}", Requires::ALL.map(Requires::word).join(", "));
    found.ok_or_else(|| Fault::new(format!("{} is no answer", shown(text)), valid()))
}
