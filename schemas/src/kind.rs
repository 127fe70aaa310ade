//! [`Kind`]: what a message is about, `<family>.<name>`, as in `incident.report`.
//!
//! Stations forward kinds that they have never heard of; only the origin checks the family against
//! its policy and, for kinds with a published schema, the payload.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::{read_from_text, write_as_text};

/// Longest family or name, in characters.
pub const PART_CHARS_MAX: usize = 32;

/// A family and a name, each `[a-z][a-z0-9-]*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Arc<str>);

/// The kinds that this version knows by name.
pub const KNOWN: [&str; 17] = [
    "incident.report",
    "incident.update",
    "incident.card",
    "directive.issue",
    "directive.reminder",
    "directive.overdue",
    "broadcast.issue",
    "video.dispatch",
    "case.open",
    "case.attempt",
    "case.apply",
    "case.accept",
    "case.return",
    "case.close",
    "case.evaluate",
    "stats.digest",
    "policy.set",
];

/// Why a text is not a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind; valid is <family>.<name> in lower case, as in incident.report")]
pub struct BadKind(
    /// The text that was given, cut to 80 characters.
    pub String,
);

impl Kind {
    /// Reads a kind from its text.
    pub fn parse(text: &str) -> Result<Self, BadKind> {
        let good = text.split_once('.').is_some_and(|(family, name)| part(family) && part(name));
        if good { Ok(Self(Arc::from(text))) } else { Err(BadKind(text.chars().take(80).collect())) }
    }

    /// The text, as in subjects.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the dot.
    pub fn family(&self) -> &str {
        self.0.split_once('.').map_or("", |(family, _)| family)
    }

    /// The part after the dot.
    pub fn name(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, name)| name)
    }

    /// True for receipts, and for the counts and spans that stations send up: internal, in no
    /// inbox, and not for publishers.
    pub fn is_internal(&self) -> bool {
        use crate::payload::{spans, stats};
        // asked of every record several times: no search for the dot
        self.0.starts_with("receipt.") || [stats::KIND, spans::KIND].contains(&self.as_str())
    }

    /// True for what stations themselves say to people: not for publishers either.
    pub fn is_for_stations(&self) -> bool {
        use crate::payload::{directive::reminder, incident::card};
        [card::KIND, reminder::KIND, reminder::OVERDUE_KIND].contains(&self.as_str())
    }

    /// True if messages of this kind go to an adapter at their targets, not into the inbox.
    pub fn is_for_adapter(&self) -> bool {
        self.family() == "video"
    }

    /// True if messages of this kind go to the loudspeakers at their targets, where some hang, and
    /// into the inbox elsewhere.
    pub fn is_for_loudspeakers(&self) -> bool {
        self.as_str() == crate::payload::broadcast::KIND
    }

    /// True if `pattern` is this kind, `<family>.*` of its family, or `*`.
    pub fn matches(&self, pattern: &str) -> bool {
        pattern == "*" || pattern == &*self.0 || pattern.strip_suffix(".*") == Some(self.family())
    }
}

fn part(text: &str) -> bool {
    text.len() <= PART_CHARS_MAX
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

read_from_text!(Kind);
write_as_text!(Kind);

impl FromStr for Kind {
    type Err = BadKind;
    fn from_str(text: &str) -> Result<Self, BadKind> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Kind {
    type Error = BadKind;
    fn try_from(text: String) -> Result<Self, BadKind> {
        Self::parse(&text)
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.0.as_ref().to_owned()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_kind_parses_and_patterns_match_by_family() {
        for text in KNOWN {
            assert_eq!(Kind::parse(text).unwrap().as_str(), text);
        }
        let report = Kind::parse("incident.report").unwrap();
        assert_eq!((report.family(), report.name()), ("incident", "report"));
        assert!(report.matches("incident.*") && report.matches("*"));
        assert!(!report.matches("incident.update") && !report.matches("case.*"));
    }

    #[test]
    fn what_is_not_a_kind_is_refused() {
        for text in ["", "incident", "Incident.report", "incident.", "a.b.c", "1a.b", "a b.c"] {
            assert!(Kind::parse(text).is_err(), "{text}");
        }
    }
}
