//! Counts go up: what happened to matters here and below is told to the parent, so long after
//! something changed, and one digest at a time.

use yizhan_schemas::payload::stats::{self, Digest};
use yizhan_schemas::{Envelope, Lane};

use super::Station;
use super::receive::Heading;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record::{DigestTaken, Record};
use crate::step::Step;
use crate::time::Now;

/// The lane of digests: nobody waits for them.
const LANE: Lane = Lane::Routine;

/// The last digest that went up.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its leg.
    leg: u64,
    /// When the next one goes, if there is anything to tell, microseconds since boot.
    due_us: Option<u64>,
}

impl Station {
    /// How deep below the root this station is.
    pub fn depth(&self) -> u8 {
        self.topology.depth(&self.here).and_then(|depth| u8::try_from(depth).ok()).unwrap_or(0)
    }

    /// When the next digest may go; `None` while there is nothing to tell, or one on its way.
    pub(super) fn digest_due_us(&self) -> Option<u64> {
        if self.kept.tally.is_told() {
            return None;
        }
        self.neighbours.get(&Link::Up)?.session.as_ref()?;
        let acked = self.kept.outbound(&Link::Up, LANE).map_or(0, |owed| owed.acked);
        self.told.due_us.filter(|_| self.told.leg <= acked)
    }

    /// Tells the parent what it does not know, if it is time to.
    pub(super) fn tell_counts(&mut self, now: Now, step: &mut Step) {
        let every_us = self.settings.stats_every_ms.saturating_mul(1000);
        self.told.due_us = match self.kept.tally.is_told() {
            true => None,
            // what else happens meanwhile goes with it
            false => self.told.due_us.or(Some(now.boot_us.saturating_add(every_us))),
        };
        if self.digest_due_us().is_none_or(|at_us| at_us > now.boot_us) {
            return;
        }
        let digest = self.kept.tally.digest(self.depth());
        let Some(Ok(payload)) = digest.map(|digest| digest.encode()) else { return };
        let Some(leg) = self.put_to_neighbour(now, &Link::Up, LANE, stats::KIND, &payload, step)
        else {
            return;
        };
        self.told = Told { leg, due_us: None };
    }

    /// A child's digest came.
    pub(super) fn take_digest(
        &mut self,
        from: &Heading,
        sequence: u64,
        envelope: &Envelope,
        step: &mut Step,
    ) -> Result<(), String> {
        let id = envelope.header().id();
        let Link::Down(child) = &from.link else {
            return Err(format!("{id} comes from above; counts go up"));
        };
        let read = Digest::decode(envelope.payload());
        let mut digest = read.map_err(|fault| format!("{id}: {fault}"))?;
        if mutant::is(Mutant::DigestAddedTwice) {
            for (day, table) in &mut digest.days {
                if let Some(known) = self.kept.tally.of_child(child, *day) {
                    stats::join(table, known, stats::Counts::add);
                }
            }
        }
        let taken = DigestTaken { link: from.link.clone(), sequence, id, digest };
        self.write(step, Record::DigestTaken(taken));
        Ok(())
    }
}
