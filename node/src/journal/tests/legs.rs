//! The log's reader as the journal sees it.

use yizhan_core::fill::{LegSource, Reading};
use yizhan_core::link::Link;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::Chain;

use crate::spool::{self, LegReader};

pub(super) struct Legs(pub(super) LegReader);

impl LegSource for Legs {
    fn legs(
        &self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        let mut give = |reading| match reading {
            spool::Reading::Gap { from, through } => each(Reading::Gap { from, through }),
            spool::Reading::Leg(leg) => each(Reading::Leg(yizhan_core::fill::HeldLeg {
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
            })),
        };
        let read = self.0.legs(link, lane, from, through, &mut give);
        read.map(drop).map_err(|fault| fault.to_string())
    }

    fn chain_at(&self, _: &Link, _: Lane, _: u64) -> Option<Chain> {
        None
    }
}
