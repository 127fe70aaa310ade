//! `stats.digest`: what happened to matters, counted. A station sends the counts of itself and of
//! what is below it to its parent, which adds its own: a county's number is the sum of its
//! villages' by construction, and no person is in it.
//!
//! Counts of a day only ever grow, so digests may come twice and in any order: the larger number
//! stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};

/// The kind. Publishers cannot use it.
pub const KIND: &str = "stats.digest";
/// Longest encoded digest, bytes.
pub const DIGEST_BYTES_MAX: usize = 64 * 1024;
/// Days are cut at midnight in Beijing, which is 8 hours before UTC's, without exceptions since
/// 1991; milliseconds.
const OFFSET_MS: u64 = 8 * 3_600_000;
const DAY_MS: u64 = 24 * 3_600_000;

/// A day in Beijing, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(
    /// Days since then.
    pub u32,
);

impl Day {
    /// The day of a Unix time in milliseconds.
    pub fn of(wall_ms: u64) -> Self {
        Self(u32::try_from(wall_ms.saturating_add(OFFSET_MS) / DAY_MS).unwrap_or(u32::MAX))
    }

    /// Its midnight, Unix milliseconds; 0 for the first, which began before.
    pub fn start_ms(self) -> u64 {
        (u64::from(self.0) * DAY_MS).saturating_sub(OFFSET_MS)
    }
}

/// What a matter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// An incident.
    #[serde(rename = "i")]
    Incident,
    /// A case.
    #[serde(rename = "c")]
    Case,
}

impl Family {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Incident, Self::Case];

    /// Its word, as in kinds.
    pub fn word(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Case => "case",
        }
    }
}

/// What is counted. The order is the format: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Reports and cases that came to the station that handles them.
    Taken,
    /// 受理
    Accepted,
    /// 交办
    Dispatched,
    /// 办理
    Handled,
    /// 核查
    Verified,
    /// 结案
    Closed,
    /// Of those closed: with at least one deadline missed.
    Late,
    /// 回退
    Returned,
    /// Taken back by whoever reported them.
    Cancelled,
    /// Sent up a tier: incidents by deadline, cases by application.
    Raised,
    /// 黄牌
    Yellow,
    /// 红牌
    Red,
    /// Mediations.
    Attempts,
    /// 第三方评价
    Evaluated,
    /// Steps that were refused as illegal.
    Refused,
}

impl Measure {
    /// All, in the order of the format.
    pub const ALL: [Self; 15] = [
        Self::Taken,
        Self::Accepted,
        Self::Dispatched,
        Self::Handled,
        Self::Verified,
        Self::Closed,
        Self::Late,
        Self::Returned,
        Self::Cancelled,
        Self::Raised,
        Self::Yellow,
        Self::Red,
        Self::Attempts,
        Self::Evaluated,
        Self::Refused,
    ];

    /// Its word, as in `GET /v1/stats`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Accepted => "accepted",
            Self::Dispatched => "dispatched",
            Self::Handled => "handled",
            Self::Verified => "verified",
            Self::Closed => "closed",
            Self::Late => "late",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
            Self::Raised => "raised",
            Self::Yellow => "yellow",
            Self::Red => "red",
            Self::Attempts => "attempts",
            Self::Evaluated => "evaluated",
            Self::Refused => "refused",
        }
    }

    /// The same in Chinese.
    pub fn chinese(self) -> &'static str {
        match self {
            Self::Taken => "登记",
            Self::Accepted => "受理",
            Self::Dispatched => "交办",
            Self::Handled => "办理",
            Self::Verified => "核查",
            Self::Closed => "结案",
            Self::Late => "超期结案",
            Self::Returned => "回退",
            Self::Cancelled => "撤销",
            Self::Raised => "上报",
            Self::Yellow => "黄牌",
            Self::Red => "红牌",
            Self::Attempts => "调解",
            Self::Evaluated => "评价",
            Self::Refused => "驳回",
        }
    }
}

/// One number for each measure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Counts([u64; Measure::ALL.len()]);

impl Counts {
    /// One number.
    pub fn get(&self, measure: Measure) -> u64 {
        self.0.get(measure as usize).copied().unwrap_or(0)
    }

    /// Counts one more.
    pub fn count(&mut self, measure: Measure) {
        if let Some(number) = self.0.get_mut(measure as usize) {
            *number = number.saturating_add(1);
        }
    }

    /// Adds another's numbers.
    pub fn add(&mut self, other: &Self) {
        self.each(other, u64::saturating_add);
    }

    /// Takes the larger of each two numbers.
    pub fn grow(&mut self, other: &Self) {
        self.each(other, u64::max);
    }

    fn each(&mut self, other: &Self, join: impl Fn(u64, u64) -> u64) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = join(*mine, theirs);
        }
    }
}

impl From<Vec<u64>> for Counts {
    /// Numbers that a later version added are not known here; those left out are 0.
    fn from(numbers: Vec<u64>) -> Self {
        let mut counts = Self::default();
        counts.0.iter_mut().zip(numbers).for_each(|(mine, number)| *mine = number);
        counts
    }
}

impl From<Counts> for Vec<u64> {
    fn from(counts: Counts) -> Self {
        let used = counts.0.iter().rposition(|number| *number > 0).map_or(0, |last| last + 1);
        counts.0.into_iter().take(used).collect()
    }
}

/// Counts by tier (the depth of the station where it happened), family and category.
pub type Table = BTreeMap<u8, BTreeMap<Family, BTreeMap<String, Counts>>>;

/// The counts of some days, of a station and all below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// By day.
    pub days: BTreeMap<Day, Table>,
}

impl Digest {
    /// Writes the digest.
    ///
    /// # Errors
    /// Longer than [`DIGEST_BYTES_MAX`].
    pub fn encode(&self) -> Result<bytes::Bytes, CodecError> {
        codec::encode(self, DIGEST_BYTES_MAX)
    }

    /// Reads a digest.
    ///
    /// # Errors
    /// Not a digest, or beyond its limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, DIGEST_BYTES_MAX)
    }
}

/// Joins every number of a table with that of another.
pub fn join(into: &mut Table, other: &Table, how: impl Fn(&mut Counts, &Counts) + Copy) {
    for (tier, families) in other {
        for (family, categories) in families {
            for (category, counts) in categories {
                let families = into.entry(*tier).or_default();
                let categories = families.entry(*family).or_default();
                match categories.get_mut(category) {
                    Some(mine) => how(mine, counts),
                    None => {
                        categories.insert(category.clone(), *counts);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_beijing() {
        // 2026-11-23T16:00:00Z is midnight there
        let midnight_ms = 1_795_449_600_000;
        assert_eq!(Day::of(midnight_ms).0, Day::of(midnight_ms - 1).0 + 1);
        assert_eq!(Day::of(midnight_ms), Day::of(midnight_ms + DAY_MS - 1));
    }

    #[test]
    fn numbers_that_are_0_at_the_end_take_no_room_and_unknown_ones_do_no_harm() {
        let mut counts = Counts::default();
        counts.count(Measure::Closed);
        assert_eq!(Vec::from(counts), [0, 0, 0, 0, 0, 1]);
        assert_eq!(Counts::from(vec![0, 0, 0, 0, 0, 1]), counts);
        let later = Counts::from(vec![7; 40]);
        assert_eq!(Measure::ALL.map(|measure| later.get(measure)), [7; 15]);
    }

    #[test]
    fn measures_stand_in_the_order_of_their_numbers() {
        for (at, measure) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(measure as usize, at, "{}", measure.word());
        }
    }

    #[test]
    fn a_digest_reads_back() {
        let mut digest = Digest::default();
        let mut counts = Counts::default();
        counts.count(Measure::Taken);
        let table = digest.days.entry(Day(20_780)).or_default();
        table
            .entry(2)
            .or_default()
            .entry(Family::Incident)
            .or_default()
            .insert("积水".into(), counts);
        let bytes = digest.encode().unwrap();
        assert_eq!(Digest::decode(&bytes).unwrap(), digest);
        assert!(bytes.len() < 40, "{} bytes", bytes.len());
    }
}
