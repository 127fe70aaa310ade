//! Somebody on the way alters a message, in some stories.
//!
//! What its seal covers with it is lost by that, and the oracle is told which messages those are.
//! Receipts are spared: who alters them keeps origins in the dark, which nobody can help.

use rand::Rng;
use yizhan_schemas::Envelope;
use yizhan_schemas::frame::{Batch, Body, Record};

use super::World;

/// Bytes tried for one that leaves the message its id: what is said of it is said to its origin.
const TRIES: usize = 8;

impl World {
    /// The batch with a byte of a message altered, if it is one of those.
    pub(super) fn tampered(&mut self, from: usize, to: usize, batch: &Batch) -> Option<Batch> {
        let chance = self.weather.tamper;
        if chance == 0.0 || batch.packing.is_some() || !self.tamper.random_bool(chance) {
            return None;
        }
        let mut body = Body::decode(&batch.body).ok()?;
        let read = |record: &Record| match record {
            Record::Carried(carried) => Envelope::read(carried.envelope.clone()).ok(),
            Record::Skip(_) => None,
        };
        let messages: Vec<Option<Envelope>> = body.records.iter().map(read).collect();
        if messages.iter().flatten().any(|message| message.header().kind.is_internal()) {
            return None;
        }
        let at = self.tamper.random_range(0..body.records.len().max(1));
        let message = messages.get(at)?.as_ref()?;
        let altered = self.altered(message)?;
        if let Some(Record::Carried(carried)) = body.records.get_mut(at) {
            carried.envelope = altered;
        }
        let covers = |run: &yizhan_schemas::seal::Run| {
            let first = run.record as usize;
            first..first + run.count as usize
        };
        let seal =
            body.seals.iter().find(|seal| seal.runs.iter().any(|run| covers(run).contains(&at)))?;
        for record in seal.runs.iter().flat_map(covers) {
            if let Some(Some(message)) = messages.get(record) {
                let id = message.header().id();
                self.oracle.tampered(from, to, &id);
            }
        }
        self.figures.tampered += 1;
        self.tell(format_args!(
            "{} is altered on its way from {from} to {to}",
            message.header().id()
        ));
        Some(Batch { body: body.encode().ok()?, ..batch.clone() })
    }

    fn altered(&mut self, message: &Envelope) -> Option<bytes::Bytes> {
        let id = message.header().id();
        (0..TRIES).find_map(|_| {
            let mut bytes = message.bytes().to_vec();
            let at = self.tamper.random_range(0..bytes.len());
            *bytes.get_mut(at)? ^= self.tamper.random_range(1..=u8::MAX);
            let read = Envelope::read(bytes.clone().into());
            read.map_or(true, |read| read.header().id() == id).then(|| bytes.into())
        })
    }
}
