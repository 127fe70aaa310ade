//! Receipts: what became of messages, on its way back to their origins.
//!
//! A [`Fold`] goes from one station to the next, in a message of kind [`KIND`] that enters no inbox
//! and causes no receipt. Each hop takes the notes in, adds its own, and passes on one fold for
//! many messages: a note speaks for runs of sequences and for sets of stations, so that a
//! directive to 462 villages comes back in a few notes a township.

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::outcome::{Answer, Outcome};
use crate::{Code, Epoch, Lane, MessageId};

/// The kind of a fold. Publishers cannot use its family.
pub const KIND: &str = "receipt.fold";
/// Longest encoded fold, bytes: small enough to leave room for flash on a thin link.
pub const FOLD_BYTES_MAX: usize = 64 * 1024;
/// Most notes in one fold.
pub const NOTES_MAX: usize = 1024;
/// Longest detail or remark, bytes; longer ones are cut.
pub const TEXT_BYTES_MAX: usize = 500;

/// Notes for the next station on the way to their messages' origins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// The notes.
    pub notes: Vec<Note>,
}

/// The same thing happened to these messages at these stations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who sent the messages.
    pub origin: Code,
    /// In which life.
    pub epoch: Epoch,
    /// In which lane.
    pub lane: Lane,
    /// Which: runs of sequences, both ends included, ascending.
    pub ranges: Vec<(u64, u64)>,
    /// Where it happened.
    pub stations: Vec<Code>,
    /// What happened.
    pub event: Event,
    /// When, by the first station's wall clock, in Unix seconds; of many, the latest.
    pub at_s: u64,
}

/// What a note tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// On that station's disk, on the way to its targets.
    Relayed,
    /// It ended there.
    Ended {
        /// How.
        outcome: Outcome,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// An application or adapter there answered.
    Answered {
        /// What.
        answer: Answer,
        /// Its remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark: Option<String>,
    },
}

impl Fold {
    /// Writes the fold.
    ///
    /// # Errors
    /// Longer than [`FOLD_BYTES_MAX`].
    pub fn encode(&self) -> Result<bytes::Bytes, CodecError> {
        codec::encode(self, FOLD_BYTES_MAX)
    }

    /// Reads a fold, and refuses more notes than [`NOTES_MAX`] and runs that are none.
    ///
    /// # Errors
    /// Not a fold, or beyond its limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let fold: Self = codec::decode(bytes, FOLD_BYTES_MAX)?;
        if fold.notes.len() > NOTES_MAX {
            return Err(CodecError::Malformed(format!(
                "{} notes, allowed are {NOTES_MAX}",
                fold.notes.len()
            )));
        }
        let ascending = |note: &Note| {
            let first = note.ranges.first().is_some_and(|(from, _)| *from > 0);
            let runs = note.ranges.iter().all(|(from, through)| from <= through);
            let order = note.ranges.windows(2).all(|two| match two {
                [(_, end), (next, _)] => end < next,
                _ => true,
            });
            first && runs && order
        };
        if !fold.notes.iter().all(ascending) {
            return Err(CodecError::Malformed("a note whose runs are not ascending".into()));
        }
        Ok(fold)
    }
}

impl Note {
    /// The note of one message at one station.
    pub fn of(id: &MessageId, station: Code, event: Event, at_s: u64) -> Self {
        Self {
            origin: id.origin.clone(),
            epoch: id.epoch,
            lane: id.lane,
            ranges: vec![(id.sequence, id.sequence)],
            stations: vec![station],
            event,
            at_s,
        }
    }

    /// The ids of its messages: at most `most` of them.
    pub fn ids(&self, most: usize) -> impl Iterator<Item = MessageId> + '_ {
        let sequences = self.ranges.iter().flat_map(|(from, through)| *from..=*through);
        sequences.take(most).map(|sequence| MessageId {
            origin: self.origin.clone(),
            epoch: self.epoch,
            lane: self.lane,
            sequence,
        })
    }
}

/// Cuts a text to [`TEXT_BYTES_MAX`] at a character's border.
pub fn cut(text: &str) -> String {
    let end = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(ranges: Vec<(u64, u64)>) -> Note {
        Note {
            origin: Code::parse("510722.101.002").unwrap(),
            epoch: Epoch::from_random(7),
            lane: Lane::Routine,
            ranges,
            stations: vec![Code::parse("510722").unwrap()],
            event: Event::Ended { outcome: Outcome::Delivered, detail: None },
            at_s: 1_700_000_000,
        }
    }

    #[test]
    fn a_fold_reads_back_as_itself_and_names_its_messages() {
        let fold = Fold { notes: vec![note(vec![(1, 3), (7, 7)])] };
        let read = Fold::decode(&fold.encode().unwrap()).unwrap();
        assert_eq!(read, fold);
        let ids: Vec<u64> = read.notes[0].ids(10).map(|id| id.sequence).collect();
        assert_eq!(ids, [1, 2, 3, 7]);
    }

    #[test]
    fn runs_that_overlap_or_go_backwards_are_refused() {
        for ranges in
            [vec![], vec![(0, 1)], vec![(3, 2)], vec![(1, 3), (3, 4)], vec![(5, 6), (1, 2)]]
        {
            let fold = Fold { notes: vec![note(ranges.clone())] };
            assert!(Fold::decode(&fold.encode().unwrap()).is_err(), "{ranges:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "汛".repeat(300);
        assert_eq!(cut(&text).len(), 498);
        assert_eq!(cut("short"), "short");
    }
}
