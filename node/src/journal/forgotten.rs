//! [`Forgotten`]: through which leg of a lane the index remembers none of the messages any more.
//!
//! What is handed over of a long backlog is of such messages: there is nothing to write down of
//! them, so they need not be read from the log either.

use std::collections::VecDeque;

use crate::spool::messages::MESSAGES_MAX;

/// Legs from one mark to the next, at least: so much may be read for nothing.
const MARK_EVERY: u64 = MESSAGES_MAX / 10;
/// Marks of one lane. Legs are in it, too, of messages that are not counted: then the last mark
/// moves on with them.
const MARKS_MAX: usize = 64;

/// The mark of one lane.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    /// The last leg that is surely of a forgotten message.
    through: u64,
    /// Legs, and the ordinals of their messages, the oldest first.
    marks: VecDeque<(u64, u64)>,
}

impl Forgotten {
    /// As it was when an index was written.
    pub(super) fn through_leg(through: u64) -> Self {
        Self { through, marks: VecDeque::new() }
    }

    /// The last leg that is surely of a forgotten message.
    pub(super) fn through(&self) -> u64 {
        self.through
    }

    /// The leg of the message with this ordinal was taken, the newest of all; the index has all
    /// through that other one, and what is too old for that is gone from it.
    pub(super) fn taken(&mut self, leg: u64, ordinal: u64, written: u64) {
        while let Some((passed, old)) = self.marks.front().copied()
            && old.saturating_add(MESSAGES_MAX) <= written
        {
            self.through = passed;
            self.marks.pop_front();
        }
        let due = self.marks.back().is_none_or(|(last, _)| leg >= last.saturating_add(MARK_EVERY));
        if due {
            if self.marks.len() == MARKS_MAX {
                self.marks.pop_back();
            }
            self.marks.push_back((leg, ordinal));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_forgotten_once_so_many_messages_came_behind_it() {
        let mut forgotten = Forgotten::default();
        for n in 1..=MESSAGES_MAX + 5 {
            forgotten.taken(n, n, MESSAGES_MAX);
        }
        assert_eq!(forgotten.through(), 0, "the index still has the first");
        forgotten.taken(MESSAGES_MAX + 6, MESSAGES_MAX + 6, MESSAGES_MAX + 5);
        assert_eq!(forgotten.through(), 1);
        for n in MESSAGES_MAX + 7..=3 * MESSAGES_MAX {
            forgotten.taken(n, n, n);
        }
        let through = forgotten.through();
        assert!(
            through <= 2 * MESSAGES_MAX && through > 2 * MESSAGES_MAX - MARK_EVERY,
            "{through}"
        );
    }

    #[test]
    fn legs_of_what_is_not_counted_forget_nothing() {
        let mut forgotten = Forgotten::default();
        for n in 1..=200 {
            forgotten.taken(n * MARK_EVERY, n, n);
        }
        assert!(forgotten.through() == 0 && forgotten.marks.len() <= MARKS_MAX);
    }
}
