//! What is not covered by its origin's seal is not taken: it is put aside, and its origin told.

use std::collections::BTreeSet;

use yizhan_schemas::{Code, Header, Outcome};

use super::Station;
use super::receive::Cover;
use crate::effect::Notice;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::record;
use crate::seal::{SealFault, Under};
use crate::step::Step;

impl Station {
    /// The seal that a message is under; none if its origin has no key, so that it cannot have one.
    pub(super) fn authentic(
        &self,
        (covers, record): Cover<'_>,
        header: &Header,
    ) -> Result<Option<Under>, SealFault> {
        let origin = self.topology.current(&header.origin).unwrap_or(&header.origin);
        let has_key = self.topology.station(origin).is_some_and(|known| !known.keys.is_empty());
        let has_key = has_key && !mutant::is(Mutant::SealsUnchecked);
        covers.of(record, origin, has_key)
    }

    /// Says that a message is refused for want of its seal, to people and to its origin; gives the
    /// words for it.
    pub(super) fn refuse_unsealed(
        &mut self,
        link: &Link,
        header: &Header,
        fault: SealFault,
        step: &mut Step,
    ) -> String {
        let id = header.id();
        let why = format!("{id} is not covered by a seal of {}: {fault}", header.origin);
        if !header.kind.is_internal() {
            let detail = format!("seal: {} at {}", fault.word(), self.here);
            let stations = self.targets_behind(link, header);
            self.ended_at(&id, stations, Outcome::Rejected, Some(&detail));
        }
        self.notice(step, Notice::Unsealed { link: link.clone(), id, fault });
        why
    }

    /// The stations that a message from this neighbour would have reached from here.
    fn targets_behind(&self, link: &Link, header: &Header) -> BTreeSet<Code> {
        let selectors = [Some(header.handled_by()), header.notify.as_ref()];
        let targets = selectors.into_iter().flatten();
        let mut stations: BTreeSet<Code> =
            targets.flat_map(|selector| self.topology.resolve(selector)).collect();
        stations.retain(|station| match link {
            Link::Down(child) => !station.is_within(child),
            _ => station.is_within(&self.here),
        });
        stations
    }
}

/// Keeps a seal with the messages of a step.
pub(super) fn kept((seal, leaf): &Under, step: &mut Step) -> record::Under {
    record::Under { seal: step.seal(seal), leaf: *leaf }
}
