//! Lanes: whose turn it is on a link.
//!
//! Flash is strict as long as it takes no more than half of the link over ten seconds; above that,
//! and among the rest always, the weights count: 16 : 8 : 4 : 1. So a storm of flash cannot starve
//! what is merely urgent.

use yizhan_schemas::{Lane, PerLane};

use crate::mutant::{self, Mutant};

/// What flash takes of the link is looked at over this long, in two halves. Microseconds.
const WINDOW_US: u64 = 10_000_000;

/// Less than this in the window is no flood, whatever its share. Bytes.
const FLOOD_BYTES_MIN: u64 = 64 * 1024;

/// Turns of a lane in one round when all have something to send.
fn weight(lane: Lane) -> u64 {
    match lane {
        Lane::Flash => 16,
        Lane::Immediate => 8,
        Lane::Priority => 4,
        Lane::Routine => 1,
    }
}

/// The credit of each lane: bytes weighed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turns {
    spent: PerLane<u64>,
    since_us: u64,
    /// Bytes of flash and of all, in this half of the window and in the one before.
    now: (u64, u64),
    before: (u64, u64),
}

impl Turns {
    /// The lane to serve among those that have something to send.
    pub fn pick(&self, waiting: impl Fn(Lane) -> bool) -> Option<Lane> {
        if waiting(Lane::Flash) && !self.is_flood() && !mutant::is(Mutant::FlashNotFirst) {
            return Some(Lane::Flash);
        }
        let all = Lane::ALL.into_iter().filter(|lane| waiting(*lane));
        all.min_by_key(|lane| *self.spent.get(*lane))
    }

    /// True if flash took more than half of the link lately, and not for a moment only.
    fn is_flood(&self) -> bool {
        let (flash, all) = (self.now.0 + self.before.0, self.now.1 + self.before.1);
        self.before.1 > 0 && flash > FLOOD_BYTES_MIN && flash > all / 2
    }

    /// A lane was served.
    pub fn served(&mut self, now_us: u64, lane: Lane, bytes: u64, waiting: impl Fn(Lane) -> bool) {
        let strict = lane == Lane::Flash && !self.is_flood() && !mutant::is(Mutant::FlashNotFirst);
        self.look(now_us, lane, bytes, Lane::ALL.into_iter().any(|l| l != lane && waiting(l)));
        if !strict {
            let spent = self.spent.get_mut(lane);
            *spent = spent.saturating_add(bytes.saturating_mul(16) / weight(lane));
        }
        // a lane that was idle must not come back with a pile of credit
        let floor = Lane::ALL.into_iter().filter(|lane| waiting(*lane));
        let floor = floor.map(|lane| *self.spent.get(lane)).min().unwrap_or(u64::MAX);
        for lane in Lane::ALL {
            let spent = self.spent.get_mut(lane);
            *spent = spent.saturating_sub(floor);
        }
    }

    /// Only what flash took from others that waited counts against it.
    fn look(&mut self, now_us: u64, lane: Lane, bytes: u64, others_wait: bool) {
        let passed_us = now_us.saturating_sub(self.since_us);
        if passed_us >= WINDOW_US / 2 {
            let long_ago = passed_us >= WINDOW_US;
            self.before = if long_ago { (0, 0) } else { self.now };
            self.now = (0, 0);
            self.since_us = now_us;
        }
        if lane == Lane::Flash && others_wait {
            self.now.0 = self.now.0.saturating_add(bytes);
        }
        self.now.1 = self.now.1.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_goes_first_and_the_rest_share_by_weight() {
        let mut turns = Turns::default();
        let mut served = PerLane([0_u32; 4]);
        assert_eq!(turns.pick(|_| true), Some(Lane::Flash));
        let waiting = |lane| lane != Lane::Flash;
        for _ in 0..130 {
            let lane = turns.pick(waiting).unwrap();
            *served.get_mut(lane) += 1;
            turns.served(0, lane, 1000, waiting);
        }
        let PerLane([flash, immediate, priority, routine]) = served;
        assert_eq!(flash, 0);
        assert!((78..=82).contains(&immediate), "{immediate}");
        assert!((38..=42).contains(&priority), "{priority}");
        assert!((9..=11).contains(&routine), "{routine}");
    }

    #[test]
    fn nothing_to_send_is_nobodys_turn() {
        assert_eq!(Turns::default().pick(|_| false), None);
    }

    #[test]
    fn a_storm_of_flash_is_strict_for_a_while_and_then_leaves_the_others_their_weight() {
        let mut turns = Turns::default();
        let mut served = PerLane([0_u64; 4]);
        for turn in 0..40_000 {
            // ten frames of 1000 bytes a second... for 40 seconds
            let lane = turns.pick(|_| true).unwrap();
            if turn == 4_000 {
                assert_eq!(*served.get(Lane::Routine), 0, "strict at first");
            }
            *served.get_mut(lane) += 1;
            turns.served(turn * 1_000, lane, 1000, |_| true);
        }
        let others = 40_000 - served.get(Lane::Flash);
        assert!(*served.get(Lane::Flash) > 20_000, "{served:?}");
        assert!(others > 10_000 && *served.get(Lane::Routine) > 300, "{served:?}");
    }

    /// Serves `frames` of flash, of 1000 bytes each, in the half of the window that begins at
    /// `from_us`, while a routine message waits or does not.
    fn flash(turns: &mut Turns, frames: u64, from_us: u64, routine_waits: bool) {
        for frame in 0..frames {
            let waiting = |lane| lane == Lane::Flash || (routine_waits && lane == Lane::Routine);
            turns.served(from_us + frame, Lane::Flash, 1000, waiting);
        }
    }

    fn routine(turns: &mut Turns, frames: u64, from_us: u64) {
        for frame in 0..frames {
            turns.served(from_us + frame, Lane::Routine, 1000, |_| true);
        }
    }

    #[test]
    fn flash_that_nobody_waits_behind_is_no_flood() {
        let mut turns = Turns::default();
        flash(&mut turns, 200, 0, false);
        flash(&mut turns, 200, WINDOW_US / 2, false);
        assert!(!turns.is_flood());
        flash(&mut turns, 1, WINDOW_US / 2 + 500, true);
        assert!(!turns.is_flood(), "one frame in front of somebody is none either");
    }

    #[test]
    fn flash_is_a_flood_above_half_of_what_the_link_carried_in_both_halves_of_the_window() {
        let mut turns = Turns::default();
        flash(&mut turns, 100, 0, true);
        assert!(!turns.is_flood(), "not before the second half");
        routine(&mut turns, 99, WINDOW_US / 2);
        assert!(turns.is_flood(), "100 of 199");
        routine(&mut turns, 1, WINDOW_US / 2 + 200);
        assert!(!turns.is_flood(), "half is allowed");
    }

    #[test]
    fn a_few_bytes_of_flash_are_no_flood_whatever_their_share() {
        let mut turns = Turns::default();
        flash(&mut turns, 32, 0, true);
        flash(&mut turns, 33, WINDOW_US / 2, true);
        assert!(!turns.is_flood(), "65,000 bytes");
        flash(&mut turns, 1, WINDOW_US / 2 + 100, true);
        assert!(turns.is_flood(), "66,000 bytes, of 66,000");
    }

    #[test]
    fn a_flood_is_forgotten_a_window_later_and_by_halves_before() {
        let flooded = || {
            let mut turns = Turns::default();
            flash(&mut turns, 100, 0, true);
            routine(&mut turns, 1, WINDOW_US / 2);
            assert!(turns.is_flood());
            turns
        };
        let mut turns = flooded();
        routine(&mut turns, 1, WINDOW_US - 1);
        assert!(turns.is_flood(), "still in the half after");
        routine(&mut turns, 1, WINDOW_US);
        assert!(!turns.is_flood(), "the half with the flood is gone");
        let mut turns = flooded();
        flash(&mut turns, 100, WINDOW_US / 2 + WINDOW_US, true);
        assert!(!turns.is_flood(), "after a long silence there is no half before");
    }

    #[test]
    fn a_lane_that_was_idle_comes_back_without_a_pile_of_credit() {
        let mut turns = Turns::default();
        let bulk = |lane| lane == Lane::Routine || lane == Lane::Priority;
        for _ in 0..100 {
            turns.served(0, Lane::Routine, 1000, |lane| lane == Lane::Routine);
        }
        // priority was idle all the while: it gets its weight now, and no more
        let mut priority = 0;
        for _ in 0..50 {
            let lane = turns.pick(bulk).unwrap();
            priority += u32::from(lane == Lane::Priority);
            turns.served(0, lane, 1000, bulk);
        }
        assert!((39..=41).contains(&priority), "{priority}");
    }
}
