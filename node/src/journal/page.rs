//! [`Page`]: what is known of one message.
//!
//! The first outcome of a target stands, the last answer counts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use yizhan_schemas::payload::receipt::Event;
use yizhan_schemas::reply::Grade;
use yizhan_schemas::status::{MessageStatus, Target, Trace};
use yizhan_schemas::{Answer, Code, Outcome, codec};

use super::change::Taken;

/// Longest page, bytes: a directive to all stations of a large county, each with a long detail.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most entries of a trail.
const TRAIL_MAX: usize = 1024;
/// Most stations on a page beyond those that the message is for.
const EXTRA_MAX: usize = 1024;

/// What is known of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    status: MessageStatus,
    /// How many of its targets it is for by its origin's own reckoning: the others are extra.
    wanted: usize,
    /// When this station took it, Unix milliseconds.
    taken_ms: u64,
    /// The how-manieth it was.
    pub(super) ordinal: u64,
}

/// Something that is new on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) trace: Trace,
    pub(super) detail: Option<String>,
}

impl Page {
    /// The page of a message that was taken here.
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
        let page = Self { status, wanted, taken_ms: taken.wall_ms, ordinal };
        (page, News { trace, detail: None })
    }

    /// A page as it was written; `None` if it does not read.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes, PAGE_BYTES_MAX).ok()
    }

    /// As it is written; `None` if it is too long.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        codec::encode(self, PAGE_BYTES_MAX).ok().map(|bytes| bytes.to_vec())
    }

    /// As people see it.
    pub(super) fn status(&self) -> MessageStatus {
        self.status.clone()
    }

    pub(super) fn peek(&self) -> &MessageStatus {
        &self.status
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

    /// Something became of it at a station; `None` if that was known.
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

fn rfc3339(wall_ms: u64) -> String {
    let wall_ms = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(wall_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
