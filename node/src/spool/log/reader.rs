//! [`LegReader`]: legs out of the log, in order, beside the writer.
//!
//! Promise: only legs of synced commits are shown, each with the bytes that were taken in, and a
//! leg that the log knows of and cannot give back is said to be a gap. A leg that the log has
//! never heard of is not a gap: there is nothing to say about it yet.

use std::sync::Arc;

use bytes::Bytes;
use yizhan_core::link::Link;
use yizhan_core::seal::Under;
use yizhan_core::time::BootId;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::Chain;

use super::merge::Merge;
use super::part::held_leg;
use super::ring::RingLeg;
use super::shared::{Outlook, Shared};
use crate::spool::disk;
use crate::spool::error::SpoolError;

/// A message that is owed to a link.
///
/// Its bytes are a slice of what was read or written in one go (up to some hundred KiB): keep it
/// no longer than it takes to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLeg {
    /// Dense per link and lane.
    pub sequence: u64,
    /// The chain through it.
    pub chain: Chain,
    /// The log's own number of the commit that holds it, counted from 1 since the log was made.
    pub put_at: u64,
    /// Bytes of the [`yizhan_schemas::Envelope`].
    pub envelope_bytes: Bytes,
    /// Known age when it was taken, milliseconds.
    pub age_ms: u64,
    /// True if some station before could not tell how long it held it.
    pub age_unknown: bool,
    /// Links crossed to come here.
    pub hops: u32,
    /// True if it came behind one that it should have come before.
    pub late: bool,
    /// True for a message of this station.
    pub own: bool,
    /// The seal that it came under.
    pub under: Option<Under>,
    /// The boot in which it was taken.
    pub boot: BootId,
    /// Our clock since that boot when it was taken, milliseconds.
    pub taken_boot_ms: u64,
    /// Our wall clock then, Unix milliseconds.
    pub taken_wall_ms: u64,
}

/// What [`LegReader::legs`] has to say, in order of leg sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A leg.
    Leg(HeldLeg),
    /// Legs that the log cannot give back.
    Gap {
        /// First leg.
        from: u64,
        /// Last leg.
        through: u64,
    },
}

/// Reads legs while another thread writes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LegReader {
    shared: Arc<Shared>,
}

impl LegReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Gives the legs `from..=through` of a link to `each`, in order, until it answers `false`.
    /// `lane` is the lane that the legs are numbered in ([`Link::numbered_lane`]).
    ///
    /// Returns the sequence that follows the last one spoken for: `through + 1` if all were, less
    /// if the log has no more or `each` had enough.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if a segment cannot be read. That is not a gap: another try may succeed.
    pub fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<u64, SpoolError> {
        let lane = link.numbered_lane(lane);
        let mut turn = Turn { next: from, each };
        loop {
            let outlook = self.shared.read().outlook(link, lane, turn.next, through);
            let go_on = match outlook {
                Outlook::Nothing => return Ok(turn.next),
                Outlook::Ring(legs) => legs.iter().all(|leg| turn.ring_leg(link, leg)),
                Outlook::Files(starts, last) => {
                    Merge::new(&self.shared, link, lane, starts).read(&mut turn, last)?
                }
            };
            if !go_on {
                return Ok(turn.next);
            }
        }
    }

    /// The chain through one leg, if the log still has that leg. There is no leg 0.
    ///
    /// # Errors
    /// As [`LegReader::legs`].
    pub fn chain_at(
        &self,
        link: &Link,
        lane: Lane,
        sequence: u64,
    ) -> Result<Option<Chain>, SpoolError> {
        let lane = link.numbered_lane(lane);
        let state = self.shared.read();
        let newest = state.ring.first_from(link, lane, sequence);
        if let Some(leg) = newest.filter(|leg| leg.sequence == sequence) {
            return Ok(Some(leg.chain));
        }
        drop(state);
        let mut chain = None;
        self.legs(link, lane, sequence, sequence, &mut |reading| {
            if let Reading::Leg(leg) = reading {
                chain = Some(leg.chain);
            }
            true
        })?;
        Ok(chain)
    }

    /// Bytes that the log's segments take on disk.
    pub fn held_bytes(&self) -> u64 {
        self.shared.read().held_bytes()
    }

    /// Bytes free on the spool's volume.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the system does not say.
    pub fn volume_free_bytes(&self) -> Result<u64, SpoolError> {
        disk::free_bytes(&self.shared.dir)
    }
}

/// One call of [`LegReader::legs`]: what comes next and who wants it.
pub(super) struct Turn<'a> {
    pub(super) next: u64,
    each: &'a mut dyn FnMut(Reading) -> bool,
}

impl Turn<'_> {
    /// Hands out the next leg.
    pub(super) fn leg(&mut self, leg: HeldLeg) -> bool {
        self.next = leg.sequence.saturating_add(1);
        (self.each)(Reading::Leg(leg))
    }

    /// Says that legs through this one are not to be had; nothing if there are none.
    pub(super) fn gap(&mut self, through: u64) -> bool {
        if through < self.next {
            return true;
        }
        let from = std::mem::replace(&mut self.next, through.saturating_add(1));
        (self.each)(Reading::Gap { from, through })
    }

    fn ring_leg(&mut self, link: &Link, leg: &RingLeg) -> bool {
        let seals = leg.seals.as_deref().unwrap_or_default();
        match held_leg(&leg.record, seals, link, leg.sequence, leg.put_at) {
            Some(held) => self.leg(held),
            None => self.gap(leg.sequence),
        }
    }
}
