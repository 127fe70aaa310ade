//! Two stations tell each other their clocks, so that time without power can be counted as age.

use std::sync::Arc;

use super::Station;
use crate::link::Link;
use crate::record::{Exchanged, Record};
use crate::step::Step;
use crate::time::{BootId, Now};

/// Both machines' clocks drift; so a reading is renewed after this long, microseconds.
const READ_AGAIN_US: u64 = 3_600_000_000;

/// Our clock and a neighbour's, at one moment, each since its own boot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    pub(super) our_ms: u64,
    pub(super) their_ms: u64,
}

impl Station {
    /// A session begins: at `high.our_ms` the neighbour's clock stood no later than
    /// `high.their_ms`, and at `low.our_ms` no earlier than `low.their_ms`.
    pub(super) fn clocks_met(
        &mut self,
        link: &Link,
        their_boot: Option<u32>,
        high: Option<Met>,
        low: Met,
        step: &mut Step,
    ) {
        let Some(their_boot) = their_boot.map(BootId) else { return };
        if let Some(Met { our_ms, their_ms }) = high {
            let known = &self.kept.clocks;
            if let Some(bridge) = known.bridge(link, their_boot, their_ms, self.boot, our_ms) {
                self.write(step, Record::Bridged(bridge));
                self.clock = Arc::new(self.kept.clocks.clock(self.boot));
                self.perishing =
                    super::perish::Perishing::of(&self.kept, &self.clock, self.opened_ms);
            }
        }
        self.read_clock(link, their_boot, low, step);
    }

    fn read_clock(&mut self, link: &Link, their_boot: BootId, low: Met, step: &mut Step) {
        let Met { our_ms, their_ms } = low;
        // an unbridged earlier boot still needs the reading that was taken in it
        let before = self.kept.clocks.reading(link);
        let still_needed = before.is_some_and(|before| {
            before.boot != self.boot
                && !self.clock.bridges.contains_key(&before.boot)
                && before.their_boot == their_boot
        });
        if !still_needed {
            let (link, boot) = (link.clone(), self.boot);
            self.write(
                step,
                Record::Exchanged(Exchanged { link, their_boot, their_ms, boot, our_ms }),
            );
        }
    }

    /// A frame with the neighbour's clock came in a session that stands: renews an old reading.
    pub(super) fn read_clock_again(
        &mut self,
        now: Now,
        link: &Link,
        sent_ms: u64,
        step: &mut Step,
    ) {
        let Some(before) = self.kept.clocks.reading(link) else { return };
        let age_us = now.boot_us.saturating_sub(before.our_ms.saturating_mul(1000));
        if before.boot == self.boot && age_us >= READ_AGAIN_US {
            let (their_boot, low) =
                (before.their_boot, Met { our_ms: now.boot_ms(), their_ms: sent_ms });
            self.read_clock(link, their_boot, low, step);
        }
    }
}
