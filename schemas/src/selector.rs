//! [`Selector`]: whom a message is for.
//!
//! | text | whom |
//! |---|---|
//! | `up` | the handling tier by policy; the root where no policy speaks |
//! | `up:510722` | that station above |
//! | `510722.101` | that station |
//! | `510722.101.*` | its children |
//! | `510722.101.>` | its subtree, itself included |
//! | `tier:village@510722` | every station of that tier in the subtree |
//! | `tag:flood-prone@510722` | every station with that tag in the subtree |
//! | `role:综治委员@510722.101.002` | who holds that post at that station |
//! | `worker:gw-0007@510722.101.002` | that grid worker of that station |
//!
//! A message for a post or a worker goes to the station; who that is, its roster says there.
//! Several are joined by commas. Which stations that means is for a topology to say.

use std::fmt;
use std::str::FromStr;

use crate::Code;
use crate::text::{read_from_text, write_as_displayed};

/// Most targets in one selector.
pub const TARGETS_MAX: usize = 64;
/// Longest name of a tier, tag or post, and longest id of a worker, in bytes.
pub const WORD_BYTES_MAX: usize = 64;

/// One part of a selector.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `up`
    Up,
    /// `up:<code>`
    UpTo(Code),
    /// `<code>`
    One(Code),
    /// `<code>.*`
    Children(Code),
    /// `<code>.>`
    Subtree(Code),
    /// `tier:<name>@<code>`
    Tier(String, Code),
    /// `tag:<name>@<code>`
    Tag(String, Code),
    /// `role:<post>@<code>`
    Role(String, Code),
    /// `worker:<id>@<code>`
    Worker(String, Code),
}

/// One or more targets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Selector(Vec<Target>);

/// Why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a selector: {why}; valid are up, up:<code>, <code>, <code>.*, <code>.>, \
     tier:<name>@<code>, tag:<name>@<code>, role:<post>@<code>, worker:<id>@<code>, several joined \
     by commas"
)]
pub struct BadSelector {
    /// The part that is wrong, cut to 80 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// A form with a name before the code.
type Named = fn(String, Code) -> Target;

/// All of them.
const NAMED: [(&str, Named); 4] = [
    ("tier:", Target::Tier),
    ("tag:", Target::Tag),
    ("role:", Target::Role),
    ("worker:", Target::Worker),
];

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        let code = |text: &str| Code::parse(text).map_err(|fault| fault.why.to_owned());
        if text == "up" {
            return Ok(Self::Up);
        }
        if let Some(rest) = text.strip_prefix("up:") {
            return code(rest).map(Self::UpTo);
        }
        for (prefix, target) in NAMED {
            if let Some(rest) = text.strip_prefix(prefix) {
                return named(rest).map(|(word, code)| target(word, code));
            }
        }
        if let Some(rest) = text.strip_suffix(".*") {
            return code(rest).map(Self::Children);
        }
        if let Some(rest) = text.strip_suffix(".>") {
            return code(rest).map(Self::Subtree);
        }
        code(text).map(Self::One)
    }

    /// The code that the target names; `None` for `up`.
    pub fn code(&self) -> Option<&Code> {
        match self {
            Self::Up => None,
            Self::UpTo(code) | Self::One(code) | Self::Children(code) | Self::Subtree(code) => {
                Some(code)
            }
            Self::Tier(_, code)
            | Self::Tag(_, code)
            | Self::Role(_, code)
            | Self::Worker(_, code) => Some(code),
        }
    }

    /// True if it means somebody at a station, and not the station.
    pub fn is_somebody(&self) -> bool {
        matches!(self, Self::Role(..) | Self::Worker(..))
    }
}

fn named(text: &str) -> Result<(String, Code), String> {
    let (word, code) = text.split_once('@').ok_or("what has a name needs `@<code>` behind it")?;
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == ',';
    if word.is_empty() || word.len() > WORD_BYTES_MAX || word.contains(odd) {
        return Err("a name is 1 to 64 bytes without spaces and commas".to_owned());
    }
    let code = Code::parse(code).map_err(|fault| fault.why.to_owned())?;
    Ok((word.to_owned(), code))
}

impl Selector {
    /// Reads a selector from its text; spaces around commas are allowed.
    pub fn parse(text: &str) -> Result<Self, BadSelector> {
        // most have one part, and every message has a selector
        let mut targets = Vec::with_capacity(1);
        for part in text.split(',') {
            let part = part.trim();
            let fault = |why: String| BadSelector { text: part.chars().take(80).collect(), why };
            targets.push(Target::parse(part).map_err(fault)?);
            if targets.len() > TARGETS_MAX {
                return Err(fault(format!("there are more than {TARGETS_MAX} targets")));
            }
        }
        Ok(Self(targets))
    }

    /// The selector `up`.
    pub fn up() -> Self {
        Self(vec![Target::Up])
    }

    /// A selector of these targets.
    pub fn of_targets(targets: Vec<Target>) -> Self {
        Self(targets)
    }

    /// A selector of these stations.
    pub fn of(codes: impl IntoIterator<Item = Code>) -> Self {
        Self(codes.into_iter().map(Target::One).collect())
    }

    /// Its parts.
    pub fn targets(&self) -> &[Target] {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::UpTo(code) => write!(f, "up:{code}"),
            Self::One(code) => write!(f, "{code}"),
            Self::Children(code) => write!(f, "{code}.*"),
            Self::Subtree(code) => write!(f, "{code}.>"),
            Self::Tier(word, code) => write!(f, "tier:{word}@{code}"),
            Self::Tag(word, code) => write!(f, "tag:{word}@{code}"),
            Self::Role(post, code) => write!(f, "role:{post}@{code}"),
            Self::Worker(id, code) => write!(f, "worker:{id}@{code}"),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, target) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write!(f, "{target}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

read_from_text!(Selector);
write_as_displayed!(Selector);

impl FromStr for Selector {
    type Err = BadSelector;
    fn from_str(text: &str) -> Result<Self, BadSelector> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Selector {
    type Error = BadSelector;
    fn try_from(text: String) -> Result<Self, BadSelector> {
        Self::parse(&text)
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back_as_itself() {
        for text in [
            "up",
            "up:510722",
            "510722.101",
            "510722.*",
            "510722.>",
            "tier:village@510722.101",
            "tag:flood-prone@510722",
            "510722.101.>,tag:山洪@510722",
            "role:综治委员@510722.101.002,worker:gw-0007@510722.101.002",
        ] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Selector::parse("a, b").unwrap().to_string(), "a,b");
    }

    #[test]
    fn a_bad_part_is_named_with_its_fault() {
        let fault = Selector::parse("510722,tag:flood").unwrap_err();
        assert_eq!(
            (fault.text.as_str(), fault.why.as_str()),
            ("tag:flood", "what has a name needs `@<code>` behind it")
        );
        for text in
            ["", ",", "510722.>.1", "up:", "tier:@510722", "tag:a b@510722", "role:@1", "*", ">"]
        {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
        assert!(Selector::parse(&vec!["a"; 65].join(",")).is_err());
    }
}
