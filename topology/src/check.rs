//! What a value of the file must be, each said once.
//!
//! Promise: a [`Fault`] names what is wrong with the value and what would be valid; limits have
//! names. How the stations hang together is checked in [`tree`].

mod address;
mod people;
pub(crate) mod tree;

use std::time::Duration;

use yizhan_schemas::kind::PART_CHARS_MAX;
use yizhan_schemas::selector::{Target, WORD_BYTES_MAX};
use yizhan_schemas::{Code, Kind, Lane, Selector};

use crate::problem::{Fault, invisible, shown};

pub(crate) use address::{bus, http};
pub use people::APPLICATION_BYTES_MAX;
pub(crate) use people::{RIGHTS_MAX, application, moment, right};

/// Most stations in one file; the county with the most villages has 1,526.
pub const STATIONS_MAX: usize = 100_000;
/// Longest name of a county or station, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Most applications, and most revoked keys, in one file.
pub const APPLICATIONS_MAX: usize = 100_000;
/// Most tags on one station.
pub const TAGS_MAX: usize = 64;
/// Most codes that one station had before.
pub(crate) const FORMERLY_MAX: usize = 16;
/// Most public keys of one station; old ones are kept while messages that they signed are about.
pub const KEYS_MAX: usize = 16;
/// Most rules of one sort in the policy; they are gone through for every message taken in.
pub const RULES_MAX: usize = 256;
/// Most attempts that a ladder may ask for on one tier.
pub const ATTEMPTS_MAX: u32 = 100;
/// Longest time that a ladder may ask for on one tier: ten years.
pub const MAX_AGE_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);

/// How bad an incident can be, worst first; `yizhan_schemas` has the same list as a type.
pub(crate) const SEVERITIES: [&str; 4] = ["critical", "major", "significant", "general"];

pub(crate) fn code(text: &str) -> Result<Code, Fault> {
    let valid = "valid is 1 to 8 tokens of letters, digits, `_` or `-` joined by dots, \
                 as in 510722.101.002";
    Code::parse(text)
        .map_err(|fault| Fault::new(format!("{} is not a code: {}", shown(text), fault.why), valid))
}

pub(crate) fn name(text: &str) -> Result<String, Fault> {
    let valid = || format!("valid is 1 to {NAME_CHARS_MAX} visible characters");
    if text.trim().is_empty() {
        return Err(Fault::new("the name is empty", valid()));
    }
    if text.chars().any(invisible) {
        let what = format!("the name {} has a control character", shown(text));
        return Err(Fault::new(what, valid()));
    }
    let chars = text.chars().count();
    if chars > NAME_CHARS_MAX {
        return Err(Fault::new(format!("the name has {chars} characters"), valid()));
    }
    Ok(text.to_owned())
}

pub(crate) fn key(text: &str) -> Result<String, Fault> {
    let base32 = text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    if base32 && text.len() == 56 && text.starts_with('U') {
        return Ok(text.to_owned());
    }
    // a seed is a secret and must not be repeated in a log
    let secret = text.starts_with('S');
    let said = if secret { "this secret seed".to_owned() } else { shown(text) };
    let valid = "valid is a public user key, 56 characters of A to Z and 2 to 7, the first a U";
    Err(Fault::new(format!("{said} is not a public key"), valid))
}

/// A tag: whatever can stand in `tag:<word>@<code>`.
pub(crate) fn tag(text: &str) -> Result<String, Fault> {
    let asked = Selector::parse(&format!("tag:{text}@0"));
    let whole =
        |selector: &Selector| matches!(selector.targets(), [Target::Tag(word, _)] if word == text);
    if asked.is_ok_and(|selector| whole(&selector)) {
        return Ok(text.to_owned());
    }
    let valid = format!("valid is 1 to {WORD_BYTES_MAX} bytes without spaces, commas and @");
    Err(Fault::new(format!("{} cannot be asked for in a selector", shown(text)), valid))
}

/// A tier's name: like a tag, and not to be taken for a depth.
pub(crate) fn tier(text: &str) -> Result<String, Fault> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let what = format!("{} would be read as a depth", shown(text));
        return Err(Fault::new(what, "valid is a word, as in township"));
    }
    tag(text)
}

pub(crate) fn family(text: &str) -> Result<String, Fault> {
    if Kind::parse(&format!("{text}.x")).is_ok() && !text.contains('.') {
        return Ok(text.to_owned());
    }
    let valid = format!(
        "valid is a letter, then letters, digits or `-`, all lower case, at most {PART_CHARS_MAX}, \
         as in incident"
    );
    Err(Fault::new(format!("{} is not a family", shown(text)), valid))
}

/// What a rule speaks for: a kind, `<family>.*` or `*`.
pub(crate) fn pattern(text: &str) -> Result<String, Fault> {
    let of_family = text.strip_suffix(".*").is_some_and(|text| family(text).is_ok());
    if text == "*" || of_family || Kind::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let valid = "valid is a kind such as incident.report, a family such as incident.*, or *";
    Err(Fault::new(format!("{} is not a kind pattern", shown(text)), valid))
}

pub(crate) fn severity(text: &str) -> Result<String, Fault> {
    if SEVERITIES.contains(&text) {
        return Ok(text.to_owned());
    }
    let valid = format!("valid are {}", SEVERITIES.join(", "));
    Err(Fault::new(format!("{} is not a severity", shown(text)), valid))
}

pub(crate) fn lane(text: &str) -> Result<Lane, Fault> {
    let valid = || format!("valid are {}", Lane::ALL.map(Lane::word).join(", "));
    let fault = |_| Fault::new(format!("{} is not a precedence", shown(text)), valid());
    text.parse().map_err(fault)
}

pub(crate) fn age(text: &str) -> Result<Duration, Fault> {
    let valid = "valid is a time from 1s to 3650d with its unit, as in 72h or 3d";
    match humantime::parse_duration(text) {
        Ok(age) if age >= Duration::from_secs(1) && age <= MAX_AGE_MAX => Ok(age),
        Ok(_) => Err(Fault::new(format!("{} is out of range", shown(text)), valid)),
        Err(_) => Err(Fault::new(format!("{} is not a length of time", shown(text)), valid)),
    }
}

pub(crate) fn version(text: &str) -> Result<u64, Fault> {
    let version = text.parse().ok().filter(|n| *n > 0);
    version.ok_or_else(|| Fault::new(format!("{text} is out of range"), "valid is 1 or more"))
}

pub(crate) fn attempts(text: &str) -> Result<u32, Fault> {
    let attempts = text.parse().ok().filter(|n| (1..=ATTEMPTS_MAX).contains(n));
    let valid = || format!("valid is 1 to {ATTEMPTS_MAX}");
    attempts.ok_or_else(|| Fault::new(format!("{text} is out of range"), valid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_those_of_the_incident_report() {
        use serde::Deserialize;
        use serde::de::IntoDeserializer;
        use serde::de::value::{Error, StrDeserializer};
        use yizhan_schemas::payload::incident::Severity;
        let read = |word: &'static str| {
            let word: StrDeserializer<Error> = word.into_deserializer();
            Severity::deserialize(word)
        };
        let levels: Vec<Severity> = SEVERITIES.map(|word| read(word).unwrap()).into();
        assert_eq!(
            levels,
            [Severity::Critical, Severity::Major, Severity::Significant, Severity::General]
        );
    }

    #[test]
    fn good_values_pass() {
        for text in ["nats://10.72.0.1:4222", "tls://hub.santai.example:1", "nats://[::1]:65535"] {
            assert!(bus(text).is_ok(), "{text}");
        }
        for text in ["510722", "510722.101.002", "a_b-C.9"] {
            assert!(code(text).is_ok(), "{text}");
        }
        for text in ["*", "incident.*", "incident.report", "x-1.y"] {
            assert!(pattern(text).is_ok(), "{text}");
        }
        for text in ["flood-prone", "山洪", "a:b"] {
            assert!(tag(text).is_ok(), "{text}");
        }
        for text in ["1s", "72h", "3d 4h", "3650d"] {
            assert!(age(text).is_ok(), "{text}");
        }
        assert!(http("[fd00::1]:80").is_ok() && http("localhost:8080").is_ok());
    }

    #[test]
    fn what_a_selector_could_not_ask_for_is_no_tag() {
        for text in ["", "a b", "a,b", "a@b", "\u{3000}", "a\n", &"镇".repeat(22)] {
            assert!(tag(text).is_err(), "{text:?}");
        }
        assert!(tier("0").is_err() && tier("tier0").is_ok());
    }
}
