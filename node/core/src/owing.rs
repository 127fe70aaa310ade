//! [`Owing`]: notes on what became of messages, waiting for the next station on the way back to
//! their origins.
//!
//! While a fold is on its way others gather, and what gathers is merged: the same thing that
//! happened to neighbouring sequences in the same second is one note, and the same thing at many
//! stations is one note with their codes. So receipts cost a thin link a small part of what the
//! messages cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::receipt::{Event, Fold, NOTES_MAX, Note};
use yizhan_schemas::{Code, Epoch, Lane};

use crate::ranges::Ranges;

/// Bytes of notes that one fold takes, about: half of what is allowed, as the estimate is one.
const FOLD_FILL_BYTES: usize = 24 * 1024;
/// Runs of one note in one fold.
const RUNS_MAX: usize = 512;
/// Entries kept apart by the second; beyond that, by the hour.
pub const ENTRIES_FINE_MAX: usize = 65_536;

/// What is the same for all messages of an entry. Urgent lanes come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    lane: Lane,
    origin: Code,
    epoch: Epoch,
    at_s: u64,
    event: Event,
    station: Code,
}

/// Notes owed to one neighbour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owing {
    entries: BTreeMap<Key, Ranges>,
}

impl Owing {
    /// Takes a note in.
    pub fn add(&mut self, note: &Note) {
        let coarse = self.entries.len() >= ENTRIES_FINE_MAX;
        for station in &note.stations {
            let mut key = key(note, station);
            if coarse {
                key.at_s -= key.at_s % 3600;
            }
            let ranges = self.entries.entry(key).or_default();
            note.ranges.iter().for_each(|(from, through)| ranges.insert(*from, *through));
        }
    }

    /// A fold with these notes was put: they are owed no more.
    pub fn folded(&mut self, fold: &Fold) {
        for note in &fold.notes {
            for station in &note.stations {
                let key = key(note, station);
                let Some(ranges) = self.entries.get_mut(&key) else { continue };
                note.ranges.iter().for_each(|(from, through)| ranges.remove(*from, *through));
                if ranges.is_empty() {
                    self.entries.remove(&key);
                }
            }
        }
    }

    /// The next fold in a lane, if anything is owed there.
    pub fn fold(&self, lane: Lane) -> Option<Fold> {
        let mut notes: Vec<Note> = Vec::new();
        let mut bytes = 0;
        for (key, ranges) in self.of_lane(lane) {
            let runs: Vec<(u64, u64)> = ranges.runs().take(RUNS_MAX).collect();
            let same = notes.last_mut().filter(|note| note.ranges == runs && key.is_of(note));
            if let Some(note) = same {
                bytes += key.station.as_str().len() + 1;
                note.stations.push(key.station.clone());
            } else if notes.len() == NOTES_MAX {
                break;
            } else {
                bytes += key.bytes() + runs.len() * 10;
                notes.push(key.note(runs));
            }
            if bytes >= FOLD_FILL_BYTES {
                break;
            }
        }
        (!notes.is_empty()).then_some(Fold { notes })
    }

    /// True if nothing is owed in a lane.
    pub fn is_settled(&self, lane: Lane) -> bool {
        self.of_lane(lane).next().is_none()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn of_lane(&self, lane: Lane) -> impl Iterator<Item = (&Key, &Ranges)> {
        // lanes are the first part of a key, so those of one stand together
        self.entries
            .iter()
            .skip_while(move |(key, _)| key.lane < lane)
            .take_while(move |(key, _)| key.lane == lane)
    }
}

fn key(note: &Note, station: &Code) -> Key {
    Key {
        lane: note.lane,
        origin: note.origin.clone(),
        epoch: note.epoch,
        at_s: note.at_s,
        event: note.event.clone(),
        station: station.clone(),
    }
}

impl Key {
    fn is_of(&self, note: &Note) -> bool {
        (self.epoch, self.at_s) == (note.epoch, note.at_s)
            && self.origin == note.origin
            && self.event == note.event
    }

    fn note(&self, ranges: Vec<(u64, u64)>) -> Note {
        Note {
            origin: self.origin.clone(),
            epoch: self.epoch,
            lane: self.lane,
            ranges,
            stations: vec![self.station.clone()],
            event: self.event.clone(),
            at_s: self.at_s,
        }
    }

    fn bytes(&self) -> usize {
        let text = match &self.event {
            Event::Relayed => 0,
            Event::Ended { detail, .. } => detail.as_ref().map_or(0, String::len),
            Event::Answered { remark, .. } => remark.as_ref().map_or(0, String::len),
        };
        120 + self.origin.as_str().len() + self.station.as_str().len() + text
    }
}

#[cfg(test)]
mod tests;
