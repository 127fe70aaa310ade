//! [`Lane`]: how urgent a message is. Flash 特提, immediate 特急, priority 加急, routine 平急.
//!
//! Every link has these four lanes; order inside a lane is kept, and a more urgent lane overtakes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A precedence and, on every link, the lane of that precedence. Ordered most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// 特提: overtakes everything.
    #[serde(rename = "f")]
    Flash,
    /// 特急.
    #[serde(rename = "i")]
    Immediate,
    /// 加急.
    #[serde(rename = "p")]
    Priority,
    /// 平急: the default.
    #[serde(rename = "r")]
    Routine,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 4] = [Self::Flash, Self::Immediate, Self::Priority, Self::Routine];

    /// The letter that stands for the lane in message ids.
    pub fn letter(self) -> char {
        match self {
            Self::Flash => 'f',
            Self::Immediate => 'i',
            Self::Priority => 'p',
            Self::Routine => 'r',
        }
    }

    /// The lane of a letter.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.letter() == letter)
    }

    /// The word used in headers: `flash`, `immediate`, `priority`, `routine`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Flash => "flash",
            Self::Immediate => "immediate",
            Self::Priority => "priority",
            Self::Routine => "routine",
        }
    }

    /// The word that officials use.
    pub fn word_zh(self) -> &'static str {
        match self {
            Self::Flash => "特提",
            Self::Immediate => "特急",
            Self::Priority => "加急",
            Self::Routine => "平急",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a text is not a precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a precedence; valid are flash, immediate, priority and routine")]
pub struct BadPrecedence(
    /// The text that was given, cut to 40 characters.
    pub String,
);

impl FromStr for Lane {
    type Err = BadPrecedence;
    fn from_str(text: &str) -> Result<Self, BadPrecedence> {
        Self::ALL
            .into_iter()
            .find(|lane| lane.word() == text || lane.word_zh() == text)
            .ok_or_else(|| BadPrecedence(text.chars().take(40).collect()))
    }
}

/// One value for each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerLane<T>(
    /// Flash, immediate, priority, routine.
    pub [T; 4],
);

impl<T> PerLane<T> {
    /// The value of one lane.
    pub fn get(&self, lane: Lane) -> &T {
        let [f, i, p, r] = &self.0;
        match lane {
            Lane::Flash => f,
            Lane::Immediate => i,
            Lane::Priority => p,
            Lane::Routine => r,
        }
    }

    /// The value of one lane, to change.
    pub fn get_mut(&mut self, lane: Lane) -> &mut T {
        let [f, i, p, r] = &mut self.0;
        match lane {
            Lane::Flash => f,
            Lane::Immediate => i,
            Lane::Priority => p,
            Lane::Routine => r,
        }
    }

    /// One value made for each lane.
    pub fn from_fn(mut make: impl FnMut(Lane) -> T) -> Self {
        Self(Lane::ALL.map(&mut make))
    }

    /// Lanes with their values, most urgent first.
    pub fn iter(&self) -> impl Iterator<Item = (Lane, &T)> {
        Lane::ALL.into_iter().zip(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_letters_name_the_same_lane_both_ways() {
        for lane in Lane::ALL {
            assert_eq!(lane.word().parse(), Ok(lane));
            assert_eq!(lane.word_zh().parse(), Ok(lane));
            assert_eq!(Lane::from_letter(lane.letter()), Some(lane));
        }
        assert_eq!(
            "urgent".parse::<Lane>().unwrap_err().to_string(),
            "`urgent` is not a precedence; valid are flash, immediate, priority and routine"
        );
    }
}
