//! [`Outlets`]: where effects go. Each link has a bounded queue of orders.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use tokio::sync::{mpsc, watch};
use yizhan_core::effect::{Deliver, Effect, Notice, Send};
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::time::BootClock;
use yizhan_schemas::Lane;
use yizhan_schemas::frame::{Ack, Beat, Hello, Nudge};
use yizhan_topology::Topology;

use crate::telemetry::spans::Ride;

/// Orders that may wait for one link's task.
pub const ORDERS_MAX: usize = 256;
/// Attempts that may wait for the adapters' task, which waits for nothing before it takes one.
pub const ATTEMPTS_MAX: usize = 1024;

/// One thing for a link's task to do.
#[derive(Debug)]
pub enum Order {
    /// Ask the parent for a session.
    Hello(Box<Hello>),
    /// Ask the child for a hello.
    Nudge(Nudge),
    /// Fill and publish legs, and say how far it went.
    Send(Send),
    /// Publish an ack.
    Ack(Ack),
    /// Publish a sign of life.
    Beat(Beat),
}

/// One thing for the inbox's task to do.
#[derive(Debug, Clone)]
pub enum InboxOrder {
    /// Publish legs into the stream.
    Deliver(Deliver),
    /// Release legs that are in it, once they are surely synced.
    Recall {
        /// The opening of the stream that this is for.
        opening: u64,
        /// The first of them.
        from: u64,
        /// The last of them.
        through: u64,
    },
}

/// One command for the adapters' task to have carried out.
#[derive(Debug, Clone)]
pub struct AttemptOrder {
    /// The lane.
    pub lane: Lane,
    /// The leg of [`Link::Adapter`].
    pub leg: u64,
    /// For its age, if it was taken in an earlier boot.
    pub clock: Arc<BootClock>,
}

/// One thing for the thread that gives old segments' room back.
#[derive(Debug)]
pub enum ReclaimOrder {
    /// Unlink a segment as soon as it may go.
    Discard {
        /// Its number.
        segment: u64,
    },
    /// Read the messages of a segment that owe one of these legs.
    Carry {
        /// Its number.
        segment: u64,
        /// Link, lane, first leg, last leg.
        open: Vec<(Link, Lane, u64, u64)>,
    },
    /// There is another segment.
    Rolled,
    /// Legs are in another segment than before.
    Moved,
}

/// Takes notices to logs, metrics and pages.
pub type NoticeSink = Box<dyn Fn(&Notice) + std::marker::Send>;

/// Where effects go.
pub struct Outlets {
    /// The queue of each link's task.
    pub links: BTreeMap<Link, mpsc::Sender<Order>>,
    /// The queue of the inbox's task.
    pub inbox: mpsc::Sender<InboxOrder>,
    /// The queue of the adapters' task.
    pub adapters: mpsc::Sender<AttemptOrder>,
    /// The queue of the thread that gives old segments' room back.
    pub reclaim: SyncSender<ReclaimOrder>,
    /// Whose keys are believed, for those who look at keys.
    pub topology: watch::Sender<Arc<Topology>>,
    /// Where notices go.
    pub notices: NoticeSink,
    /// Spans on their way to the parent, or from children.
    pub spans: Ride,
}

impl Outlets {
    /// Carries out an effect; what it gives back is to be handled at once.
    pub(super) fn carry_out(&self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Hello(hello) => self.order(&Link::Up, Order::Hello(hello)),
            Effect::Nudge { child, nudge } => self.order(&Link::Down(child), Order::Nudge(nudge)),
            Effect::Send(send) => self.order(&send.link.clone(), Order::Send(send)),
            Effect::Ack { link, ack } => self.order(&link, Order::Ack(ack)),
            Effect::Beat { link, beat } => self.order(&link, Order::Beat(beat)),
            Effect::Deliver(deliver) => self.inbox_order(InboxOrder::Deliver(deliver)),
            Effect::Recall { opening, from, through } => {
                self.inbox_order(InboxOrder::Recall { opening, from, through })
            }
            Effect::Notice(notice) => {
                (self.notices)(&notice);
                None
            }
            Effect::AskSpans { bytes_max } => Some(Input::Spans(self.spans.batch(bytes_max))),
            Effect::Collect { child, batch } => {
                self.spans.take_in(&child, &batch);
                None
            }
            Effect::Collects(collects) => {
                self.spans.want(collects);
                None
            }
            Effect::Amended(topology) => {
                self.topology.send_replace(topology);
                None
            }
            Effect::Attempt { lane, leg, clock } => {
                self.attempt(AttemptOrder { lane, leg, clock });
                None
            }
            Effect::Discard { segment } => self.reclaim_order(ReclaimOrder::Discard { segment }),
            Effect::Carry { segment, open } => {
                self.reclaim_order(ReclaimOrder::Carry { segment, open })
            }
            Effect::Reply { .. } | Effect::Answer { .. } => None,
        }
    }

    fn attempt(&self, order: AttemptOrder) {
        if let Err(mpsc::error::TrySendError::Full(order)) = self.adapters.try_send(order) {
            // each must be answered, or its leg never ends
            let queue = self.adapters.clone();
            tokio::spawn(async move { queue.send(order).await });
        }
    }

    fn reclaim_order(&self, order: ReclaimOrder) -> Option<Input> {
        // the core has one wish at a time about one segment, so the queue is never full
        if self.reclaim.try_send(order).is_err() {
            tracing::error!(event = "reclaim_stuck", "old segments stay until the next start");
        }
        None
    }

    fn inbox_order(&self, order: InboxOrder) -> Option<Input> {
        // the core bounds the legs that it asks for, so the queue is never full
        let full = self.inbox.try_send(order).is_err();
        full.then_some(Input::InboxClosed)
    }

    fn order(&self, link: &Link, order: Order) -> Option<Input> {
        let queue = self.links.get(link)?;
        match queue.try_send(order) {
            Ok(()) => None,
            // any effect may be lost, but a send must be answered, or it is never asked again; the
            // core has at most one under way for each link, so at most one waits here
            Err(mpsc::error::TrySendError::Full(send @ Order::Send(_))) => {
                let queue = queue.clone();
                tokio::spawn(async move { queue.send(send).await });
                None
            }
            Err(_) => None,
        }
    }
}
