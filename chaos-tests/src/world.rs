//! [`World`]: a tree of stations, a network that loses, doubles, delays and reorders, and the
//! faults of a plan.
//!
//! Promise: everything that happens follows from the seed. First the safety phase, with faults;
//! then the quiet phase, in which everything accepted must reach its outcome within a bound.

mod adapter;
mod affair;
mod copies;
mod event;
mod fault;
mod inbox;
mod link;
mod process;
mod publish;
mod schedule;
mod settle;
mod tamper;

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use yizhan_core::input::Ticket;
use yizhan_schemas::frame::VERSION;
use yizhan_schemas::{Answer, MessageId};

use crate::clock::Clock;
use crate::disk::Disk;
use crate::figures::Figures;
use crate::host::Host;
use crate::index::Index;
use crate::network::Link;
use crate::oracle::matters::rules::POLICY;
use crate::oracle::{Oracle, Verdict};
use crate::plan::{Faults, Plan};
use crate::story::Story;
use crate::stream::Stream;
use crate::timers::Timers;
use crate::tree::Tree;
use crate::workload::Matter;

use event::Event;

/// The wall clock of a machine that is right, at the beginning.
const WALL_MS: i64 = 1_700_000_000_000;
/// After everything has settled, the story goes on: a few messages more, which must arrive within
/// the first of these; and then nothing for the second, as what comes twice or too late must not
/// hide behind its end. Microseconds.
const ENCORE_US: (u64, u64) = (20_000_000, 8_000_000);
/// Frames a second on an idle link, both ways, at most: a beat each way every 3 s, and some room.
const IDLE_FRAMES_MAX: f64 = 3.0;
/// In a story with incidents and cases, counts go up this long after a change, milliseconds.
const STATS_EVERY_MS: u64 = 5_000;
/// Timers of one station that may go off at one moment: more is a station that never sleeps.
const TICKS_AT_ONCE_MAX: u32 = 100;

/// How a story ended.
#[derive(Debug)]
pub struct Ending {
    /// What the oracle says.
    pub verdict: Verdict,
    /// What happened, in figures.
    pub figures: Figures,
    /// The hash of all that happened.
    pub hash: u64,
    /// What happened, line by line, if that was asked for.
    pub lines: Vec<String>,
}

/// A tree of stations and everything around them.
pub struct World {
    plan: Plan,
    tree: Tree,
    /// Faults of the network at present: none in the quiet phase.
    weather: Faults,
    dice: SmallRng,
    /// Who alters messages throws dice of their own.
    tamper: SmallRng,
    now_us: u64,
    calendar: BTreeMap<(u64, u64), Event>,
    timers: Timers,
    /// The station whose timer went off last, when, and how often at that moment.
    ticks: (usize, u64, u32),
    counter: u64,
    hosts: Vec<Host>,
    /// The link of each station to its parent; that of the root leads nowhere.
    links: Vec<Link>,
    /// The outage of each link that ends last.
    outages: Vec<u64>,
    /// Frames that wait in the buffers of each link.
    held: Vec<Vec<Event>>,
    matters: Vec<Matter>,
    oracle: Oracle,
    calm: bool,
    /// Who waits for an answer: which matter, and whether there was room for flash only.
    publishers: BTreeMap<(usize, u32, Ticket), (u64, bool)>,
    /// Applications for the tier above that were legal when they were handed in, and how often
    /// anything had changed there by then.
    rising: BTreeMap<Ticket, u64>,
    /// Applications that wait for an answer to theirs.
    answers: BTreeMap<(usize, u32, Ticket), (MessageId, Answer)>,
    callers: BTreeMap<Ticket, (usize, u32)>,
    copies: BTreeMap<usize, (Disk, Stream, Index)>,
    /// When the inbox of each station has taken what it was given.
    inbox_free_us: Vec<u64>,
    story: Story,
    figures: Figures,
}

impl World {
    /// The world of a plan; `aloud` keeps the lines of its story.
    ///
    /// # Errors
    /// The plan's tree is no tree: a defect of this crate.
    pub fn of(plan: Plan, aloud: bool) -> Result<Self, String> {
        let policy = if plan.work.affairs > 0 { POLICY } else { "" };
        let tree = Tree::under(&plan.parents, policy)?;
        let mut dice = SmallRng::seed_from_u64(plan.seed ^ 0x5eed);
        let mut hosts = Vec::new();
        for at in 0..tree.len() {
            let code = tree.code(at).ok_or("no such station")?.clone();
            let began_us = dice.random_range(1_000_000..3_600_000_000_000);
            let ppm = dice.random_range(-plan.drift_ppm..=plan.drift_ppm);
            let clock = Clock::new(began_us, ppm, WALL_MS);
            let mut host = Host::new(code, &tree, clock, plan.store.clone());
            if dice.random_bool(plan.old_version) {
                host.version = VERSION - 1;
            }
            if plan.work.affairs > 0 {
                host.stats_every_ms = STATS_EVERY_MS;
            }
            hosts.push(host);
        }
        let matters = Matter::all(&plan, &tree);
        let mut world = Self {
            weather: plan.faults.clone(),
            dice,
            tamper: SmallRng::seed_from_u64(plan.seed ^ 0x5ea1),
            now_us: 0,
            calendar: BTreeMap::new(),
            timers: Timers::new(tree.len()),
            ticks: (0, 0, 0),
            counter: 0,
            hosts,
            links: (0..tree.len()).map(|_| Link::new(&plan.links)).collect(),
            outages: vec![0; tree.len()],
            held: (0..tree.len()).map(|_| Vec::new()).collect(),
            oracle: Oracle::of(&tree, &matters, &plan),
            matters,
            calm: false,
            publishers: BTreeMap::new(),
            rising: BTreeMap::new(),
            answers: BTreeMap::new(),
            callers: BTreeMap::new(),
            copies: BTreeMap::new(),
            inbox_free_us: vec![0; tree.len()],
            story: Story::begin(aloud),
            figures: Figures::default(),
            tree,
            plan,
        };
        world.schedule_plan();
        Ok(world)
    }

    /// Plays the story to its end.
    pub fn play(mut self) -> Ending {
        let mut settled = self.play_until_settled(|world| {
            // what is accepted late in the safety phase counts for the bound
            let quiet_us = world.plan.quiet_us(world.oracle.bytes());
            if world.calm { world.plan.safety_us() + quiet_us } else { u64::MAX }
        });
        if settled {
            self.tell(format_args!("settled"));
            self.check_memory();
            self.schedule_encore();
            let end_us = self.now_us + ENCORE_US.0;
            settled = self.play_until_settled(|_| end_us);
        }
        if settled {
            let (end_us, frames) = (self.now_us + ENCORE_US.1, self.figures.frames);
            while let Some(at) = self.next_us().filter(|at| *at <= end_us) {
                self.turn(at);
            }
            self.check_idle(self.figures.frames - frames);
        }
        self.end(settled)
    }

    /// Plays until nothing is owed to anybody: false if that is not so by `end_us`.
    fn play_until_settled(&mut self, end_us: impl Fn(&Self) -> u64) -> bool {
        while let Some(at) = self.next_us() {
            if at > end_us(self) || self.oracle.is_appalled() {
                return false;
            }
            self.turn(at);
            if self.calm && self.is_settled() {
                return true;
            }
        }
        false
    }

    fn end(mut self, settled: bool) -> Ending {
        self.figures.seeds = 1;
        self.figures.virtual_us = self.now_us;
        if !settled {
            let owed = self.still_owed();
            self.oracle.fault(format!("not settled within the bound: {owed}"));
        }
        for host in 0..self.hosts.len() {
            let now = self.clock(host);
            let links = self.hosts.get(host).and_then(Host::station).map(|s| s.link_views(now));
            self.tell(format_args!("{host} at the end: {links:?}"));
        }
        self.judge_matters();
        let inboxes: Vec<_> = self.hosts.iter().map(|h| h.stream.messages.clone()).collect();
        let verdict = self.oracle.judge(&inboxes, &self.pages(), self.now_us);
        self.figures.accepted = verdict.accepted as u64;
        self.figures.delivered = verdict.delivered as u64;
        self.figures.kept_out = verdict.kept_out as u64;
        self.figures.excused = verdict.excused as u64;
        self.figures.expired = verdict.expired as u64;
        let hash = self.story.hash();
        Ending { verdict, figures: self.figures, hash, lines: self.story.into_lines() }
    }

    fn at(&mut self, at_us: u64, event: Event) {
        self.counter += 1;
        self.calendar.insert((at_us.max(self.now_us), self.counter), event);
    }

    fn soon(&mut self, least: u64, most: u64, event: Event) {
        let delay = self.dice.random_range(least..=most);
        self.at(self.now_us + delay, event);
    }

    /// What the clocks of a station show.
    fn clock(&self, host: usize) -> yizhan_core::time::Now {
        let now_us = self.now_us;
        self.hosts
            .get(host)
            .map_or(yizhan_core::time::Now { boot_us: now_us, wall_ms: 0 }, |h| h.clock.now(now_us))
    }

    fn next_us(&self) -> Option<u64> {
        let event = self.calendar.first_key_value().map(|((at, _), _)| *at);
        event.into_iter().chain(self.timers.first_us()).min()
    }

    fn turn(&mut self, at: u64) {
        self.now_us = self.now_us.max(at);
        match self.timers.pop_by(at) {
            Some(host) => self.go_off(host),
            None => {
                let Some((_, event)) = self.calendar.pop_first() else { return };
                self.happen(event);
            }
        }
    }

    fn go_off(&mut self, host: usize) {
        let (last, at_us, times) = self.ticks;
        let again = (last, at_us) == (host, self.now_us);
        self.ticks = (host, self.now_us, if again { times + 1 } else { 1 });
        if self.ticks.2 > TICKS_AT_ONCE_MAX {
            self.oracle.fault(format!("{host} never sleeps: it is due again and again"));
        }
        let now = self.clock(host);
        if let Some(h) = self.hosts.get_mut(host) {
            h.tick(now);
        }
        self.touched(host);
    }

    fn happen(&mut self, event: Event) {
        let of_process = event.process(|child| self.tree.parent(child));
        let paused_us = of_process.and_then(|at| self.hosts.get(at)).map_or(0, |h| h.paused_us);
        if paused_us > self.now_us {
            return self.at(paused_us, event);
        }
        match event {
            Event::Submit { host, key, why } => self.submit(host, key, why),
            Event::Input { host, life, input } => self.input(host, life, *input),
            Event::Arrive { child, course, bytes, caller } => {
                self.arrive(child, course, &bytes, caller);
            }
            Event::Committed { host, life } => self.committed(host, life),
            Event::Publish { host, life, deliver } => self.publish(host, life, deliver),
            Event::Release { host, life, opening, through } => {
                self.release(host, life, opening, through);
            }
            Event::Answer { host, id, answer } => self.answer(host, id, answer),
            Event::Index { host, life } => self.index(host, life),
            Event::OpenInbox { host, life } => self.open_inbox(host, life),
            Event::Start { host } => self.start(host),
            Event::Dial { child, life } => self.dial(child, life),
            Event::Hangup { child, life } => self.hang_up(child, life),
            Event::Fault(fault) => self.go_wrong(fault),
            Event::Heal { child, outage } => self.heal(child, outage),
            Event::Calm => self.calm_down(),
        }
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        self.story.tell(self.now_us, what);
    }
}
