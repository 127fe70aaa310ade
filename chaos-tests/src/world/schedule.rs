//! What a plan puts on the calendar before the story begins.

use rand::Rng;
use rand::rngs::SmallRng;

use super::World;
use super::event::{Attempt, Event, Fault};
use crate::dice::one_of;
use crate::plan::Faults;

/// A wall clock jumps by at most this, milliseconds: two days.
const JUMP_MS_MAX: i64 = 172_800_000;
/// Which ways of a link break: both, up, down.
const BREAKS: [(bool, bool); 3] = [(true, true), (true, false), (false, true)];

impl World {
    pub(super) fn schedule_plan(&mut self) {
        for host in 0..self.tree.len() {
            // stations are switched on one after the other, in no order
            let at = self.dice.random_range(0..500_000);
            self.at(at, Event::Start { host });
        }
        // where nothing goes wrong, even the beginning is no excuse for waiting
        let mut at = if self.plan.faults == Faults::default() { 5_000_000 } else { 1_000 };
        for matter in self.matters.clone().into_iter().filter(|m| !m.encore && m.deed.is_none()) {
            at += self.dice.random_range(1..=self.plan.work.pace_us * 2);
            let (host, key) = (matter.host, matter.key);
            self.at(at, Event::Submit { host, key, why: Attempt::First });
            if matter.repeated {
                let later = at + self.dice.random_range(1..3_000_000);
                self.at(later, Event::Submit { host, key, why: Attempt::Repeat });
            }
        }
        self.schedule_affairs();
        let safety_us = self.plan.safety_us();
        self.schedule_faults(safety_us);
        self.at(safety_us, Event::Calm);
    }

    fn schedule_faults(&mut self, safety_us: u64) {
        let faults = self.plan.faults.clone();
        let stations = self.tree.len();
        let mut plan = Vec::new();
        let dice = &mut self.dice;
        let for_us = |dice: &mut SmallRng, most: u64| {
            // short ones and long ones alike
            let most = if dice.random_bool(0.5) { most / 20 } else { most };
            dice.random_range(1_000..most.max(2_000))
        };
        let mut on = |count: u32, fault: &mut dyn FnMut(&mut SmallRng) -> Fault| {
            for _ in 0..count {
                let at = dice.random_range(1..safety_us);
                plan.push((at, fault(&mut *dice)));
            }
        };
        let host = |dice: &mut SmallRng| dice.random_range(0..stations);
        on(faults.crashes, &mut |dice| Fault::Crash { host: host(dice) });
        on(faults.power_cuts, &mut |dice| Fault::PowerCut { host: host(dice) });
        on(faults.failed_syncs, &mut |dice| Fault::FailedSync { host: host(dice) });
        on(faults.pauses, &mut |dice| Fault::Pause {
            host: host(dice),
            for_us: for_us(dice, faults.pause_us_max),
        });
        on(faults.jumps, &mut |dice| Fault::Jump {
            host: host(dice),
            by_ms: dice.random_range(-JUMP_MS_MAX..JUMP_MS_MAX),
        });
        on(faults.inboxes_away, &mut |dice| Fault::InboxAway {
            host: host(dice),
            for_us: for_us(dice, faults.outage_us_max),
        });
        on(faults.stores_lost, &mut |dice| Fault::LoseStore { host: host(dice) });
        if stations > 1 {
            on(faults.cuts, &mut |dice| {
                let (up, down) = one_of(dice, BREAKS);
                let refused = up && down && dice.random_bool(0.5);
                let for_us = for_us(dice, faults.outage_us_max);
                Fault::Cut { child: dice.random_range(1..stations), up, down, refused, for_us }
            });
            on(faults.stalls, &mut |dice| {
                let (up, down) = one_of(dice, BREAKS);
                let for_us = for_us(dice, faults.outage_us_max);
                Fault::Stall { child: dice.random_range(1..stations), up, down, for_us }
            });
        }
        for _ in 0..faults.stores_restored {
            let host = dice.random_range(0..stations);
            let (a, b) = (dice.random_range(1..safety_us), dice.random_range(1..safety_us));
            plan.push((a.min(b), Fault::KeepCopy { host }));
            plan.push((a.max(b), Fault::Restore { host }));
        }
        for (at, fault) in plan {
            self.at(at, Event::Fault(fault));
        }
    }
}
