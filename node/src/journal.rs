//! [`Journal`]: what happened lately to each message, from durable records only.
//!
//! It feeds `GET /v1/messages/{id}`, `GET /v1/stream` and `Yz-Wait`. It is a memory of the last
//! [`MESSAGES_MAX`] messages: what a station owes and has seen is the core's to know.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::{broadcast, watch};
use yizhan_core::link::Link;
use yizhan_core::record::{Ended, Put, Record};
use yizhan_schemas::reply::Grade;
use yizhan_schemas::status::{Happening, MessageStatus, Target, Trace};
use yizhan_schemas::{Code, Header, Lane, MessageId};

use crate::clock;
use crate::driver::Observer;

/// Messages remembered.
pub const MESSAGES_MAX: usize = 20_000;

/// What happened lately. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal {
    here: Code,
    parent: Option<Code>,
    pages: Arc<Mutex<Pages>>,
    /// Told of every change, for those who wait.
    changes: watch::Sender<()>,
    happenings: broadcast::Sender<Happening>,
}

#[derive(Debug, Default)]
struct Pages {
    messages: BTreeMap<MessageId, Page>,
    order: VecDeque<MessageId>,
    legs: BTreeMap<(Link, Lane), VecDeque<(u64, MessageId)>>,
}

#[derive(Debug)]
struct Page {
    status: MessageStatus,
    taken_ms: u64,
}

impl Journal {
    /// An empty journal. `happenings` hears of every event.
    pub fn new(here: Code, parent: Option<Code>, happenings: broadcast::Sender<Happening>) -> Self {
        let (changes, _) = watch::channel(());
        Self { here, parent, pages: Arc::default(), changes, happenings }
    }

    /// What is known of a message.
    pub fn status(&self, id: &MessageId) -> Option<MessageStatus> {
        self.with(|pages| pages.messages.get(id).map(|page| page.status.clone()))
    }

    /// Resolves when something changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Pages) -> T) -> T {
        act(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, pages: &mut Pages, put: &Put) {
        let header = put.envelope.header();
        let id = header.id();
        let event = if put.via.is_none() { "accepted" } else { "received" };
        let at = rfc3339(put.taken_wall_ms);
        let mut status = page(header);
        status.accepted_at = put.via.is_none().then(|| at.clone());
        status.trail.push(trace(&self.here, event, at, None));
        for leg in &put.legs {
            let lane = leg.link.numbered_lane(header.lane);
            let legs = pages.legs.entry((leg.link.clone(), lane)).or_default();
            legs.push_back((leg.sequence, id.clone()));
            if legs.len() > MESSAGES_MAX {
                legs.pop_front();
            }
        }
        self.tell(&status, status.trail.last());
        pages.order.push_back(id.clone());
        pages.messages.insert(id, Page { status, taken_ms: put.taken_wall_ms });
        while pages.order.len() > MESSAGES_MAX {
            if let Some(oldest) = pages.order.pop_front() {
                pages.messages.remove(&oldest);
            }
        }
    }

    /// Legs through this one are durable at the neighbour, or surely in the inbox.
    fn handed_over(&self, pages: &mut Pages, link: &Link, lane: Lane, through: u64) {
        let Some(legs) = pages.legs.get_mut(&(link.clone(), lane)) else { return };
        let mut done = Vec::new();
        while legs.front().is_some_and(|(sequence, _)| *sequence <= through) {
            done.extend(legs.pop_front().map(|(_, id)| id));
        }
        let event = if *link == Link::Inbox { "delivered" } else { "handed_over" };
        done.iter().for_each(|id| self.happened(pages, id, link, event));
    }

    fn ended(&self, pages: &mut Pages, ended: &Ended) {
        let Some(legs) = pages.legs.get_mut(&(ended.link.clone(), ended.lane)) else { return };
        let range = ended.from..=ended.through;
        let gone = legs.iter().filter(|(sequence, _)| range.contains(sequence));
        let gone: Vec<MessageId> = gone.map(|(_, id)| id.clone()).collect();
        legs.retain(|(sequence, _)| !range.contains(sequence));
        let event = format!("{:?}", ended.reason).to_lowercase();
        gone.iter().for_each(|id| self.happened(pages, id, &ended.link, &event));
    }

    fn happened(&self, pages: &mut Pages, id: &MessageId, link: &Link, event: &str) {
        let Some(page) = pages.messages.get_mut(id) else { return };
        let now_ms = clock::now().wall_ms;
        let held_ms = now_ms.saturating_sub(page.taken_ms);
        let place = self.place(link);
        page.status.trail.push(trace(&place, event, rfc3339(now_ms), Some(held_ms)));
        match event {
            "delivered" => self.delivered(&mut page.status, now_ms),
            "handed_over" => page.status.grade = page.status.grade.max(Grade::Relayed),
            _ => {}
        }
        self.tell(&page.status, page.status.trail.last());
    }

    /// The station that an event with a link happened at.
    fn place(&self, link: &Link) -> Code {
        match link {
            Link::Inbox | Link::Adapter => self.here.clone(),
            Link::Down(child) => child.clone(),
            Link::Up => self.parent.clone().unwrap_or_else(|| self.here.clone()),
        }
    }

    fn delivered(&self, status: &mut MessageStatus, now_ms: u64) {
        status.targets.push(Target {
            station: self.here.clone(),
            outcome: Some("delivered".to_owned()),
            at: Some(rfc3339(now_ms)),
            answer: None,
            detail: None,
        });
        let only_here = status.to.targets().len() == 1
            && status.to.targets().first().and_then(|target| target.code()) == Some(&self.here);
        if only_here {
            status.grade = Grade::Delivered;
        }
    }

    fn tell(&self, status: &MessageStatus, trace: Option<&Trace>) {
        let Some(trace) = trace.filter(|_| self.happenings.receiver_count() > 0) else { return };
        let happening = Happening {
            at: trace.at.clone(),
            event: trace.event.clone(),
            station: trace.station.clone(),
            id: status.id.clone(),
            kind: status.kind.clone(),
            origin: status.origin.clone(),
            to: status.to.clone(),
            precedence: status.precedence,
            held_ms: trace.held_ms,
            detail: None,
        };
        // nobody listening any more is no fault
        let _ = self.happenings.send(happening);
    }
}

impl Observer for Journal {
    fn committed(&mut self, records: &[Record]) {
        let pages = Arc::clone(&self.pages);
        let mut pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            match record {
                Record::Put(put) => self.put(&mut pages, put),
                Record::HandedOver(at) => {
                    self.handed_over(&mut pages, &at.link, at.lane, at.through);
                }
                Record::Ended(ended) => self.ended(&mut pages, ended),
                _ => {}
            }
        }
        drop(pages);
        self.changes.send_replace(());
    }
}

fn page(header: &Header) -> MessageStatus {
    MessageStatus {
        id: header.id(),
        kind: header.kind.clone(),
        origin: header.origin.clone(),
        to: header.to.clone(),
        precedence: header.lane,
        accepted_at: None,
        grade: Grade::Accepted,
        targets: Vec::new(),
        trail: Vec::new(),
    }
}

fn trace(station: &Code, event: &str, at: String, held_ms: Option<u64>) -> Trace {
    Trace { station: station.clone(), event: event.to_owned(), at, held_ms }
}

fn rfc3339(wall_ms: u64) -> String {
    let wall_ms = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(wall_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
