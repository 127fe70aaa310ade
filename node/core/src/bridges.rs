//! [`Bridges`]: how the clocks of earlier boots of this machine relate to the present one.
//!
//! Power-off time is unknown here, but a neighbour whose machine ran on knows it: its clock was
//! read in both boots. Errors of the two readings are taken on the side that makes messages older,
//! never younger, than they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::link::Link;
use crate::record::{Bridged, Exchanged};
use crate::time::{BootClock, BootId};

/// Bridges remembered: messages older than so many power cuts count as of unknown age.
pub const BRIDGES_MAX: usize = 64;

/// What is known of clocks, over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridges {
    /// The last reading of each neighbour's clock.
    exchanges: BTreeMap<Link, Exchanged>,
    /// From one boot to a later one, oldest first.
    bridges: Vec<Bridged>,
}

impl Bridges {
    /// A neighbour's clock was read.
    pub fn exchanged(&mut self, reading: Exchanged) {
        self.exchanges.insert(reading.link.clone(), reading);
    }

    /// Two boots were bridged.
    pub fn bridged(&mut self, bridge: Bridged) {
        self.bridges.retain(|known| known.from != bridge.from);
        self.bridges.push(bridge);
        if self.bridges.len() > BRIDGES_MAX {
            self.bridges.remove(0);
        }
    }

    /// The last reading of this neighbour's clock.
    pub fn reading(&self, link: &Link) -> Option<&Exchanged> {
        self.exchanges.get(link)
    }

    /// What a reading at `our_ms` of boot `boot`, of a neighbour's clock in its boot
    /// `their_boot`, makes of the last boot in which that clock was read: a bridge, if there is
    /// none yet.
    pub fn bridge(
        &self,
        link: &Link,
        their_boot: BootId,
        their_ms: u64,
        boot: BootId,
        our_ms: u64,
    ) -> Option<Bridged> {
        let before = self.exchanges.get(link)?;
        let known = self.bridges.iter().any(|bridge| bridge.from == before.boot);
        if before.their_boot != their_boot || before.boot == boot || known {
            return None;
        }
        let passed_ms = i128::from(their_ms) - i128::from(before.their_ms);
        let offset_ms = i128::from(our_ms) - passed_ms - i128::from(before.our_ms);
        let offset_ms = i64::try_from(offset_ms).ok()?;
        Some(Bridged { from: before.boot, to: boot, offset_ms })
    }

    /// The clock of a boot, with all earlier ones that lead to it.
    pub fn clock(&self, boot: BootId) -> BootClock {
        let mut clock = BootClock::of(boot);
        // a bridge's end is never older than its beginning, so the newest first finds all
        for bridge in self.bridges.iter().rev() {
            let onward =
                if bridge.to == boot { Some(0) } else { clock.bridges.get(&bridge.to).copied() };
            if let Some(onward) = onward.filter(|_| bridge.from != boot) {
                clock.bridges.insert(bridge.from, bridge.offset_ms.saturating_add(onward));
            }
        }
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Now;

    fn reading(their_ms: u64, boot: u32, our_ms: u64) -> Exchanged {
        let (their_boot, boot) = (BootId(77), BootId(boot));
        Exchanged { link: Link::Up, their_boot, their_ms, boot, our_ms }
    }

    #[test]
    fn a_neighbour_that_ran_on_tells_how_long_the_power_was_off() {
        let mut known = Bridges::default();
        known.exchanged(reading(1_000_000, 1, 500_000));
        // an hour later by its clock, ours has been running for 20 seconds
        let bridge = known.bridge(&Link::Up, BootId(77), 4_600_000, BootId(2), 20_000).unwrap();
        known.bridged(bridge);
        let now = Now { boot_us: 20_000_000, wall_ms: 0 };
        let clock = known.clock(BootId(2));
        assert_eq!(clock.since_ms(now, BootId(1), 500_000), Some(3_600_000));
        assert_eq!(clock.since_ms(now, BootId(1), 560_000), Some(3_540_000), "it ran on a minute");
    }

    #[test]
    fn bridges_lead_over_several_power_cuts() {
        let mut known = Bridges::default();
        known.bridged(Bridged { from: BootId(1), to: BootId(2), offset_ms: -100 });
        known.bridged(Bridged { from: BootId(2), to: BootId(3), offset_ms: -1000 });
        assert_eq!(known.clock(BootId(3)).bridges.get(&BootId(1)), Some(&-1100));
        assert_eq!(known.clock(BootId(4)).bridges.len(), 0, "nothing leads there yet");
    }

    #[test]
    fn a_neighbour_that_lost_its_power_too_tells_nothing() {
        let mut known = Bridges::default();
        known.exchanged(reading(1_000_000, 1, 500_000));
        assert_eq!(known.bridge(&Link::Up, BootId(78), 9_000_000, BootId(2), 20_000), None);
        assert_eq!(known.bridge(&Link::Up, BootId(77), 9_000_000, BootId(1), 900_000), None);
    }

    #[test]
    fn each_power_cut_is_bridged_once_by_the_last_reading_before_it() {
        let mut known = Bridges::default();
        known.exchanged(reading(1_000_000, 1, 500_000));
        known.bridged(known.bridge(&Link::Up, BootId(77), 4_600_000, BootId(2), 20_000).unwrap());
        let again = known.bridge(&Link::Up, BootId(77), 4_700_000, BootId(2), 120_000);
        assert_eq!(again, None, "the first reading after the cut tells it best");
        let latest = reading(4_700_000, 2, 120_000);
        known.exchanged(latest.clone());
        assert_eq!(known.reading(&Link::Up), Some(&latest));
        let second = known.bridge(&Link::Up, BootId(77), 5_000_000, BootId(3), 10_000).unwrap();
        known.bridged(second);
        let now = Now { boot_us: 10_000_000, wall_ms: 0 };
        assert_eq!(known.clock(BootId(3)).since_ms(now, BootId(2), 120_000), Some(300_000));
        assert_eq!(known.clock(BootId(3)).since_ms(now, BootId(1), 500_000), Some(4_000_000));
    }

    #[test]
    fn messages_older_than_so_many_power_cuts_are_of_unknown_age() {
        let mut known = Bridges::default();
        let cut = |n| Bridged { from: BootId(n), to: BootId(n + 1), offset_ms: -1 };
        let last = BRIDGES_MAX as u32 + 1;
        (1..last).for_each(|n| known.bridged(cut(n)));
        assert_eq!(known.clock(BootId(last)).bridges.len(), BRIDGES_MAX);
        known.bridged(cut(last));
        let bridges = known.clock(BootId(last + 1)).bridges;
        assert_eq!((bridges.len(), bridges.get(&BootId(1))), (BRIDGES_MAX, None));
    }
}
