//! What goes wrong in a [`World`], and how it is mended.

use rand::Rng;

use yizhan_schemas::frame::VERSION;

use super::World;
use super::event::{Event, Fault};
use crate::network::{Course, Passage};
use crate::plan::Faults;

impl World {
    pub(super) fn go_wrong(&mut self, fault: Fault) {
        if self.calm {
            return;
        }
        self.tell(format_args!("{fault:?}"));
        match fault {
            Fault::Crash { host } => self.crash(host, false),
            Fault::PowerCut { host } => self.crash(host, true),
            Fault::FailedSync { host } => {
                self.figures.failed_syncs += 1;
                self.crash(host, false);
                if let Some(h) = self.hosts.get_mut(host) {
                    h.disk.fail_sync();
                }
            }
            Fault::Pause { host, for_us } => {
                self.figures.pauses += 1;
                if let Some(h) = self.hosts.get_mut(host).filter(|h| h.process.is_some()) {
                    h.paused_us = h.paused_us.max(self.now_us + for_us);
                }
                self.touched(host);
            }
            Fault::Cut { child, up, down, refused, for_us } => {
                self.outage(child, up, down, Passage::Shut, for_us);
                if refused {
                    let life = self.hosts.get(child).map_or(0, |h| h.life);
                    if let Some(link) = self.links.get_mut(child) {
                        link.refused = true;
                    }
                    self.soon(10, 1_000_000, Event::Hangup { child, life });
                }
            }
            Fault::Stall { child, up, down, for_us } => {
                self.outage(child, up, down, Passage::Stalled, for_us);
            }
            Fault::Jump { host, by_ms } => {
                self.figures.jumps += 1;
                if let Some(h) = self.hosts.get_mut(host) {
                    h.clock.jump(by_ms);
                }
            }
            Fault::InboxAway { host, for_us } => self.close_inbox(host, for_us),
            Fault::LoseStore { host } => {
                // a copy of a store that was replaced since is refused for good: not this story
                self.copies.remove(&host);
                self.replace_store(host, None);
            }
            Fault::KeepCopy { host } => self.keep_copy(host),
            Fault::Restore { host } => {
                if let Some(copy) = self.copies.remove(&host) {
                    self.replace_store(host, Some(copy));
                }
            }
        }
    }

    /// A process dies, with or without its machine, and is started again after a while.
    pub(super) fn crash(&mut self, host: usize, power: bool) {
        self.end_process(host, power);
        self.soon(1_000, 3_000_000, Event::Start { host });
    }

    pub(super) fn end_process(&mut self, host: usize, power: bool) {
        let written = self.dice.random_bool(0.5);
        let began_us = self.dice.random_range(500_000..20_000_000);
        let now_us = self.now_us;
        let dateless = self.plan.faults.dateless;
        let Some(h) = self.hosts.get_mut(host) else { return };
        h.crash(power, written);
        self.oracle.ended(host);
        if power {
            self.figures.power_cuts += 1;
            h.clock.reboot(now_us, began_us);
            if dateless {
                h.clock.forget_date(now_us);
            }
            h.stream.cut_power(&mut self.dice);
            let left = h.stream.messages.clone();
            self.oracle.inbox_is(host, &left);
        } else {
            self.figures.crashes += 1;
        }
        let bus_died = power || self.plan.bus_dies_too;
        if bus_died {
            h.bus = false;
        }
        self.note_taken(host);
        self.touched(host);
        if let Some(link) = self.links.get_mut(host) {
            link.attached = None;
        }
        // a dead machine says nothing; a dead bus resets its connections
        if bus_died && !power {
            self.hang_up_children(host);
        }
    }

    fn outage(&mut self, child: usize, up: bool, down: bool, passage: Passage, for_us: u64) {
        self.figures.partitions += 1;
        self.counter += 1;
        let outage = self.counter;
        let Some(link) = self.links.get_mut(child) else { return };
        for (course, broken) in [(Course::Up, up), (Course::Down, down)] {
            if broken {
                link.set(course, passage);
            }
        }
        if let Some(last) = self.outages.get_mut(child) {
            *last = outage;
        }
        self.at(self.now_us + for_us, Event::Heal { child, outage });
    }

    /// An outage ends, unless a later one goes on.
    pub(super) fn heal(&mut self, child: usize, outage: u64) {
        if self.outages.get(child) != Some(&outage) {
            return;
        }
        self.tell(format_args!("the link of {child} is whole"));
        self.mend(child);
    }

    fn mend(&mut self, child: usize) {
        if let Some(link) = self.links.get_mut(child) {
            link.refused = false;
            link.set(Course::Up, Passage::Open);
            link.set(Course::Down, Passage::Open);
        }
        let held = self.held.get_mut(child).map(std::mem::take).unwrap_or_default();
        for event in held {
            self.at(self.now_us, event);
        }
    }

    /// Faults end: what is down comes up, what is cut is mended.
    pub(super) fn calm_down(&mut self) {
        self.tell(format_args!("calm"));
        self.calm = true;
        self.weather = Faults::default();
        for at in 0..self.hosts.len() {
            self.mend(at);
            let Some(h) = self.hosts.get_mut(at) else { continue };
            let paused_us = std::mem::take(&mut h.paused_us);
            let (host, life, running) = (at, h.life, h.process.is_some());
            if running && h.version < VERSION {
                self.crash(at, false);
            } else if running {
                self.soon(1_000, 50_000, Event::OpenInbox { host, life });
            } else {
                self.soon(1_000, 3_000_000, Event::Start { host });
            }
            self.wake(at, paused_us);
            self.touched(at);
        }
    }

    /// What has waited for a process that was not scheduled comes now, in its order.
    fn wake(&mut self, host: usize, paused_us: u64) {
        let waits = |(at, event): (&(u64, u64), &Event)| {
            let to = event.process(|child| self.tree.parent(child));
            (at.0 == paused_us && to == Some(host)).then_some(*at)
        };
        let due: Vec<(u64, u64)> = self.calendar.iter().filter_map(waits).collect();
        for at in due {
            if let Some(event) = self.calendar.remove(&at) {
                self.at(self.now_us, event);
            }
        }
    }
}
