//! [`Deed`]: what somebody did, or was kept from doing.
//!
//! Its texts may come from whoever attacks us: they are cut, and what could play tricks on a
//! terminal is written as an escape.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest name of who did it, in characters.
const WHO_CHARS_MAX: usize = 96;
/// Longest name of what it was done to, in characters: a message id, a path, a subject, a key.
const WHAT_CHARS_MAX: usize = 160;
/// Longest detail, in characters.
const DETAIL_CHARS_MAX: usize = 320;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

impl End {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// How many times, from which to which message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub times: u64,
    /// The first message, if these are messages.
    pub first: Option<String>,
    /// The last.
    pub last: Option<String>,
}

/// How many deeds of one sort get a line each in a window before the others become a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lines(pub(super) u32);

impl Lines {
    /// What happens seldom, or what somebody wants to see each time.
    pub(super) const EACH: Self = Self(64);
    /// Refusals: who is refused once is often refused a thousand times.
    pub(super) const FIRST: Self = Self(1);
    /// What there is far too much of for lines.
    pub(super) const NONE: Self = Self(0);
}

/// Something that somebody did, or was kept from doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub(super) event: &'static str,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) detail: String,
    pub(super) end: End,
    /// Deeds of one event, by one person, of one sort are alike.
    pub(super) sort: String,
    pub(super) lines: Lines,
    pub(super) count: Option<Count>,
    pub(super) at: Timestamp,
}

impl Deed {
    /// Something that was done.
    pub fn done(event: &'static str, who: &str) -> Self {
        Self {
            event,
            who: clean(who, WHO_CHARS_MAX),
            what: String::new(),
            detail: String::new(),
            end: End::Done,
            sort: String::new(),
            lines: Lines::EACH,
            count: None,
            at: Timestamp::now(),
        }
    }

    /// Something that was refused for a reason, which is one word.
    pub fn refused(event: &'static str, who: &str, reason: &str) -> Self {
        let (end, lines) = (End::Refused, Lines::FIRST);
        let sort = clean(reason, WHO_CHARS_MAX);
        Self { end, lines, detail: sort.clone(), sort, ..Self::done(event, who) }
    }

    /// Many that were done to messages of one sort, which become one line with those that follow.
    pub fn many(event: &'static str, who: &str, sort: &str, count: Count) -> Self {
        let (lines, count) = (Lines::NONE, Some(count));
        let sort = clean(sort, WHO_CHARS_MAX);
        Self { lines, count, what: sort.clone(), sort, ..Self::done(event, who) }
    }

    /// To what: a message, a path, a file, a key.
    pub fn to(self, what: &str) -> Self {
        Self { what: clean(what, WHAT_CHARS_MAX), ..self }
    }

    /// In words; after a refusal's reason.
    pub fn detail(self, words: &str) -> Self {
        let words = clean(words, DETAIL_CHARS_MAX);
        let detail = match self.detail.is_empty() {
            true => words,
            false if words.is_empty() => self.detail,
            false => format!("{}: {words}", self.detail),
        };
        Self { detail, ..self }
    }

    /// The sort of it, where not every deed of this event is like every other.
    pub fn of_sort(self, sort: &str) -> Self {
        Self { sort: clean(sort, WHO_CHARS_MAX), ..self }
    }

    /// How many deeds this stands for.
    pub(super) fn times(&self) -> u64 {
        self.count.as_ref().map_or(1, |count| count.times)
    }
}

/// A text cut to so many characters, in which nothing is left that a terminal obeys: control
/// characters, and those that turn the direction of writing or cannot be seen.
pub fn clean(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max.saturating_mul(4)));
    for (at, c) in text.chars().enumerate() {
        if at == chars_max {
            out.push('…');
            break;
        }
        let tricky = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match c.is_control() || tricky {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_long_texts_are_cut() {
        assert_eq!(clean("三台县 a\"b", 20), "三台县 a\"b");
        assert_eq!(
            clean("\x1b[31m\n\u{202e}x\0\u{7f}", 20),
            "\\u{1b}[31m\\u{a}\\u{202e}x\\u{0}\\u{7f}"
        );
        assert_eq!(clean("汛情汛情", 2), "汛情…");
        let deed = Deed::refused("http_refused", &"x".repeat(999), "unauthorized")
            .to(&"/".repeat(999))
            .detail(&"y".repeat(999));
        assert_eq!(deed.who.chars().count(), WHO_CHARS_MAX + 1);
        assert_eq!(deed.what.chars().count(), WHAT_CHARS_MAX + 1);
        assert!(deed.detail.starts_with("unauthorized: yyy"));
    }
}
