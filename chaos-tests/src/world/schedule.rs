//! What a plan puts on the calendar before the story begins.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Attempt, Event, World};

impl World {
    pub(super) fn schedule_plan(&mut self) {
        for host in 0..self.hosts.len() {
            self.at(0, Event::Start { host });
        }
        let mut at = 1000;
        for key in 0..u64::from(self.plan.messages) {
            at += self.dice.random_range(1..=self.plan.pace_us * 2);
            let host = self.dice.random_range(0..self.hosts.len());
            self.at(at, Event::Submit { host, key, attempt: Attempt::First });
            if self.dice.random_bool(self.plan.repeats) {
                let later = at + self.dice.random_range(1..3_000_000);
                self.at(later, Event::Submit { host, key, attempt: Attempt::First });
            }
        }
        let safety = self.plan.safety_us();
        self.schedule_faults(safety);
        self.at(safety, Event::Calm);
    }

    fn schedule_faults(&mut self, safety: u64) {
        let when = |dice: &mut SmallRng| dice.random_range(1..safety);
        for power in [false, true] {
            for _ in 0..if power { self.plan.power_cuts } else { self.plan.crashes } {
                let (at, host) = (when(&mut self.dice), self.dice.random_range(0..2));
                self.at(at, Event::Crash { host, power });
            }
        }
        for _ in 0..self.plan.partitions {
            let at = when(&mut self.dice);
            let refused = self.dice.random_bool(0.5);
            self.at(at, Event::Partition { refused });
            let heal = at + self.dice.random_range(1_000..30_000_000);
            self.at(heal, Event::Heal);
        }
        let host = self.plan.unlucky;
        for _ in 0..self.plan.stores_lost {
            let at = when(&mut self.dice);
            self.at(at, Event::LoseStore { host });
        }
        for _ in 0..self.plan.stores_restored {
            let (a, b) = (when(&mut self.dice), when(&mut self.dice));
            self.at(a.min(b), Event::KeepCopy { host });
            self.at(a.max(b), Event::RestoreCopy { host });
        }
    }
}
