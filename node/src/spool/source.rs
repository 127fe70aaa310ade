//! The log's reader as core, links, inbox and journal see it.

use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::link::Link;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::Chain;

use super::log::{self, LegReader};

impl LegSource for LegReader {
    fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        let mut enough = false;
        let read = Self::legs(self, link, lane, from, through, &mut |reading| {
            let more = each(leg(reading));
            enough = !more;
            more
        });
        let next = read.map_err(|fault| fault.to_string())?;
        if next <= through && !enough {
            return Err(format!("the log ends before leg {next} of {}", link.word()));
        }
        Ok(())
    }

    fn chain_at(&self, link: &Link, lane: Lane, sequence: u64) -> Option<Chain> {
        match Self::chain_at(self, link, lane, sequence) {
            Ok(chain) => chain,
            Err(fault) => {
                tracing::warn!(
                    event = "chain_broken",
                    %fault,
                    "no chain: the lane is numbered anew"
                );
                None
            }
        }
    }
}

fn leg(reading: log::Reading) -> Reading {
    match reading {
        log::Reading::Gap { from, through } => Reading::Gap { from, through },
        log::Reading::Leg(leg) => Reading::Leg(HeldLeg {
            sequence: leg.sequence,
            chain: leg.chain,
            envelope: leg.envelope_bytes,
            age_ms: leg.age_ms,
            age_unknown: leg.age_unknown,
            hops: leg.hops,
            late: leg.late,
            own: leg.own,
            under: leg.under,
            boot: leg.boot,
            taken_boot_ms: leg.taken_boot_ms,
        }),
    }
}
