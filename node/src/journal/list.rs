//! Searching: `GET /v1/messages`.

use jiff::Timestamp;
use yizhan_schemas::reply::Grade;
use yizhan_schemas::status::MessageStatus;
use yizhan_schemas::{Code, Kind, Outcome};

use super::Journal;
use super::page::Page;

/// Messages on one page of a list.
const LISTED_MAX: usize = 100;
/// Most messages that one list goes through.
const LOOK_MAX: u64 = 5_000;

/// What is looked for; what is left out fits all.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// From this station.
    pub origin: Option<Code>,
    /// Taken here at this time or later.
    pub since: Option<Timestamp>,
    /// In this state.
    pub state: Option<State>,
    /// Taken before the one with this ordinal: as an earlier list said.
    pub before: Option<u64>,
}

/// A state to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Some target has no outcome yet.
    Open,
    /// This far, and no further.
    Grade(Grade),
    /// It ended so at some target.
    Ended(Outcome),
}

/// Why a query is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("query {name}: {why}")]
pub struct BadQuery {
    name: &'static str,
    why: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Listing {
    /// Messages, the last taken first; their trails are left out.
    pub messages: Vec<MessageStatus>,
    /// Where to go on; none at the end. There may be more, also where no message was found yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Query {
    /// Reads the members of a query string.
    ///
    /// # Errors
    /// Which one is wrong, and what would be valid.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadQuery> {
        let bad = |name: &'static str| move |why: String| BadQuery { name, why };
        let read = |name: &str| get(name).filter(|text| !text.is_empty());
        let kind = read("kind").map(|text| Kind::parse(&text)).transpose();
        let origin = read("origin").map(|text| Code::parse(&text)).transpose();
        let since = read("since").map(|text| text.parse::<Timestamp>()).transpose();
        let before = read("cursor").map(|text| text.parse::<u64>()).transpose();
        Ok(Self {
            kind: kind.map_err(|fault| fault.to_string()).map_err(bad("kind"))?,
            origin: origin.map_err(|fault| fault.to_string()).map_err(bad("origin"))?,
            since: since
                .map_err(|_| {
                    "valid is RFC 3339 with offset, as 2026-11-23T08:30:00+08:00".to_owned()
                })
                .map_err(bad("since"))?,
            state: read("state")
                .map(|text| State::read(&text))
                .transpose()
                .map_err(bad("state"))?,
            before: before
                .map_err(|_| "valid is the cursor of an earlier answer".to_owned())
                .map_err(bad("cursor"))?,
        })
    }

    fn fits(&self, page: &Page) -> bool {
        let status = page.peek();
        self.kind.as_ref().is_none_or(|kind| status.kind == *kind)
            && self.origin.as_ref().is_none_or(|origin| status.origin == *origin)
            && self.since.is_none_or(|since| page.taken_since(since))
            && self.state.is_none_or(|state| state.fits(status))
    }
}

impl State {
    fn read(text: &str) -> Result<Self, String> {
        let grades = [
            ("accepted", Grade::Accepted),
            ("relayed", Grade::Relayed),
            ("delivered", Grade::Delivered),
        ];
        let grade = grades.into_iter().find(|(word, _)| *word == text);
        let grade = grade.map(|(_, grade)| Self::Grade(grade));
        let ended = Outcome::ALL.into_iter().find(|outcome| outcome.word() == text);
        let open = (text == "open").then_some(Self::Open);
        open.or(grade).or(ended.map(Self::Ended)).ok_or_else(|| {
            "valid are open, accepted, relayed, delivered, expired, rejected, superseded, \
             cancelled and dead-lettered"
                .to_owned()
        })
    }

    fn fits(self, status: &MessageStatus) -> bool {
        let outcomes = || status.targets.iter().map(|target| target.outcome.as_deref());
        match self {
            Self::Open => outcomes().any(|outcome| outcome.is_none()),
            Self::Grade(grade) => status.grade == grade,
            Self::Ended(wanted) => outcomes().any(|outcome| outcome == Some(wanted.word())),
        }
    }
}

impl Journal {
    /// Searches memory and index; may read the disk.
    pub(super) fn search(&self, query: &Query) -> Listing {
        let before = query.before.unwrap_or(u64::MAX);
        let mut found = Found { query, pages: Vec::new(), last: None };
        let mut looked_at = 0;
        let more = self.walk(before, &mut |page| {
            looked_at += page.count();
            found.take(page, before) && looked_at < LOOK_MAX
        });
        let cursor = found.last.filter(|_| more);
        Listing { messages: found.pages, cursor: cursor.map(|ordinal| ordinal.to_string()) }
    }
}

/// Messages found so far.
struct Found<'a> {
    query: &'a Query,
    pages: Vec<MessageStatus>,
    /// The ordinal of the last one looked at.
    last: Option<u64>,
}

impl Found<'_> {
    /// Takes the messages of a page that fits, the last one first, as far as they were taken
    /// before this ordinal; `false` once the list is full.
    fn take(&mut self, page: &Page, before: u64) -> bool {
        let fits = self.query.fits(page);
        let older = before.saturating_sub(page.ordinal()).min(page.count());
        for at in (0..older).rev() {
            if fits {
                let mut status = page.status(page.first().sequence.saturating_add(at));
                status.trail.clear();
                self.pages.push(status);
            }
            self.last = Some(page.ordinal().saturating_add(at));
            if self.pages.len() >= LISTED_MAX {
                return false;
            }
        }
        true
    }
}
