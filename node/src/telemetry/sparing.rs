//! [`Sparing`]: log lines that somebody else can cause as often as he likes, written now and then.
//!
//! The first of its kind is written at once; those of the next second are counted, and the next
//! line says how many there were. Counters count all of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// At most one line of a kind in so long.
const EVERY: Duration = Duration::from_secs(1);
/// Kinds that are told apart; more of them share the last place.
const KINDS_MAX: usize = 4096;

/// Refusals of what others send.
pub static REFUSALS: Sparing = Sparing::new();

/// When each kind of line was last written, and how many were not since.
#[derive(Debug)]
pub struct Sparing(Mutex<BTreeMap<Sort, (Instant, u64)>>);

/// Event and party.
type Sort = (&'static str, String);

impl Sparing {
    /// Nothing written yet.
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Whether a line of this event about this party is due: then, how many were left out before.
    pub fn due(&self, event: &'static str, whom: &str) -> Option<u64> {
        self.due_at(Instant::now(), event, whom)
    }

    fn due_at(&self, now: Instant, event: &'static str, whom: &str) -> Option<u64> {
        let mut kinds = self.0.lock().ok()?;
        let mut kind = (event, whom.to_owned());
        if kinds.len() >= KINDS_MAX && !kinds.contains_key(&kind) {
            kind.1 = String::new();
        }
        match kinds.get_mut(&kind) {
            Some((written, left_out)) if now.duration_since(*written) < EVERY => {
                *left_out += 1;
                None
            }
            Some(place) => Some(std::mem::replace(place, (now, 0)).1),
            None => {
                kinds.insert(kind, (now, 0));
                Some(0)
            }
        }
    }
}

impl Default for Sparing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_line_a_second_that_says_how_many_there_were_and_others_have_their_own() {
        let sparing = Sparing::new();
        let start = Instant::now();
        let at = |ms: u64, whom: &str| {
            sparing.due_at(start + Duration::from_millis(ms), "refused", whom)
        };
        assert_eq!(at(0, "a"), Some(0));
        assert_eq!((1..1000).filter_map(|ms| at(ms, "a")).count(), 0);
        assert_eq!(at(500, "b"), Some(0));
        assert_eq!(at(1000, "a"), Some(999));
        assert_eq!(at(3000, "a"), Some(0));
    }

    #[test]
    fn kinds_that_others_make_up_take_no_more_than_their_room() {
        let sparing = Sparing::new();
        for n in 0..KINDS_MAX * 2 {
            sparing.due("refused", &n.to_string());
        }
        assert!(sparing.0.lock().unwrap().len() <= KINDS_MAX + 1);
    }
}
