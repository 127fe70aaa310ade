//! [`Application`]: a program at a station that has a name, a key and rights of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use yizhan_schemas::Code;

/// What an application may do on its station's bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Hand in messages.
    Publisher,
    /// Read the inbox, and answer what is in it.
    Subscriber,
    /// Carry out commands for devices.
    Adapter,
}

impl Right {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Publisher, Self::Subscriber, Self::Adapter];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Subscriber => "subscriber",
            Self::Adapter => "adapter",
        }
    }
}

/// A program at a station, as the file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Application {
    /// The station on whose bus it lives.
    pub station: Code,
    /// What it is called there; no other application of that station has the name.
    pub name: String,
    /// What it may do; in order, each once, at least one.
    pub rights: Vec<Right>,
    /// Its public nkeys; the first is the current one.
    pub keys: Vec<String>,
}

/// A key that must not be believed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The public nkey.
    pub key: String,
    /// Since when, RFC 3339 with an offset; for people, since nobody's clock decides.
    pub at: String,
    /// Why, for people.
    pub why: String,
}

/// Whoever has keys in the file: a station (`510722.101`), or an application of one
/// (`grid-app@510722.101`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The station.
    pub station: Code,
    /// The application, if it is one.
    pub application: Option<String>,
}

impl From<Code> for Holder {
    fn from(station: Code) -> Self {
        Self { station, application: None }
    }
}

impl Application {
    /// Whose keys these are.
    pub fn holder(&self) -> Holder {
        Holder { station: self.station.clone(), application: Some(self.name.clone()) }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.application {
            Some(name) => write!(f, "{name}@{}", self.station),
            None => write!(f, "{}", self.station),
        }
    }
}

impl FromStr for Holder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, code) = match text.rsplit_once('@') {
            Some((name, code)) => (Some(name.to_owned()), code),
            None => (None, text),
        };
        let station = Code::parse(code).map_err(|fault| {
            format!("{fault}; valid is a code such as 510722.101, or NAME@CODE for an application")
        })?;
        Ok(Self { station, application: name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_read_back_as_themselves() {
        for text in ["510722.101", "grid-app@510722.101"] {
            assert_eq!(text.parse::<Holder>().unwrap().to_string(), text);
        }
        assert!("grid-app@".parse::<Holder>().unwrap_err().contains("NAME@CODE"));
    }
}
