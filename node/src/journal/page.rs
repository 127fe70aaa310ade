//! [`Page`]: what is known of a message, or of a run of messages to which the same has happened.
//!
//! The first outcome of a target stands, the last answer counts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::receipt::Event;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::reply::Grade;
use yizhan_schemas::status::{MessageStatus, Target, Trace};
use yizhan_schemas::{Answer, Code, MessageId, Outcome, codec};

use super::change::Taken;
use crate::clock::rfc3339;
use crate::spool::Row;

/// Longest page, bytes: a directive to all stations of a large county, each with a long detail.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most entries of a trail.
const TRAIL_MAX: usize = 1024;
/// Most stations on a page beyond those that the message is for.
const EXTRA_MAX: usize = 1024;

/// What is known of a run of messages: they were taken together, their numbers are dense, and all
/// the rest is the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// That of the first.
    status: MessageStatus,
    /// How many.
    count: u64,
    /// How many of its targets it is for by its origin's own reckoning: the others are extra.
    wanted: usize,
    /// When this station took them, Unix milliseconds.
    taken_ms: u64,
    /// The day on which their origin accepted them; an index of an earlier version does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<Day>,
    /// The how-manieth the first was.
    ordinal: u64,
}

/// Something that is new on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) trace: Trace,
    pub(super) detail: Option<String>,
}

impl Page {
    /// The page of messages that were taken here.
    pub(super) fn of(taken: &Taken, here: &Code, ordinal: u64) -> (Self, News) {
        let at = rfc3339(taken.wall_ms);
        let event = if taken.own { "accepted" } else { "received" };
        let trace = Trace { station: here.clone(), event: event.to_owned(), at, held_ms: None };
        let status = MessageStatus {
            id: taken.id.clone(),
            kind: taken.kind.clone(),
            origin: taken.id.origin.clone(),
            to: taken.to.clone(),
            precedence: taken.id.lane,
            accepted_at: taken.own.then(|| trace.at.clone()),
            grade: Grade::Accepted,
            targets: taken.targets.iter().cloned().map(under_way).collect(),
            trail: vec![trace.clone()],
        };
        let wanted = status.targets.len();
        let (count, taken_ms, day) = (taken.count, taken.wall_ms, Some(taken.day));
        let page = Self { status, count, wanted, taken_ms, day, ordinal };
        (page, News { trace, detail: None })
    }

    /// The first message.
    pub(super) fn first(&self) -> &MessageId {
        &self.status.id
    }

    /// The sequence of the last one.
    pub(super) fn last(&self) -> u64 {
        self.status.id.sequence.saturating_add(self.count.saturating_sub(1))
    }

    /// The how-manieth the first was.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The ids of all.
    pub(super) fn ids(&self) -> impl Iterator<Item = MessageId> + '_ {
        let id = |sequence| MessageId { sequence, ..self.status.id.clone() };
        (self.status.id.sequence..=self.last()).map(id)
    }

    /// True if it is about this message too.
    pub(super) fn covers(&self, id: &MessageId) -> bool {
        let first = &self.status.id;
        let same = (&first.origin, first.epoch, first.lane) == (&id.origin, id.epoch, id.lane);
        same && (first.sequence..=self.last()).contains(&id.sequence)
    }

    /// True if all of its messages lie between two sequences, both included.
    pub(super) fn lies_between(&self, from: u64, through: u64) -> bool {
        from <= self.status.id.sequence && self.last() <= through
    }

    /// The same page for those of its messages that lie between two sequences, both included;
    /// `None` if none does.
    pub(super) fn part(&self, from: u64, through: u64) -> Option<Self> {
        let from = from.max(self.status.id.sequence);
        let through = through.min(self.last());
        let count = through.checked_sub(from)?.saturating_add(1);
        let mut part = self.clone();
        part.ordinal = self.ordinal.saturating_add(from - self.status.id.sequence);
        part.status.id.sequence = from;
        part.count = count;
        Some(part)
    }

    /// A page as it was written; `None` if it does not read.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes, PAGE_BYTES_MAX).ok()
    }

    /// As it is written, and whether a row may have to begin there; `None` if it is too long.
    pub(super) fn row(&self, is_new: bool) -> Option<Row> {
        let page = codec::encode(self, PAGE_BYTES_MAX).ok()?.to_vec();
        Some(Row { first: self.first().clone(), ordinal: self.ordinal, page, is_new })
    }

    /// As people see it, of one of its messages.
    pub(super) fn status(&self, sequence: u64) -> MessageStatus {
        let mut status = self.status.clone();
        status.id.sequence = sequence;
        status
    }

    pub(super) fn peek(&self) -> &MessageStatus {
        &self.status
    }

    /// When this station took them, Unix milliseconds.
    pub(super) fn taken_ms(&self) -> u64 {
        self.taken_ms
    }

    /// The day on which their origin accepted them.
    pub(super) fn day(&self) -> Option<Day> {
        self.day
    }

    /// True if this station took it at that time or later.
    pub(super) fn taken_since(&self, since: Timestamp) -> bool {
        i64::try_from(self.taken_ms).is_ok_and(|taken| taken >= since.as_millisecond())
    }

    /// A neighbour has custody of it.
    pub(super) fn handed_over(&mut self, to: &Code, now_ms: u64) -> News {
        let held_ms = now_ms.saturating_sub(self.taken_ms);
        self.status.grade = self.status.grade.max(Grade::Relayed);
        self.trace(to, "handed_over", rfc3339(now_ms), Some(held_ms))
    }

    /// Something became of it at a station; `None` if that was known: then it is as it was.
    pub(super) fn became(
        &mut self,
        station: &Code,
        event: &Event,
        at_s: u64,
        here: &Code,
    ) -> Option<News> {
        let at = rfc3339(at_s.saturating_mul(1000));
        let news = match event {
            Event::Relayed => self.relayed(station, at),
            Event::Ended { outcome, detail } => self.ended(station, *outcome, detail, at, here),
            Event::Answered { answer, remark } => self.answered(station, *answer, remark, at, here),
        };
        if self.is_delivered(here) {
            self.status.grade = Grade::Delivered;
        }
        news
    }

    fn relayed(&mut self, station: &Code, at: String) -> Option<News> {
        let is_same = |trace: &Trace| trace.event == "relayed" && trace.station == *station;
        if self.status.trail.iter().any(is_same) {
            return None;
        }
        self.status.grade = self.status.grade.max(Grade::Relayed);
        Some(self.trace(station, "relayed", at, None))
    }

    fn ended(
        &mut self,
        station: &Code,
        outcome: Outcome,
        detail: &Option<String>,
        at: String,
        here: &Code,
    ) -> Option<News> {
        let target = self.target(station)?;
        if target.outcome.is_some() {
            return None;
        }
        target.outcome = Some(outcome.word().to_owned());
        target.at = Some(at.clone());
        if detail.is_some() {
            target.detail.clone_from(detail);
        }
        Some(self.news(station, outcome.word(), at, detail.clone(), here))
    }

    fn answered(
        &mut self,
        station: &Code,
        answer: Answer,
        remark: &Option<String>,
        at: String,
        here: &Code,
    ) -> Option<News> {
        let target = self.target(station)?;
        let is_same = target.answer.as_deref() == Some(answer.word());
        if is_same && (remark.is_none() || target.detail == *remark) {
            return None;
        }
        target.answer = Some(answer.word().to_owned());
        // why it did not arrive says more than what was said to that
        let arrived = target.outcome.as_deref().is_none_or(|o| o == Outcome::Delivered.word());
        if arrived && remark.is_some() {
            target.detail.clone_from(remark);
        }
        Some(self.news(station, answer.word(), at, remark.clone(), here))
    }

    /// The row of a station, also of one that it is not for; `None` if there are too many of those.
    fn target(&mut self, station: &Code) -> Option<&mut Target> {
        let targets = &mut self.status.targets;
        if !targets.iter().any(|target| target.station == *station) {
            if targets.len() >= self.wanted + EXTRA_MAX {
                return None;
            }
            targets.push(under_way(station.clone()));
        }
        targets.iter_mut().find(|target| target.station == *station)
    }

    /// What happens to a message at its targets stands with these; what happened here belongs to
    /// its way as well.
    fn news(
        &mut self,
        station: &Code,
        event: &str,
        at: String,
        detail: Option<String>,
        here: &Code,
    ) -> News {
        let trace = Trace { station: station.clone(), event: event.to_owned(), at, held_ms: None };
        if station == here {
            self.push(trace.clone());
        }
        News { trace, detail }
    }

    fn trace(&mut self, station: &Code, event: &str, at: String, held_ms: Option<u64>) -> News {
        let trace = Trace { station: station.clone(), event: event.to_owned(), at, held_ms };
        self.push(trace.clone());
        News { trace, detail: None }
    }

    fn push(&mut self, trace: Trace) {
        if self.status.trail.len() < TRAIL_MAX {
            self.status.trail.push(trace);
        }
    }

    /// True if it is delivered at every station that it is for, as far as is known here.
    fn is_delivered(&self, here: &Code) -> bool {
        let delivered =
            |target: &Target| target.outcome.as_deref() == Some(Outcome::Delivered.word());
        let targets = &self.status.targets;
        if self.wanted > 0 {
            return targets.iter().take(self.wanted).all(delivered);
        }
        let only = match self.status.to.targets() {
            [only] => only.code(),
            _ => None,
        };
        only == Some(here) && targets.iter().any(|t| t.station == *here && delivered(t))
    }
}

fn under_way(station: Code) -> Target {
    Target { station, outcome: None, at: None, answer: None, detail: None }
}
