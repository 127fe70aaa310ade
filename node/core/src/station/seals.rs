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
        link: &Link,
        (covers, record): Cover<'_>,
        header: &Header,
    ) -> Result<Option<Under>, SealFault> {
        let origin = self.origin_now(header);
        let neighbour = match link {
            Link::Down(child) => Some(child),
            _ => self.topology.parent(&self.here),
        };
        // behind a neighbour with a key, nobody's word goes for less than that neighbour's: else
        // it could speak for strangers, and for those whose keys were taken out of the file
        let keyed = |code| self.topology.station(code).is_some_and(|one| !one.keys.is_empty());
        let has_key = keyed(origin) || neighbour.is_some_and(keyed);
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
        self.rejected(link, header, &format!("seal: {} at {}", fault.word(), self.here));
        self.notice(step, Notice::Unsealed { link: link.clone(), id, fault });
        why
    }

    /// Says that a message is refused as its origin may not send it.
    pub(super) fn refuse_forbidden(
        &mut self,
        link: &Link,
        header: &Header,
        why: String,
        step: &mut Step,
    ) {
        self.rejected(link, header, &format!("forbidden at {}", self.here));
        self.notice(step, Notice::Forbidden { link: link.clone(), id: header.id(), why });
    }

    /// Tells the origin that nobody behind this station will have a message.
    fn rejected(&mut self, link: &Link, header: &Header, detail: &str) {
        if !header.kind.is_internal() {
            let stations = self.targets_behind(link, header);
            self.ended_at(&header.id(), stations, Outcome::Rejected, Some(detail));
        }
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
