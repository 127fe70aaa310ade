//! [`Account`]: what is known of one message from outside.

use std::collections::BTreeSet;

use bytes::Bytes;
use yizhan_schemas::{Envelope, Lane};

use crate::workload::Matter;

/// One message.
#[derive(Debug)]
pub(super) struct Account {
    /// Its publisher's key.
    pub(super) key: u64,
    /// Its origin.
    pub(super) host: usize,
    /// Whom it is for.
    pub(super) targets: BTreeSet<usize>,
    /// The targets that nobody can give it any more.
    pub(super) excused: BTreeSet<usize>,
    /// The links on which somebody altered it, or what was sealed with it: from, to.
    pub(super) tampered: BTreeSet<(usize, usize)>,
    /// True if its publisher was told.
    pub(super) told: bool,
    /// As it was made.
    pub(super) bytes: Bytes,
    /// True if it is a command for a device.
    pub(super) video: bool,
    /// True if nothing can be wrong with the tree while it travels.
    encore: bool,
    lane: Lane,
    ttl_us: Option<u64>,
    /// Virtual time at which it became durable.
    taken_us: u64,
}

impl Account {
    pub(super) fn new(
        matter: &Matter,
        targets: BTreeSet<usize>,
        envelope: &Envelope,
        now_us: u64,
    ) -> Self {
        Self {
            key: matter.key,
            host: matter.host,
            targets,
            excused: BTreeSet::new(),
            tampered: BTreeSet::new(),
            told: false,
            bytes: envelope.bytes().clone(),
            video: matter.video,
            encore: matter.encore,
            lane: matter.lane,
            ttl_us: matter.ttl_ms.map(|ttl_ms| ttl_ms * 1000),
            taken_us: now_us,
        }
    }

    /// True if somebody altered it on this route.
    pub(super) fn is_tampered_on(&self, route: &[usize]) -> bool {
        let links = route.iter().zip(route.iter().skip(1));
        links.into_iter().any(|(from, to)| self.tampered.contains(&(*from, *to)))
    }

    /// By how much it is older than it may be, milliseconds, if it is by more than the error that
    /// measuring allows: `error_us` for what links hide, and a share of its age for clocks.
    pub(super) fn stale_ms(&self, now_us: u64, error_us: u64, drift_ppm: u64) -> Option<u64> {
        let age_us = now_us - self.taken_us;
        let allowed_us = self.ttl_us? + error_us + age_us * drift_ppm / 1_000_000;
        age_us.checked_sub(allowed_us).filter(|over_us| *over_us > 0).map(|over_us| over_us / 1000)
    }

    /// How long a flash message has been on its way.
    pub(super) fn flash_wait_us(&self, now_us: u64) -> Option<u64> {
        (self.lane == Lane::Flash).then(|| now_us - self.taken_us)
    }

    /// True if both are flash messages of one station, and the other was taken by so much before
    /// this one at the most.
    pub(super) fn is_behind(&self, other: &Self, within_us: u64) -> bool {
        let flash = [self.lane, other.lane] == [Lane::Flash; 2] && self.host == other.host;
        let before = self.taken_us.checked_sub(other.taken_us);
        flash && self.key != other.key && before.is_some_and(|before_us| before_us <= within_us)
    }

    /// True if its time to live is over. One of the encore has no reason not to arrive.
    pub(super) fn is_over(&self, now_us: u64) -> bool {
        !self.encore && self.ttl_us.is_some_and(|ttl_us| now_us - self.taken_us >= ttl_us)
    }

    /// True if it has a time to live.
    pub(super) fn is_perishable(&self) -> bool {
        self.ttl_us.is_some()
    }

    /// Bytes, once for each target.
    pub(super) fn weight(&self) -> u64 {
        (self.bytes.len() * self.targets.len()) as u64
    }
}
