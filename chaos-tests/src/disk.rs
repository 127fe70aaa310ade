//! [`Disk`]: a custody log that forgets what was not synced.

use std::collections::{BTreeMap, BTreeSet};

use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_core::step::{Spool, Writes};
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Lane, MessageId};

/// The log of one station.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    records: Vec<Record>,
    synced: usize,
    legs: BTreeMap<(Link, Lane, u64), usize>,
    /// Messages that are durable here.
    ids: BTreeSet<MessageId>,
    /// The latest snapshot that is synced.
    snapshot: Option<usize>,
}

impl Spool for Disk {
    type Error = std::convert::Infallible;

    fn write(&mut self, writes: &Writes) -> Result<(), Self::Error> {
        self.records.extend_from_slice(writes.records());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Self::Error> {
        for (at, record) in self.records.iter().enumerate().skip(self.synced) {
            match record {
                Record::Snapshot(_) => self.snapshot = Some(at),
                Record::Put(put) => {
                    let lane = put.envelope.header().lane;
                    for leg in &put.legs {
                        let key = (leg.link.clone(), leg.link.numbered_lane(lane), leg.sequence);
                        self.legs.insert(key, at);
                    }
                    self.ids.insert(put.envelope.header().id());
                }
                _ => {}
            }
        }
        self.synced = self.records.len();
        Ok(())
    }
}

impl Disk {
    /// Loses what was not synced.
    pub fn cut_power(&mut self) {
        self.records.truncate(self.synced);
    }

    /// What a station remembers that opens this log; also syncs it, as opening does: what is read
    /// may be in the page cache only, and the station will speak on the strength of it.
    ///
    /// # Errors
    /// A snapshot does not say what the records before it say.
    pub fn recover(&mut self) -> Result<Kept, String> {
        let Ok(()) = self.sync();
        let from = self.snapshot.unwrap_or(0);
        let kept = fold(self.records.iter().skip(from))?;
        if self.snapshot.is_some() && kept != fold(self.records.iter())? {
            return Err("the snapshot differs from the records that it stands for".to_owned());
        }
        Ok(kept)
    }

    /// True if a message is durable here.
    pub fn holds(&self, id: &MessageId) -> bool {
        self.ids.contains(id)
    }

    /// Records since the last snapshot.
    pub fn since_snapshot(&self) -> usize {
        self.records.len() - self.snapshot.map_or(0, |at| at + 1)
    }

    /// The message of one leg.
    pub fn put(&self, link: &Link, lane: Lane, sequence: u64) -> Option<&Put> {
        let key = (link.clone(), link.numbered_lane(lane), sequence);
        match self.records.get(*self.legs.get(&key)?) {
            Some(Record::Put(put)) => Some(put),
            _ => None,
        }
    }

    /// One leg, as a reader of the log gets it.
    pub fn leg(&self, link: &Link, lane: Lane, sequence: u64) -> Option<HeldLeg> {
        let put = self.put(link, lane, sequence)?;
        let leg = put.legs.iter().find(|leg| leg.link == *link)?;
        Some(HeldLeg {
            sequence,
            chain: leg.chain,
            envelope: put.envelope.bytes().clone(),
            age_ms: put.age_ms,
            age_unknown: put.age_unknown,
            hops: put.hops,
            late: put.late,
            boot: put.boot,
            taken_boot_ms: put.taken_boot_ms,
        })
    }
}

fn fold<'a>(records: impl Iterator<Item = &'a Record>) -> Result<Kept, String> {
    let mut kept = Kept::default();
    for record in records {
        kept.apply(record).map_err(|fault| format!("a record does not apply: {fault}"))?;
    }
    Ok(kept)
}

impl LegSource for Disk {
    fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        let held = (from..=through).map_while(|sequence| self.leg(link, lane, sequence));
        for leg in held {
            if !each(Reading::Leg(leg)) {
                break;
            }
        }
        Ok(())
    }

    fn chain_at(&self, link: &Link, lane: Lane, sequence: u64) -> Option<Chain> {
        self.leg(link, lane, sequence).map(|leg| leg.chain)
    }
}
