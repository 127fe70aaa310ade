//! [`Wait`]: what a publisher waits for before it hears an answer (`Yz-Wait`).
//!
//! `accepted` (the default), `relayed:<code>` or `delivered`, and behind a semicolon how long, as
//! in `delivered;30s`.

use std::str::FromStr;
use std::time::Duration;

use yizhan_schemas::Code;

/// How long is waited if nothing is said.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(10);
/// Longest wait: each one holds a task and, over HTTP, a connection.
pub const WAIT_MAX: Duration = Duration::from_secs(300);

/// How far a message shall have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// On this station's disk.
    Accepted,
    /// On the disk of that station.
    Relayed(Code),
    /// In every inbox that it is for.
    Delivered,
}

/// A goal, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// How far.
    pub goal: Goal,
    /// How long, from the moment of acceptance on.
    pub within: Duration,
}

impl Wait {
    /// No wait beyond acceptance.
    pub const ACCEPTED: Self = Self { goal: Goal::Accepted, within: WAIT_DEFAULT };
}

/// Why a text is not a wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a wait: {why}; valid are accepted, relayed:<code> and delivered, each with an \
     optional time of at most 300s behind it, as in delivered;30s"
)]
pub struct BadWait {
    /// The text that was given, cut to 80 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl FromStr for Wait {
    type Err = BadWait;
    fn from_str(text: &str) -> Result<Self, BadWait> {
        let fault = |why: String| BadWait { text: text.chars().take(80).collect(), why };
        let (goal, within) = match text.split_once(';') {
            Some((goal, within)) => (goal, Some(within.trim())),
            None => (text, None),
        };
        let goal = match goal.trim() {
            "accepted" => Goal::Accepted,
            "delivered" => Goal::Delivered,
            other => {
                let code = other.strip_prefix("relayed:");
                let code = code.ok_or_else(|| fault("there is no such grade".to_owned()))?;
                let code = Code::parse(code);
                Goal::Relayed(code.map_err(|bad| fault(bad.why.to_owned()))?)
            }
        };
        let within = match within {
            None => WAIT_DEFAULT,
            Some(time) => humantime::parse_duration(time).map_err(|bad| fault(bad.to_string()))?,
        };
        if within > WAIT_MAX {
            return Err(fault("that is too long".to_owned()));
        }
        Ok(Self { goal, within })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_wait_is_read() {
        let code = Code::parse("510722.101").unwrap();
        for (text, goal, secs) in [
            ("accepted", Goal::Accepted, 10),
            ("delivered", Goal::Delivered, 10),
            ("delivered;30s", Goal::Delivered, 30),
            ("relayed:510722.101", Goal::Relayed(code.clone()), 10),
            (" relayed:510722.101 ; 1m 30s", Goal::Relayed(code), 90),
        ] {
            let within = Duration::from_secs(secs);
            assert_eq!(text.parse(), Ok(Wait { goal, within }), "{text}");
        }
    }

    #[test]
    fn a_bad_wait_says_what_is_wrong() {
        for (text, why) in [
            ("", "there is no such grade"),
            ("seen", "there is no such grade"),
            ("relayed", "there is no such grade"),
            ("relayed:", "it is empty"),
            ("delivered;301s", "that is too long"),
            ("delivered;10", "time unit needed, for example 10sec or 10ms"),
            ("delivered;", "value was empty"),
        ] {
            assert_eq!(text.parse::<Wait>().unwrap_err().why, why, "{text}");
        }
    }
}
