//! [`InboxPlace`]: which stream sequence of `YZ_INBOX` belongs to which inbox leg.
//!
//! The station is the stream's only writer, so the mapping is an offset; it shifts where a leg
//! ended without being delivered. The stream's last sequence therefore says what is in, whatever
//! was forgotten by a crash on either side.

use serde::{Deserialize, Serialize};

use crate::record::InboxBound;

/// The mapping, in pieces: each holds from its first leg on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxPlace {
    pieces: Vec<InboxBound>,
}

impl InboxPlace {
    /// A piece begins, or a new stream takes the place of the old one.
    pub fn bound(&mut self, piece: InboxBound) {
        if self.created_ns() != Some(piece.created_ns) {
            self.pieces.clear();
        }
        self.pieces.retain(|earlier| earlier.from_leg < piece.from_leg);
        self.pieces.push(piece);
    }

    /// A leg ended without being delivered: those behind it move up one stream sequence.
    pub fn skipped(&mut self, leg: u64) {
        let Some((at, piece)) =
            self.pieces.iter().copied().enumerate().rfind(|(_, piece)| piece.from_leg <= leg)
        else {
            return;
        };
        for later in self.pieces.iter_mut().skip(at + 1) {
            later.offset -= 1;
        }
        let behind = InboxBound { from_leg: leg + 1, offset: piece.offset - 1, ..piece };
        match self.pieces.get(at + 1) {
            Some(next) if next.from_leg == behind.from_leg => {}
            _ => self.pieces.insert(at + 1, behind),
        }
    }

    /// Legs through this one are surely synced: pieces before them are no longer asked for.
    pub fn released(&mut self, through: u64) {
        while self.pieces.get(1).is_some_and(|second| second.from_leg <= through) {
            self.pieces.remove(0);
        }
    }

    /// Creation time of the stream, if one was bound.
    pub fn created_ns(&self) -> Option<i64> {
        self.pieces.last().map(|piece| piece.created_ns)
    }

    /// The offset for legs to come.
    pub fn offset(&self) -> Option<i64> {
        self.pieces.last().map(|piece| piece.offset)
    }

    /// The offset of one leg, and the last leg (if any) before the next piece begins.
    pub fn offset_of(&self, leg: u64) -> Option<(i64, Option<u64>)> {
        let at = self.pieces.iter().rposition(|piece| piece.from_leg <= leg)?;
        let before_next = self.pieces.get(at.checked_add(1)?).map(|next| next.from_leg - 1);
        self.pieces.get(at).map(|piece| (piece.offset, before_next))
    }

    /// The last leg that is in the stream, by the stream's last sequence.
    pub fn delivered(&self, last_sequence: u64) -> Option<u64> {
        let mut limit = u64::MAX;
        for piece in self.pieces.iter().rev() {
            let leg = i128::from(last_sequence) - i128::from(piece.offset);
            let leg = u64::try_from(leg).unwrap_or(0).min(limit);
            if leg >= piece.from_leg {
                return Some(leg);
            }
            limit = piece.from_leg.saturating_sub(1);
        }
        self.pieces.first().map(|piece| piece.from_leg.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sequence_says_what_is_in_also_across_a_leg_that_ended() {
        let mut place = InboxPlace::default();
        place.bound(InboxBound { created_ns: 7, from_leg: 1, offset: 0 });
        // leg 6 expired: leg 7 takes its stream sequence
        place.skipped(6);
        assert_eq!(place.delivered(3), Some(3));
        assert_eq!(place.delivered(5), Some(5));
        assert_eq!(place.delivered(6), Some(7));
        assert_eq!(place.offset_of(5), Some((0, Some(6))));
        assert_eq!(place.offset_of(9), Some((-1, None)));
        place.released(7);
        assert_eq!(place.delivered(6), Some(7));
        assert_eq!(place.delivered(0), Some(6));
    }

    #[test]
    fn legs_may_end_in_any_order() {
        let mut place = InboxPlace::default();
        place.bound(InboxBound { created_ns: 7, from_leg: 1, offset: 0 });
        for leg in [5, 3, 4] {
            place.skipped(leg);
        }
        let at = |leg| place.offset_of(leg).unwrap().0 + leg as i64;
        assert_eq!((at(2), at(6), at(7)), (2, 3, 4));
        assert_eq!(place.delivered(2), Some(2));
        assert_eq!(place.delivered(3), Some(6));
    }

    #[test]
    fn another_stream_begins_another_mapping() {
        let mut place = InboxPlace::default();
        place.bound(InboxBound { created_ns: 7, from_leg: 1, offset: 0 });
        place.bound(InboxBound { created_ns: 8, from_leg: 4, offset: -3 });
        assert_eq!(place.delivered(0), Some(3));
        assert_eq!(place.delivered(2), Some(5));
    }

    fn bound(pieces: &[(u64, i64)]) -> InboxPlace {
        let mut place = InboxPlace::default();
        for (from_leg, offset) in pieces {
            place.bound(InboxBound { created_ns: 7, from_leg: *from_leg, offset: *offset });
        }
        place
    }

    #[test]
    fn a_place_that_was_never_bound_knows_nothing() {
        let mut place = InboxPlace::default();
        place.skipped(3);
        place.released(9);
        assert_eq!(
            (place.created_ns(), place.offset(), place.offset_of(1), place.delivered(5)),
            (None, None, None, None)
        );
    }

    #[test]
    fn a_piece_takes_the_place_of_those_that_begin_no_earlier() {
        let place = bound(&[(1, 0), (5, 2), (9, 4), (5, 7)]);
        assert_eq!(place, bound(&[(1, 0), (5, 7)]));
        assert_eq!((place.created_ns(), place.offset()), (Some(7), Some(7)));
        assert_eq!(place.offset_of(4), Some((0, Some(4))));
        assert_eq!(place.offset_of(5), Some((7, None)));
    }

    #[test]
    fn a_leg_that_ends_moves_every_later_piece_up_and_none_before() {
        let mut place = bound(&[(3, 10), (6, 20)]);
        place.skipped(2);
        assert_eq!(place, bound(&[(3, 10), (6, 20)]), "it is before all that is known");
        place.skipped(3);
        assert_eq!(place, bound(&[(3, 10), (4, 9), (6, 19)]));
        // the next leg begins a piece already
        place.skipped(5);
        assert_eq!(place, bound(&[(3, 10), (4, 9), (6, 18)]));
    }

    #[test]
    fn pieces_are_let_go_of_when_the_next_one_is_released_into() {
        let mut place = bound(&[(1, 0), (5, -1), (9, -2)]);
        place.released(4);
        assert_eq!(place.offset_of(4), Some((0, Some(4))));
        place.released(5);
        assert_eq!((place.offset_of(4), place.offset_of(5)), (None, Some((-1, Some(8)))));
        place.released(100);
        assert_eq!(place, bound(&[(9, -2)]));
    }

    #[test]
    fn the_last_sequence_is_looked_up_in_the_piece_that_it_falls_into() {
        let place = bound(&[(3, 10), (6, 10), (9, 30)]);
        assert_eq!(place.delivered(0), Some(2), "before all that is known");
        assert_eq!(place.delivered(13), Some(3));
        assert_eq!(place.delivered(16), Some(6));
        // sequences between two pieces: the leg before the later one is the last that is in
        assert_eq!(place.delivered(35), Some(8));
        assert_eq!(place.delivered(39), Some(9));
        assert_eq!(place.delivered(50), Some(20));
    }
}
