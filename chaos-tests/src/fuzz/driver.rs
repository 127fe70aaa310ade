//! [`Driver`]: carries out what the station asks for, honestly, and holds the answers back until
//! the story lets them go: late, twice, or never. Any input may come twice; that is promised.

use std::collections::VecDeque;

use yizhan_core::effect::{Deliver, Effect, Send};
use yizhan_core::fill::fill;
use yizhan_core::input::{Attempted, InInbox, Input};
use yizhan_core::link::Link;
use yizhan_core::seal::NoKeys;
use yizhan_schemas::frame::{Body, Frame, Hello, SessionTag};
use yizhan_schemas::{Lane, MessageId};

use super::bench::Bench;
use super::draw::Draw;

/// Answers held back at most.
const ANSWERS_MAX: usize = 32;
/// Sessions remembered.
const TAGS_MAX: usize = 16;

/// The inbox stream, and what waits to be said.
#[derive(Debug, Default)]
pub(super) struct Driver {
    answers: VecDeque<Input>,
    /// Sessions that stood or stand, newest last.
    pub(super) tags: Vec<(Link, SessionTag)>,
    /// The hello that the parent has heard last.
    pub(super) heard: Option<Hello>,
    /// The hello of a child that was told last.
    pub(super) told: Option<(Link, Hello)>,
    stream: Vec<MessageId>,
    created_ns: i64,
    opening: u64,
}

impl Driver {
    /// Carries out effects.
    pub(super) fn carry_out(&mut self, bench: &mut Bench, draw: &mut Draw<'_>, said: Vec<Effect>) {
        for effect in said {
            match effect {
                Effect::Hello(hello) => {
                    writes(&Frame::Hello((*hello).clone()));
                    self.heard = Some(*hello);
                }
                Effect::Answer { frame, .. } => {
                    writes(&frame);
                    if let (Frame::Welcome(welcome), Some((link, hello))) = (*frame, &self.told) {
                        let tag = SessionTag::of(hello, &welcome);
                        self.stands(link.clone(), tag);
                    }
                }
                Effect::Send(send) => self.send(bench, &send),
                Effect::Ack { ack, .. } => writes(&Frame::Ack(ack)),
                Effect::Beat { beat, .. } => writes(&Frame::Beat(beat)),
                Effect::Nudge { nudge, .. } => writes(&Frame::Nudge(nudge)),
                Effect::Deliver(deliver) => self.deliver(bench, &deliver),
                Effect::Recall { from, through, .. } => self.released(bench, from, through),
                Effect::Attempt { lane, leg, .. } => self.attempt(bench, draw, lane, leg),
                Effect::Discard { segment } => bench.held.discard(segment),
                Effect::Carry { segment, open } => {
                    let puts = bench.held.owing(segment, &open);
                    self.later(Input::Carried { segment, puts, seals: Vec::new() });
                }
                Effect::AskSpans { bytes_max } => {
                    let bytes = draw.below(2) * bytes_max;
                    self.later(Input::Spans(vec![0; bytes].into()));
                }
                Effect::Reply { .. }
                | Effect::Notice(_)
                | Effect::Collect { .. }
                | Effect::Collects(_)
                | Effect::Amended(_) => {}
            }
        }
    }

    pub(super) fn stands(&mut self, link: Link, tag: SessionTag) {
        self.tags.push((link, tag));
        if self.tags.len() > TAGS_MAX {
            self.tags.remove(0);
        }
    }

    /// An answer that was held back: mostly the oldest one, mostly for the only time.
    pub(super) fn answer(&mut self, draw: &mut Draw<'_>) -> Option<Input> {
        let last = self.answers.len().checked_sub(1)?;
        let at = draw.mostly(0, |draw| draw.below(last + 1));
        let twice = draw.once_in(8);
        if twice { self.answers.get(at).cloned() } else { self.answers.remove(at) }
    }

    /// The process is gone, and with it whoever waited for answers.
    pub(super) fn forget(&mut self) {
        self.answers.clear();
        self.told = None;
    }

    /// The stream is opened, as it is, as another one, or as one that lost its end.
    pub(super) fn open_inbox(&mut self, draw: &mut Draw<'_>) -> Input {
        match draw.below(8) {
            0 => {
                self.stream.clear();
                self.created_ns += 1;
            }
            1 => self.stream.truncate(draw.below(self.stream.len() + 1)),
            _ => {}
        }
        self.opening += 1;
        self.opened(draw.once_in(8).then(|| draw.below(self.stream.len() + 1) as u64))
    }

    fn opened(&self, hole_behind: Option<u64>) -> Input {
        let last_sequence = self.stream.len() as u64;
        Input::InboxOpened {
            opening: self.opening,
            created_ns: self.created_ns,
            present_sequence: hole_behind.unwrap_or(last_sequence),
            last_sequence,
        }
    }

    fn later(&mut self, input: Input) {
        if self.answers.len() < ANSWERS_MAX {
            self.answers.push_back(input);
        }
    }

    fn send(&mut self, bench: &Bench, send: &Send) {
        assert!(send.from <= send.through, "a send of nothing: {send:?}");
        let filled = fill(send, &bench.held, &NoKeys, bench.now).expect("the log can be read");
        let mut bytes = 0;
        for batch in &filled.frames {
            let body = Body::decode(&batch.body).expect("what we fill, we read");
            assert!(!body.records.is_empty(), "an empty frame in {send:?}");
            writes(&Frame::Batch(batch.clone()));
            bytes += batch.body.len() as u64;
        }
        let Send { link, session, lane, from, .. } = send.clone();
        let through = filled.through;
        assert!((from - 1..=send.through).contains(&through), "{send:?} went to {through}");
        self.later(Input::Sent { link: link.clone(), session, lane, from, through, bytes });
        if let Some((from, through)) = filled.gap {
            self.later(Input::Unreadable { link, lane, from, through, id: None });
        }
    }

    fn deliver(&mut self, bench: &Bench, deliver: &Deliver) {
        for leg in deliver.from..=deliver.through {
            let Some(put) = bench.held.put(&Link::Inbox, Lane::Routine, leg) else {
                let (link, lane) = (Link::Inbox, Lane::Routine);
                let gone = Input::Unreadable { link, lane, from: leg, through: leg, id: None };
                return self.later(gone);
            };
            let at = i128::from(leg) + i128::from(deliver.offset);
            if at != self.stream.len() as i128 + 1 {
                self.opening += 1;
                return self.later(self.opened(None));
            }
            self.stream.push(put.envelope.header().id());
        }
        self.later(Input::Delivered { through: deliver.through });
        self.released(bench, deliver.from, deliver.through);
    }

    fn released(&mut self, bench: &Bench, from: u64, through: u64) {
        let id = |leg| {
            let put = bench.held.put(&Link::Inbox, Lane::Routine, leg);
            put.map(|put| InInbox::plain(leg, put.envelope.header().id()))
        };
        let ids = (from..=through).filter_map(id).collect();
        self.later(Input::Released { through, ids });
    }

    fn attempt(&mut self, bench: &Bench, draw: &mut Draw<'_>, lane: Lane, leg: u64) {
        let Some(put) = bench.held.put(&Link::Adapter, lane, leg) else { return };
        let id = put.envelope.header().id();
        let result = match draw.below(7) {
            0 => Attempted::Done(Some("{\"ok\":true}".into())),
            1 => Attempted::NoSuchDevice("cam-9".into()),
            2 => Attempted::NoAdapter,
            3 => Attempted::Failed("busy".into()),
            4 => Attempted::Expired,
            5 => Attempted::Unknown,
            _ => Attempted::Unfit("no device id".into()),
        };
        self.later(Input::Attempted { lane, leg, id, result });
    }
}

/// What we say to a neighbour, it can read.
fn writes(frame: &Frame) {
    let bytes = frame.encode().expect("what we say fits a frame");
    assert_eq!(Frame::decode(&bytes).as_ref(), Ok(frame));
}
