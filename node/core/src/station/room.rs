//! How much more may be taken, for which direction.
//!
//! What is owed upward, downward and to this station itself have each a guaranteed share of the
//! spool and may use what the others' guarantees leave free, so that two full neighbours cannot
//! block each other. A part of every share is for flash alone. Trims, outcomes and receipts are
//! always taken.

use yizhan_schemas::Lane;
use yizhan_schemas::reply::{ErrorCode, Refusal};

use super::Station;
use crate::bucket::Bucket;
use crate::kept::PUT_BYTES;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record::Leg;
use crate::time::Now;

/// A direction within its guaranteed share may fill the spool by this part more than is allowed:
/// the spool counts segments whole, and two neighbours full of what nobody needs any more would
/// else wait for each other for ever. The driver tells a `max_bytes` that leaves this free.
pub const BEYOND_PART: u64 = 8;
/// Flash messages that one station may send in a burst (design §5).
const FLASH_BURST: u64 = 100;
/// And from then on, per second.
const FLASH_PER_SECOND: u64 = 10;

/// Bytes owed by direction: upward, downward, to this station itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed([u64; 3]);

fn direction(link: &Link) -> usize {
    match link {
        Link::Up => 0,
        Link::Down(_) => 1,
        Link::Inbox | Link::Adapter => 2,
    }
}

impl Owed {
    /// In all directions.
    pub(super) fn bytes(self) -> u64 {
        self.0.iter().fold(0, |sum, owed| sum.saturating_add(*owed))
    }

    fn add(&mut self, link: &Link, bytes: u64) {
        if let Some(owed) = self.0.get_mut(direction(link)) {
            *owed = owed.saturating_add(bytes);
        }
    }

    /// True if so many bytes more are within what this direction is guaranteed.
    fn is_guaranteed(self, direction: usize, bytes: u64, max_bytes: u64, percent: u64) -> bool {
        let mine = self.0.get(direction).copied().unwrap_or(0);
        mine.saturating_add(bytes) <= max_bytes / 100 * percent
    }

    /// True if so many bytes more in this direction leave the others what they are guaranteed.
    fn fits(self, direction: usize, bytes: u64, max_bytes: u64, share_percent: u64) -> bool {
        let share_bytes = max_bytes / 100 * share_percent;
        let others = self.0.iter().enumerate().filter(|(at, _)| *at != direction);
        let others_bytes: u64 = others.map(|(_, owed)| (*owed).max(share_bytes)).sum();
        let mine = self.0.get(direction).copied().unwrap_or(0);
        let mine = mine.saturating_add(bytes);
        mine <= share_bytes || mine.saturating_add(others_bytes) <= max_bytes
    }
}

/// Lets so many flash messages through.
pub(super) const fn flash_bucket() -> Bucket {
    Bucket::new(FLASH_BURST, FLASH_PER_SECOND)
}

impl Station {
    /// Counts anew what is owed in each direction.
    pub(super) fn count_owed(&mut self) {
        self.owed = Owed::default();
        for (link, lanes) in &self.kept.outbound {
            lanes.0.iter().for_each(|lane| self.owed.add(link, lane.owed_bytes()));
        }
    }

    /// True if a message of so many bytes with these legs may be taken.
    ///
    /// Publishers can be told to come again, and what is left beyond the limit is for flash; a
    /// neighbour that cannot get rid of what it holds cannot take what we hold.
    pub(super) fn has_room(
        &self,
        lane: Lane,
        envelope_bytes: usize,
        legs: &[Leg],
        via_neighbour: bool,
    ) -> bool {
        let reserve = match lane {
            Lane::Flash => 0,
            _ if mutant::is(Mutant::FlashReserveDropped) => 0,
            _ => self.disk.max_bytes / 100 * self.settings.flash_reserve_percent,
        };
        let max_bytes = self.disk.max_bytes.saturating_sub(reserve);
        let bytes = envelope_bytes as u64 + PUT_BYTES;
        let share = self.settings.share_percent;
        let filled = self.disk.filled_bytes().saturating_add(bytes);
        let fits = |leg: &Leg| {
            let direction = direction(&leg.link);
            // what is guaranteed is so against what nobody needs any more, too
            let guaranteed =
                via_neighbour && self.owed.is_guaranteed(direction, bytes, max_bytes, share);
            let beyond = if guaranteed { max_bytes / BEYOND_PART } else { 0 };
            filled < max_bytes.saturating_add(beyond)
                && self.owed.fits(direction, bytes, max_bytes, share)
        };
        legs.iter().all(fits)
    }

    /// A message was taken: counts it until the next count.
    pub(super) fn owes(&mut self, envelope_bytes: usize, legs: &[Leg]) {
        self.disk.taken_bytes += envelope_bytes as u64 + PUT_BYTES;
        let bytes = (envelope_bytes as u64 + PUT_BYTES) / legs.len().max(1) as u64;
        legs.iter().for_each(|leg| self.owed.add(&leg.link, bytes));
    }

    pub(super) fn flash_fault(&mut self, now: Now, lane: Lane) -> Result<(), Refusal> {
        if lane != Lane::Flash || self.flash.take(now.boot_us, 1) {
            return Ok(());
        }
        Err(Refusal::new(
            ErrorCode::RateLimited,
            format!(
                "{} has sent {FLASH_BURST} flash messages in a burst; {FLASH_PER_SECOND} a second \
                 are taken from now on: try again shortly, or with another precedence",
                self.here
            ),
        ))
    }

    pub(super) fn room_fault(&self) -> Refusal {
        Refusal::new(
            ErrorCode::SpoolFull,
            format!(
                "the spool holds {} of {} bytes (spool.max_bytes); nothing more is taken for this \
                 direction until its neighbours have taken some of it",
                self.disk.filled_bytes(),
                self.disk.max_bytes
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_direction_leaves_the_others_their_share() {
        let mut owed = Owed::default();
        owed.add(&Link::Up, 400);
        assert!(owed.fits(0, 100, 1000, 25), "what others are guaranteed is 500");
        owed.add(&Link::Up, 100);
        assert!(!owed.fits(0, 1, 1000, 25));
        assert!(owed.fits(1, 250, 1000, 25) && owed.fits(2, 250, 1000, 25));
        assert!(!owed.fits(1, 251, 1000, 25));
    }
}
