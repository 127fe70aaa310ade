//! [`Code`]: the place of a station in the administrative tree, `510722.101.002`.
//!
//! A code is one to eight tokens joined by dots; each token is `[0-9A-Za-z_-]{1,32}`. The parent
//! is the code less its last token, so no look-up is ever needed. The 12-digit statistical code
//! 510722101002 is written 6-3-3. `up` is reserved (it is a selector).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::{read_from_text, write_as_text};

/// Most tokens a code may have.
pub const TOKENS_MAX: usize = 8;
/// Longest token, in characters.
pub const TOKEN_CHARS_MAX: usize = 32;

/// A station's place. Cheap to clone; ordered by text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(Arc<str>);

/// Why a text is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a station code: {why}; valid is 1 to 8 tokens of letters, digits, `_` or `-` \
     joined by dots, as in 510722.101.002"
)]
pub struct BadCode {
    /// The text that was given, cut to 80 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Code {
    /// Reads a code from its text.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        match fault(text) {
            None => Ok(Self(Arc::from(text))),
            Some(why) => Err(BadCode { text: text.chars().take(80).collect(), why }),
        }
    }

    /// The text, as in subjects and files.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Number of tokens: 1 for a root such as `510722`.
    pub fn tokens(&self) -> usize {
        self.0.split('.').count()
    }

    /// The code less its last token; `None` for a single token.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('.').map(|(parent, _)| Self(Arc::from(parent)))
    }

    /// True if `self` is strictly above `other`.
    pub fn is_above(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with('.'))
    }

    /// True if `self` is `top` or below it.
    pub fn is_within(&self, top: &Self) -> bool {
        self == top || top.is_above(self)
    }

    /// The child of `self` on the way to `below`; `None` if `below` is not strictly below.
    pub fn child_towards(&self, below: &Self) -> Option<Self> {
        if !self.is_above(below) {
            return None;
        }
        let start = self.0.len() + 1;
        let token = below.0.get(start..)?.split('.').next()?;
        below.0.get(..start + token.len()).map(|text| Self(Arc::from(text)))
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text == "up" {
        return Some("`up` is reserved");
    }
    let mut tokens = 0;
    for token in text.split('.') {
        tokens += 1;
        if token.is_empty() {
            return Some("it has an empty token");
        }
        if token.len() > TOKEN_CHARS_MAX {
            return Some("a token is longer than 32 characters");
        }
        if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Some("a token has a character other than letters, digits, `_` and `-`");
        }
    }
    (tokens > TOKENS_MAX).then_some("it has more than 8 tokens")
}

read_from_text!(Code);
write_as_text!(Code);

impl FromStr for Code {
    type Err = BadCode;
    fn from_str(text: &str) -> Result<Self, BadCode> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Code {
    type Error = BadCode;
    fn try_from(text: String) -> Result<Self, BadCode> {
        Self::parse(&text)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0.as_ref().to_owned()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_relations_follow_from_the_text_alone() {
        let county = Code::parse("510722").unwrap();
        let village = Code::parse("510722.101.002").unwrap();
        assert_eq!(village.parent().unwrap().as_str(), "510722.101");
        assert!(county.is_above(&village) && !county.is_above(&county));
        assert!(village.is_within(&county) && county.is_within(&county));
        assert!(!Code::parse("510722.10").unwrap().is_above(&village));
        assert_eq!(county.child_towards(&village).unwrap().as_str(), "510722.101");
        assert_eq!(county.child_towards(&county), None);
    }

    #[test]
    fn bad_codes_say_what_is_wrong() {
        for (text, why) in [
            ("", "it is empty"),
            ("up", "`up` is reserved"),
            ("510722..1", "it has an empty token"),
            ("510722.*", "a token has a character other than letters, digits, `_` and `-`"),
            ("三台", "a token has a character other than letters, digits, `_` and `-`"),
            ("1.2.3.4.5.6.7.8.9", "it has more than 8 tokens"),
        ] {
            assert_eq!(Code::parse(text).unwrap_err().why, why, "{text}");
        }
    }
}
