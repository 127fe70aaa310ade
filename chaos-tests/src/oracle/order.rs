//! [`Order`]: what inboxes hold, in which order it came, and what of that must not be.

use std::collections::{BTreeMap, BTreeSet};

use yizhan_schemas::{Epoch, Lane, MessageId};

/// The how-manieth opening of its origin, and the sequence in it.
type Place = (usize, u64);

/// The inboxes of all stations.
#[derive(Debug, Default)]
pub(super) struct Order {
    openings: BTreeMap<(usize, Epoch), usize>,
    inboxes: BTreeMap<usize, Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    entries: Vec<Entry>,
    ids: BTreeSet<MessageId>,
    keys: BTreeMap<u64, u32>,
    /// All that ever entered: an old copy may hold what a later one lost.
    ever: BTreeMap<MessageId, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    origin: usize,
    key: u64,
    id: MessageId,
    place: Place,
    /// True if it is marked late: it may stand out of order.
    late: bool,
}

impl Order {
    pub(super) fn opened(&mut self, host: usize, epoch: Epoch) {
        let nth = self.openings.len();
        self.openings.insert((host, epoch), nth);
    }

    pub(super) fn has(&self, host: usize, id: &MessageId) -> bool {
        self.inboxes.get(&host).is_some_and(|inbox| inbox.ids.contains(id))
    }

    /// A message enters an inbox; what is wrong with that. `late` says that it is marked so,
    /// `touched` that a store on its way was lost or put back, `forgotten` that its origin may have
    /// forgotten its publishers' keys.
    pub(super) fn entered(
        &mut self,
        host: usize,
        origin: usize,
        key: u64,
        id: &MessageId,
        late: bool,
        (touched, forgotten): (bool, bool),
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let Some(opening) = self.openings.get(&(origin, id.epoch)) else {
            return vec![format!("authentic: {id} is of an opening that never was")];
        };
        let place = (*opening, id.sequence);
        let inbox = self.inboxes.entry(host).or_default();
        if !inbox.ids.insert(id.clone()) {
            faults.push(format!("once: {id} entered {host} again"));
        }
        let times = inbox.keys.entry(key).or_insert(0);
        *times += 1;
        if *times > 1 && !forgotten {
            faults.push(format!("once: key {key} entered {host} again, as {id}"));
        }
        // after a refill nobody can order openings that the receiver never saw: a known limit
        let opening = touched.then_some(place.0);
        let last = inbox.last(origin, id.lane, opening);
        if let Some(last) = last.filter(|last| last.place >= place && !late) {
            faults.push(format!("in order: {id} entered {host} after {}", last.id));
        }
        let entry = Entry { origin, key, id: id.clone(), place, late };
        inbox.ever.insert(id.clone(), entry.clone());
        inbox.entries.push(entry);
        faults
    }

    /// These messages are in an inbox now.
    pub(super) fn put_back(&mut self, host: usize, left: &[MessageId]) {
        let inbox = self.inboxes.entry(host).or_default();
        inbox.ids = left.iter().cloned().collect();
        inbox.entries = left.iter().filter_map(|id| inbox.ever.get(id)).cloned().collect();
        inbox.keys.clear();
        for entry in &inbox.entries {
            *inbox.keys.entry(entry.key).or_insert(0) += 1;
        }
    }
}

impl Inbox {
    /// The latest message of an origin in a lane (of one opening, if that is given) that came in
    /// its order.
    fn last(&self, origin: usize, lane: Lane, opening: Option<usize>) -> Option<&Entry> {
        let mut in_order = self.entries.iter().rev().filter(|entry| !entry.late);
        in_order.find(|entry| {
            (entry.origin, entry.id.lane) == (origin, lane)
                && opening.is_none_or(|opening| entry.place.0 == opening)
        })
    }
}
