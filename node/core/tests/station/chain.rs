//! [`Chain`]: benches in a line from the root down, with links between them that carry what is
//! said at once, or not at all.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use yizhan_core::effect::{Effect, Notice, Verdict};
use yizhan_core::fill::{Filled, fill};
use yizhan_core::input::{Attempted, InInbox, Input, Ticket};
use yizhan_core::link::Link;
use yizhan_core::seal::{Checked, NoKeys};
use yizhan_schemas::frame::{Body, Frame, Hello};
use yizhan_schemas::{Code, Envelope, Lane, MessageId, PerLane};

use crate::bench::{Bench, submitted};

pub(crate) struct Chain {
    pub(crate) benches: Vec<Bench>,
    /// Links that carry nothing, by the index of the child.
    pub(crate) cut: BTreeSet<usize>,
    /// What each has in its inbox.
    pub(crate) inboxes: Vec<Vec<MessageId>>,
    /// What each noticed.
    pub(crate) notices: Vec<(usize, Notice)>,
    /// What publishers heard.
    pub(crate) heard: Vec<Verdict>,
    /// What adapters were asked for, and what they say.
    pub(crate) asked: Vec<(usize, MessageId)>,
    pub(crate) adapter: Option<Attempted>,
    /// Effects that a test wants to look at: all hellos.
    pub(crate) hellos: Vec<Hello>,
    /// Effects of [`Effect::Discard`] and [`Effect::Carry`].
    pub(crate) reclaims: Vec<Effect>,
    /// Batches of spans that each has to tell of, and those that came to it from a child.
    pub(crate) spans: Vec<VecDeque<Bytes>>,
    pub(crate) collected: Vec<(usize, Code, Bytes)>,
    queue: VecDeque<(usize, Effect)>,
}

impl Chain {
    pub(crate) fn of(codes: &[&str]) -> Self {
        Self::with(codes.iter().map(|code| Bench::new(code)).collect())
    }

    pub(crate) fn with(benches: Vec<Bench>) -> Self {
        let count = benches.len();
        let mut chain = Self {
            benches,
            cut: BTreeSet::new(),
            inboxes: vec![Vec::new(); count],
            notices: Vec::new(),
            heard: Vec::new(),
            asked: Vec::new(),
            adapter: Some(Attempted::Done(None)),
            hellos: Vec::new(),
            reclaims: Vec::new(),
            spans: vec![VecDeque::new(); count],
            collected: Vec::new(),
            queue: VecDeque::new(),
        };
        for at in 0..count {
            chain.open_inbox(at);
        }
        for child in 1..count {
            chain.tell(child, Input::Connected);
        }
        chain
    }

    pub(crate) fn open_inbox(&mut self, at: usize) {
        let last = self.inboxes[at].len() as u64;
        let opening = u64::from(at as u32) + 10 + last;
        let input = Input::InboxOpened {
            opening,
            created_ns: 77,
            present_sequence: last,
            last_sequence: last,
        };
        self.tell(at, input);
    }

    pub(crate) fn tell(&mut self, at: usize, input: Input) {
        let said = self.benches[at].tell(input);
        self.said(at, said);
    }

    /// Carries on what a bench said, until nobody says anything more.
    pub(crate) fn said(&mut self, at: usize, said: Vec<Effect>) {
        self.queue.extend(said.into_iter().map(|effect| (at, effect)));
        while let Some((at, effect)) = self.queue.pop_front() {
            self.carry_out(at, effect);
        }
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.wait_by_ms(ms, 50);
    }

    /// The same in steps of seconds, for hours.
    pub(crate) fn wait_long_ms(&mut self, ms: u64) {
        self.wait_by_ms(ms, 2_000);
    }

    fn wait_by_ms(&mut self, ms: u64, step_ms: u64) {
        // in small steps, so that what is due comes in its order
        for _ in 0..ms.div_ceil(step_ms) {
            for at in 0..self.benches.len() {
                let said = self.benches[at].wait_ms(step_ms.min(ms));
                self.said(at, said);
            }
        }
    }

    pub(crate) fn publish(&mut self, at: usize, kind: &str, to: &str, ttl_ms: Option<u64>) {
        self.tell(at, submitted(at as u64, kind, to, ttl_ms));
    }

    /// The last message that a publisher was told to be on disk.
    pub(crate) fn last_id(&self) -> MessageId {
        let id = |verdict: &Verdict| match verdict {
            Verdict::Accepted(accepted) => Some(accepted.id.clone()),
            _ => None,
        };
        self.heard.iter().rev().find_map(id).unwrap()
    }

    pub(crate) fn code(&self, at: usize) -> Code {
        self.benches[at].code.clone()
    }

    pub(crate) fn is_open(&self, at: usize, id: &MessageId, target: usize) -> bool {
        let target = self.code(target);
        self.benches[at].station.kept().outcomes.is_open(id, &target)
    }

    pub(crate) fn has_session(&self, child: usize) -> bool {
        let up = |at: usize, link: Link| {
            let links = self.benches[at].station.link_views(self.benches[at].now);
            links.iter().any(|l| l.link == link && l.up)
        };
        up(child, Link::Up) && up(child - 1, Link::Down(self.code(child)))
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        match effect {
            Effect::Reply { verdict, .. } => self.heard.push(verdict),
            Effect::Hello(hello) => {
                self.hellos.push((*hello).clone());
                self.greet(at, *hello);
            }
            Effect::Nudge { .. } if self.passes(at + 1) => self.put(at + 1, Input::Nudged),
            Effect::Send(send) => {
                let bench = &self.benches[at];
                let Filled { frames, through, gap, .. } =
                    fill(&send, &bench.log, &NoKeys, bench.now).unwrap();
                let (link, session, lane, from) =
                    (send.link.clone(), send.session, send.lane, send.from);
                for batch in frames {
                    let body = Checked::of(Body::decode(&batch.body).unwrap(), &NoKeys);
                    let (first, sent_ms) = (batch.first, batch.sent_ms);
                    if let Some((to, link)) = self.other_end(at, &link) {
                        self.put(to, Input::Batch { link, session, lane, first, sent_ms, body });
                    }
                }
                if let Some((from, through)) = gap {
                    let link = link.clone();
                    self.put(at, Input::Unreadable { link, lane, from, through, id: None });
                }
                self.put(at, Input::Sent { link, session, lane, from, through, bytes: 1 });
            }
            Effect::Ack { link, ack } => {
                if let Some((to, link)) = self.other_end(at, &link) {
                    self.put(to, Input::Ack { link, ack });
                }
            }
            Effect::Beat { link, beat } => {
                if let Some((to, link)) = self.other_end(at, &link) {
                    self.put(to, Input::Beat { link, beat });
                }
            }
            Effect::Deliver(deliver) => {
                let mut ids = Vec::new();
                for leg in deliver.from..=deliver.through {
                    let id = self.id_of(at, &Link::Inbox, Lane::Routine, leg);
                    ids.push(InInbox::plain(leg, id));
                }
                self.inboxes[at].extend(ids.iter().map(|it| it.id.clone()));
                self.put(at, Input::Delivered { through: deliver.through });
                self.put(at, Input::Released { through: deliver.through, ids });
            }
            Effect::Attempt { lane, leg, .. } => {
                let id = self.id_of(at, &Link::Adapter, lane, leg);
                self.asked.push((at, id.clone()));
                if let Some(result) = self.adapter.clone() {
                    self.put(at, Input::Attempted { lane, leg, id, result });
                }
            }
            Effect::Discard { .. } | Effect::Carry { .. } => self.reclaims.push(effect),
            Effect::Notice(notice) => self.notices.push((at, notice)),
            Effect::Collect { child, batch } => self.collected.push((at, child, batch)),
            Effect::AskSpans { bytes_max } => {
                let fits = |batch: &Bytes| batch.len() <= bytes_max;
                let batch = self.spans[at].pop_front().filter(fits).unwrap_or_default();
                self.put(at, Input::Spans(batch));
            }
            Effect::Nudge { .. }
            | Effect::Collects(_)
            | Effect::Answer { .. }
            | Effect::Recall { .. }
            | Effect::Amended(_) => {}
        }
    }

    fn put(&mut self, at: usize, input: Input) {
        let said = self.benches[at].tell(input);
        self.queue.extend(said.into_iter().map(|effect| (at, effect)));
    }

    pub(crate) fn passes(&self, child: usize) -> bool {
        child < self.benches.len() && !self.cut.contains(&child)
    }

    fn other_end(&self, at: usize, link: &Link) -> Option<(usize, Link)> {
        let (child, to, back) = match link {
            Link::Up => (at, at.checked_sub(1)?, Link::Down(self.code(at))),
            _ => (at + 1, at + 1, Link::Up),
        };
        self.passes(child).then_some((to, back))
    }

    fn greet(&mut self, child: usize, hello: Hello) {
        let counter = hello.counter;
        match self.passes(child).then(|| self.answer(child, hello)).flatten() {
            Some(Frame::Welcome(welcome)) => {
                let marks = self.benches[child].marks(&Link::Up, &welcome.haves);
                self.put(child, Input::Welcomed { welcome: Box::new(welcome), marks });
            }
            Some(Frame::Refused(refused)) => self.put(child, Input::Refused(refused)),
            _ => self.put(child, Input::Unanswered { counter }),
        }
    }

    /// What the parent says to a hello.
    pub(crate) fn answer(&mut self, child: usize, hello: Hello) -> Option<Frame> {
        let link = Link::Down(self.code(child));
        let marks = self.benches[child - 1].marks(&link, &hello.haves);
        let (from, ticket) = (self.code(child), Ticket(9));
        let said = self.benches[child - 1].tell(Input::Greeted {
            from,
            hello: Box::new(hello),
            ticket,
            marks,
        });
        let mut answer = None;
        for effect in said {
            match effect {
                Effect::Answer { frame, .. } => answer = Some(*frame),
                other => self.queue.push_back((child - 1, other)),
            }
        }
        answer
    }

    fn id_of(&self, at: usize, link: &Link, lane: Lane, leg: u64) -> MessageId {
        use yizhan_core::fill::{LegSource as _, Reading};
        let mut id = None;
        let read = &mut |reading| {
            if let Reading::Leg(leg) = reading {
                id = Some(Envelope::read(leg.envelope).unwrap().header().id());
            }
            true
        };
        self.benches[at].log.legs(link, lane, leg, leg, read).unwrap();
        id.unwrap()
    }
}

/// Nothing is known of any place in the log.
pub(crate) fn no_marks() -> PerLane<yizhan_core::input::Marks> {
    PerLane::default()
}
