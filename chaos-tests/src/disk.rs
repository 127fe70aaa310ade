//! [`Disk`]: a custody log that forgets what was not synced.

use std::collections::BTreeMap;

use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_core::step::{Spool, Writes};
use yizhan_schemas::Lane;
use yizhan_schemas::frame::Chain;

/// The log of one station.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    records: Vec<Record>,
    synced: usize,
    legs: BTreeMap<(Link, Lane, u64), usize>,
}

impl Spool for Disk {
    type Error = std::convert::Infallible;

    fn write(&mut self, writes: &Writes) -> Result<(), Self::Error> {
        self.records.extend_from_slice(writes.records());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Self::Error> {
        let fresh = self.records.iter().enumerate().skip(self.synced);
        for (at, record) in fresh {
            let Record::Put(put) = record else { continue };
            let lane = put.envelope.header().lane;
            for leg in &put.legs {
                let key = (leg.link.clone(), leg.link.numbered_lane(lane), leg.sequence);
                self.legs.insert(key, at);
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

    /// What a station remembers that opens this log; also syncs it, as opening does.
    pub fn recover(&mut self) -> Kept {
        let Ok(()) = self.sync();
        let mut kept = Kept::default();
        for record in &self.records {
            // no snapshots in here, and nothing else can fail to apply
            let _ = kept.apply(record);
        }
        kept
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

    /// The message of one leg.
    pub fn put(&self, link: &Link, lane: Lane, sequence: u64) -> Option<&Put> {
        let key = (link.clone(), link.numbered_lane(lane), sequence);
        match self.records.get(*self.legs.get(&key)?) {
            Some(Record::Put(put)) => Some(put),
            _ => None,
        }
    }
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
