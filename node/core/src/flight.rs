//! [`Flight`]: what of one lane is on its way to a neighbour and not acked.
//!
//! Frames vanish without anybody saying so; what shows no progress for long enough, or is missed
//! by the receiver, is sent again from the ack on. The receiver's cursor makes that harmless.

use std::collections::VecDeque;

use crate::time::Departure;

/// Legs published and not acked.
#[derive(Debug, Clone, Default)]
pub struct Flight {
    /// Last leg published in this session.
    pub sent: u64,
    /// Last leg acked in it.
    acked: u64,
    /// Last leg of each publication, its bytes, and when it left, if that was for the first time.
    chunks: VecDeque<(u64, u64, Option<Departure>)>,
    bytes: u64,
    /// The last leg that ever left in this session.
    furthest: u64,
    /// How often it was sent again for want of progress.
    tries: u32,
    /// When an ack last moved, or the first byte went out, microseconds since boot.
    progress_us: u64,
    /// When it was last sent again.
    resent_us: Option<u64>,
}

impl Flight {
    /// A session begins: everything up to `acked` is there.
    pub fn begin(acked: u64) -> Self {
        Self { sent: acked, acked, furthest: acked, ..Self::default() }
    }

    /// Legs through this one were published.
    pub fn published(&mut self, through: u64, bytes: u64, left: Departure) {
        if through <= self.sent {
            return;
        }
        if self.chunks.is_empty() {
            self.progress_us = left.at_us;
        }
        let first = through > self.furthest;
        (self.sent, self.furthest) = (through, self.furthest.max(through));
        self.chunks.push_back((through, bytes, first.then_some(left)));
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Legs through this one are durable at the neighbour. Gives what arrived so: bytes, and when
    /// they left; `None` if they did so twice.
    pub fn acked(&mut self, through: u64, now_us: u64) -> Vec<(u64, Option<Departure>)> {
        // an ack that says nothing new is no progress
        if through > self.acked {
            self.acked = through;
            self.progress_us = now_us;
            self.tries = 0;
        }
        let mut arrived = Vec::new();
        while let Some((last, bytes, left)) = self.chunks.front().copied() {
            if last > through {
                break;
            }
            self.chunks.pop_front();
            self.bytes = self.bytes.saturating_sub(bytes);
            arrived.push((bytes, left));
        }
        // a receiver may be further than this session knows: it had them from an earlier one
        self.sent = self.sent.max(through);
        arrived
    }

    /// Send again from the ack on, unless that was done within the last `pause_us`.
    pub fn again(&mut self, acked: u64, now_us: u64, pause_us: u64) -> bool {
        let lately = self.resent_us.is_some_and(|at| now_us < at.saturating_add(pause_us));
        if lately || self.sent <= acked {
            return false;
        }
        let (furthest, tries) = (self.furthest, self.tries);
        let resent_us = Some(now_us);
        *self = Self { sent: acked, acked, furthest, tries, resent_us, ..Self::default() };
        true
    }

    /// The same because nothing moved: what is sent now may wait behind what was sent before, so
    /// patience doubles each time, up to sixteen times.
    pub fn again_overdue(&mut self, acked: u64, now_us: u64) -> bool {
        let again = self.again(acked, now_us, 0);
        self.tries += u32::from(again && self.tries < 4);
        again
    }

    /// When what is in flight is overdue, if nothing moves until then.
    pub fn overdue_us(&self, patience_us: u64) -> Option<u64> {
        let patience_us = patience_us.saturating_mul(1 << self.tries);
        (!self.chunks.is_empty()).then(|| self.progress_us.saturating_add(patience_us))
    }

    /// True if nobody knows whether anything arrives at all: it was sent again, and no ack has
    /// moved since.
    pub fn is_in_doubt(&self) -> bool {
        self.tries > 0
    }

    /// Bytes published and not acked.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_us: u64) -> Departure {
        Departure { at_us, delivered_bytes: 0, delivered_us: 0, more: true }
    }

    #[test]
    fn acks_free_the_window_chunk_by_chunk() {
        let mut flight = Flight::begin(0);
        flight.published(10, 1000, at(5));
        flight.published(20, 500, at(6));
        flight.acked(15, 7);
        assert_eq!(flight.bytes(), 500);
        flight.acked(20, 8);
        assert_eq!((flight.bytes(), flight.overdue_us(9)), (0, None));
    }

    #[test]
    fn a_gap_is_answered_once_per_pause() {
        let mut flight = Flight::begin(0);
        flight.published(10, 1000, at(5));
        assert!(flight.again(4, 100, 50));
        assert_eq!(flight.sent, 4);
        flight.published(10, 600, at(101));
        assert!(!flight.again(4, 120, 50));
        assert!(flight.again(4, 151, 50));
    }

    #[test]
    fn what_is_in_flight_is_overdue_from_the_first_byte_or_the_last_news_on() {
        let mut flight = Flight::begin(3);
        assert_eq!(flight.overdue_us(100), None, "nothing is on its way");
        flight.published(10, 1000, at(5));
        flight.published(20, 500, at(60));
        assert_eq!(flight.overdue_us(100), Some(105), "the first one waits since 5");
        flight.acked(3, 70);
        assert_eq!(flight.overdue_us(100), Some(105), "that was known");
        flight.acked(4, 80);
        assert_eq!(flight.overdue_us(100), Some(180));
    }

    #[test]
    fn what_was_published_before_is_not_counted_twice() {
        let mut flight = Flight::begin(0);
        flight.published(10, 1000, at(5));
        flight.published(10, 1000, at(6));
        flight.published(9, 1000, at(7));
        assert_eq!((flight.sent, flight.bytes()), (10, 1000));
    }

    #[test]
    fn a_receiver_that_is_further_than_the_session_knows_moves_it_on() {
        let mut flight = Flight::begin(0);
        flight.published(10, 1000, at(5));
        flight.acked(40, 6);
        assert_eq!((flight.sent, flight.bytes()), (40, 0));
        flight.acked(7, 8);
        assert_eq!(flight.sent, 40);
    }

    #[test]
    fn patience_doubles_until_an_ack_moves() {
        let mut flight = Flight::begin(0);
        for (tries, due) in [(0, 105), (1, 205), (2, 405), (3, 805), (4, 1605), (5, 1605)] {
            flight.published(10, 1000, at(5));
            assert_eq!((flight.overdue_us(100), flight.is_in_doubt()), (Some(due), tries > 0));
            assert!(flight.again_overdue(0, due));
        }
        flight.published(10, 1000, at(5_000));
        flight.acked(4, 5_010);
        assert_eq!((flight.overdue_us(100), flight.is_in_doubt()), (Some(5_110), false));
    }

    #[test]
    fn what_left_twice_measures_nothing_when_it_is_acked() {
        let mut flight = Flight::begin(0);
        flight.published(10, 1000, at(5));
        assert!(flight.again(0, 100, 0));
        flight.published(6, 600, at(101));
        flight.published(12, 600, at(102));
        flight.published(13, 100, at(103));
        let arrived: Vec<_> =
            flight.acked(13, 110).iter().map(|(_, left)| left.is_some()).collect();
        assert_eq!(arrived, [false, true, true]);
    }

    #[test]
    fn only_what_is_on_its_way_is_sent_again() {
        let mut flight = Flight::begin(0);
        flight.published(10, 1000, at(5));
        assert!(!flight.again(10, 100, 0), "all of it is there");
        assert!(flight.again(9, 100, 50));
        assert_eq!((flight.sent, flight.bytes(), flight.overdue_us(1)), (9, 0, None));
        flight.published(10, 100, at(101));
        assert!(flight.again(9, 150, 50), "the pause is over at 150");
    }

    #[test]
    fn an_old_ack_is_no_progress_of_what_was_sent_again_either() {
        let mut flight = Flight::begin(0);
        flight.published(10, 1000, at(5));
        flight.acked(4, 50);
        assert!(flight.again(4, 100, 50));
        flight.published(10, 600, at(101));
        flight.acked(4, 200);
        assert_eq!(flight.overdue_us(100), Some(201));
    }
}
