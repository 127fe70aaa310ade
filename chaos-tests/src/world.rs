//! [`World`]: two stations, a network that loses, doubles and reorders, and the faults of a plan.
//!
//! First the safety phase, with faults; then the quiet phase, in which everything accepted must
//! reach its inbox within a bound.

mod process;
mod schedule;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use yizhan_core::input::{Input, Ticket};
use yizhan_core::link::Link;
use yizhan_core::time::Now;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::{Body, Frame, Hello};
use yizhan_topology::Topology;

use crate::disk::Disk;
use crate::host::Host;
use crate::oracle::{Oracle, Verdict as Judgement};
use crate::plan::Plan;
use crate::stream::Stream;
use crate::workload;

/// Virtual time that the quiet phase may take, microseconds.
const QUIET_US: u64 = 600_000_000;

const TREE: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township"]
[[station]]
code = "510722"
name = "三台县"
[[station]]
code = "510722.101"
name = "潼川镇"
"#;

/// Why a publisher hands a message in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// Of its own accord, perhaps not for the first time.
    First,
    /// If it has heard nothing yet.
    Unheard,
}

/// What a publisher waits for.
struct Asked {
    key: u64,
    target: usize,
    perishable: bool,
}

enum Event {
    Submit { host: usize, key: u64, attempt: Attempt },
    Input { host: usize, life: u32, input: Input },
    Frame { to: usize, bytes: bytes::Bytes },
    Hello { hello: Box<Hello> },
    Answer { frame: Box<Frame> },
    Committed { host: usize, life: u32 },
    Released { host: usize, life: u32, through: u64 },
    Start { host: usize },
    Crash { host: usize, power: bool },
    LoseStore { host: usize },
    KeepCopy { host: usize },
    RestoreCopy { host: usize },
    Partition { refused: bool },
    Heal,
    Calm,
}

/// Two stations and everything around them.
pub struct World {
    plan: Plan,
    dice: SmallRng,
    now_us: u64,
    events: BTreeMap<(u64, u64), Event>,
    counter: u64,
    hosts: Vec<Host>,
    oracle: Oracle,
    cut: bool,
    calm: bool,
    tickets: BTreeMap<(usize, u32, Ticket), Asked>,
    copy: Option<(Disk, Stream)>,
    story: Option<Vec<String>>,
    /// What happened, in figures.
    pub figures: Figures,
}

/// What happened in a story.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Frames put on the network.
    pub frames: u64,
    /// Process crashes and power cuts.
    pub crashes: u64,
    /// Stores lost or put back.
    pub stores: u64,
    /// Link outages.
    pub partitions: u64,
    /// Virtual time, microseconds.
    pub virtual_us: u64,
}

impl World {
    /// The world of a plan.
    ///
    /// # Errors
    /// The built-in topology does not read: a defect of this crate.
    pub fn of(plan: Plan, tell: bool) -> Result<Self, String> {
        let topology = Topology::read("tree.toml", TREE).map_err(|fault| fault.to_string())?;
        let topology = Arc::new(topology);
        let codes: Vec<_> = topology.stations().map(|station| station.code.clone()).collect();
        let hosts = (1..).zip(codes).map(|(n, code)| Host::new(code, Arc::clone(&topology), n));
        let mut world = Self {
            dice: SmallRng::seed_from_u64(plan.seed ^ 0x5eed),
            hosts: hosts.collect(),
            plan,
            now_us: 0,
            events: BTreeMap::new(),
            counter: 0,
            oracle: Oracle::default(),
            cut: false,
            calm: false,
            tickets: BTreeMap::new(),
            copy: None,
            story: tell.then(Vec::new),
            figures: Figures::default(),
        };
        world.schedule_plan();
        Ok(world)
    }

    /// Plays the story to its end.
    pub fn play(mut self) -> (Judgement, Figures, Vec<String>) {
        let end_us = self.plan.safety_us() + QUIET_US;
        while let Some((at, _)) = self.next_event() {
            if at > end_us || (self.calm && self.is_settled()) {
                break;
            }
            self.turn(at);
        }
        self.figures.virtual_us = self.now_us;
        for host in 0..self.hosts.len() {
            let now = self.now();
            let view = self.hosts.get(host).and_then(Host::station).map(|s| s.view(now));
            self.tell(&format!("{host} at the end: {view:?}"));
        }
        let inboxes: Vec<_> = self.hosts.iter().map(|h| h.stream.messages.clone()).collect();
        (self.oracle.judge(&inboxes), self.figures, self.story.unwrap_or_default())
    }

    fn at(&mut self, at_us: u64, event: Event) {
        self.counter += 1;
        self.events.insert((at_us.max(self.now_us), self.counter), event);
    }

    fn soon(&mut self, least: u64, most: u64, event: Event) {
        let delay = self.dice.random_range(least..=most);
        self.at(self.now_us + delay, event);
    }

    fn now(&self) -> Now {
        Now { boot_us: self.now_us, wall_ms: 1_700_000_000_000 + self.now_us / 1000 }
    }

    /// The next moment at which something happens, and the host to tick if it is a timer.
    fn next_event(&self) -> Option<(u64, Option<usize>)> {
        let due = |(host, h): (usize, &Host)| h.due_us().map(|at| (at, Some(host)));
        let timers = self.hosts.iter().enumerate().filter_map(due);
        let event = self.events.first_key_value().map(|((at, _), _)| (*at, None));
        event.into_iter().chain(timers).min_by_key(|(at, _)| *at)
    }

    fn turn(&mut self, at: u64) {
        let timer = self.next_event().and_then(|(_, host)| host);
        self.now_us = self.now_us.max(at);
        let now = self.now();
        match timer {
            Some(host) => {
                if let Some(host) = self.hosts.get_mut(host) {
                    host.tick(now);
                }
            }
            None => {
                if let Some((_, event)) = self.events.pop_first() {
                    self.happen(event);
                }
            }
        }
        for host in 0..self.hosts.len() {
            self.commit_if_idle(host);
        }
    }

    fn commit_if_idle(&mut self, host: usize) {
        let now = self.now();
        let Some(h) = self.hosts.get_mut(host) else { return };
        if h.begin_commit(now) {
            let life = h.life;
            let (least, most) = self.plan.commit_us;
            self.soon(least, most, Event::Committed { host, life });
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Submit { host, key, attempt } => self.submit(host, key, attempt),
            Event::Input { host, life, input } => self.input(host, life, input),
            Event::Frame { to, bytes } => self.frame(to, &bytes),
            Event::Hello { hello } => self.hello(*hello),
            Event::Answer { frame } => self.answer(*frame),
            Event::Committed { host, life } => self.committed(host, life),
            Event::Released { host, life, through } => self.released(host, life, through),
            Event::Start { host } => self.start(host),
            Event::Crash { host, power } => self.crash(host, power),
            Event::LoseStore { host } => {
                self.copy = None;
                self.replace_store(host, None);
            }
            Event::KeepCopy { host } => {
                let h = self.hosts.get(host);
                self.copy = h.map(|h| (h.disk.clone(), h.stream.clone()));
                if let Some((disk, stream)) = self.copy.as_mut() {
                    disk.cut_power();
                    stream.sync();
                }
            }
            Event::RestoreCopy { host } => {
                // a copy of a store that was replaced since is refused for good: not this story
                let copy = self.copy.take();
                if copy.is_some() {
                    self.replace_store(host, copy);
                }
            }
            Event::Partition { refused } => self.partition(refused),
            Event::Heal => self.heal(),
            Event::Calm => {
                self.tell("calm");
                self.calm = true;
                self.heal();
            }
        }
    }

    fn tell(&mut self, what: &str) {
        let at = self.now_us;
        if let Some(story) = self.story.as_mut() {
            story.push(format!("{:>12.6} {what}", at as f64 / 1e6));
        }
    }

    fn submit(&mut self, host: usize, key: u64, attempt: Attempt) {
        if attempt == Attempt::Unheard && self.oracle.keys.contains_key(&key) {
            return;
        }
        let later = self.now_us + 2_000_000;
        self.at(later, Event::Submit { host, key, attempt: Attempt::Unheard });
        let Some((draft, target)) = workload::draft(&self.plan, host, key) else { return };
        self.counter += 1;
        let ticket = Ticket(self.counter);
        let now = self.now();
        let Some(h) = self.hosts.get_mut(host).filter(|h| h.process.is_some()) else { return };
        let asked = Asked { key, target, perishable: draft.ttl_ms.is_some() };
        self.tickets.insert((host, h.life, ticket), asked);
        h.handle(now, Input::Submitted { ticket, draft: Box::new(draft) });
    }

    fn input(&mut self, host: usize, life: u32, input: Input) {
        let now = self.now();
        if let Some(h) = self.hosts.get_mut(host).filter(|h| h.life == life) {
            h.handle(now, input);
        }
    }

    fn frame(&mut self, to: usize, bytes: &bytes::Bytes) {
        let link = self.link_at(to);
        let input = match Frame::decode(bytes) {
            Ok(Frame::Batch(batch)) => match Body::decode(&batch.body) {
                Ok(body) => {
                    let (session, lane) = (batch.session, batch.lane);
                    let (first, sent_ms) = (batch.first, batch.sent_ms);
                    Input::Batch { link, session, lane, first, sent_ms, body }
                }
                Err(fault) => return self.oracle.fault(format!("a body does not read: {fault}")),
            },
            Ok(Frame::Ack(ack)) => Input::Ack { link, ack },
            Ok(Frame::Beat(beat)) => Input::Beat { link, beat },
            Ok(Frame::Nudge(_)) => Input::Nudged,
            Ok(other) => return self.oracle.fault(format!("out of place: {other:?}")),
            Err(fault) => return self.oracle.fault(format!("a frame does not read: {fault}")),
        };
        let now = self.now();
        if let Some(h) = self.hosts.get_mut(to) {
            h.handle(now, input);
        }
    }

    fn link_at(&self, host: usize) -> Link {
        match host {
            0 => Link::Down(self.hosts.get(1).map_or_else(|| unreachable!(), |h| h.code.clone())),
            _ => Link::Up,
        }
    }

    fn hello(&mut self, hello: Hello) {
        let link = self.link_at(0);
        let now = self.now();
        self.counter += 1;
        let ticket = Ticket(self.counter);
        let Some(h) = self.hosts.get_mut(0) else { return };
        let marks = h.marks(&link, &hello.haves);
        let from = hello.code.clone();
        h.handle(now, Input::Greeted { from, hello: Box::new(hello), ticket, marks });
    }

    fn answer(&mut self, frame: Frame) {
        let now = self.now();
        let Some(h) = self.hosts.get_mut(1) else { return };
        match frame {
            Frame::Welcome(welcome) => {
                let marks = h.marks(&Link::Up, &welcome.haves);
                h.handle(now, Input::Welcomed { welcome: Box::new(welcome), marks });
            }
            Frame::Refused(refused) => {
                let why = refused.message.clone();
                h.handle(now, Input::Refused(refused));
                self.tell(&format!("refused: {why}"));
            }
            other => self.oracle.fault(format!("no answer to a hello: {other:?}")),
        }
    }

    fn partition(&mut self, refused: bool) {
        if self.calm {
            return;
        }
        self.tell("the link is cut");
        self.figures.partitions += 1;
        self.cut = true;
        let now = self.now();
        if let Some(h) = self.hosts.get_mut(1).filter(|_| refused) {
            h.handle(now, Input::Disconnected);
        }
    }

    fn heal(&mut self) {
        self.tell("the link is whole");
        self.cut = false;
        let life = self.hosts.get(1).map_or(0, |h| h.life);
        self.soon(1_000, 50_000, Event::Input { host: 1, life, input: Input::Connected });
    }

    /// True if nothing is owed to anybody any more.
    fn is_settled(&self) -> bool {
        let running = self.hosts.iter().all(|h| h.process.is_some());
        let asked_all =
            (0..u64::from(self.plan.messages)).all(|k| self.oracle.keys.contains_key(&k));
        let owed = |h: &Host| {
            let kept = h.station().map(|station| station.kept());
            kept.is_none_or(|kept| {
                kept.outbound.values().any(|lanes| lanes.iter().any(|(_, lane)| lane.held() > 0))
            })
        };
        running && asked_all && self.agree(0) && self.agree(1) && !self.hosts.iter().any(owed)
    }

    /// True if the other end has taken just what this one has offered. A peer that does not know
    /// yet that its neighbour's store is a new one owes nothing in its own eyes.
    fn agree(&self, from: usize) -> bool {
        let kept = |host: usize| self.hosts.get(host).and_then(Host::station).map(|s| s.kept());
        let (Some(sender), Some(receiver)) = (kept(from), kept(1 - from)) else { return false };
        let (out, back) = (self.link_at(from), self.link_at(1 - from));
        Lane::ALL.into_iter().all(|lane| {
            let (Some(out), Some(back)) =
                (sender.outbound(&out, lane), receiver.inbound(&back, lane))
            else {
                return false;
            };
            (out.link_epoch, out.next) == (back.link_epoch, back.expected)
        })
    }
}
