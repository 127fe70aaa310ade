//! Deliver: inbox legs into the JetStream stream `YZ_INBOX`, each at its sequence, and the word
//! back when they are surely synced there.
//!
//! Promise: the stream's last sequence alone says what is in, so neither a lost acknowledgement
//! nor a crash on either side makes a message enter twice or not at all. On any error the stream
//! is opened anew and the core says where to go on.

mod addressees;
mod flight;
mod message;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use yizhan_core::fill::{LegSource, Reading};
use yizhan_core::input::{InInbox, Input};
use yizhan_core::link::Link;
use yizhan_schemas::{Code, Envelope, Lane, MessageId, Selector};

use crate::bus::{BusError, Client, Inbox, InboxAck, InboxError, InboxLimits, OwnBus};
use crate::clock;
use crate::driver::InboxOrder;
use crate::mailbox::Mailbox;
use crate::roster;
use addressees::Addressees;
use flight::Flight;
use message::{Out, Unfit};

/// Openings in a row without one acknowledgement before the server itself is restarted.
const BARREN_MAX: u32 = 6;
/// Pauses between attempts to open the stream.
const REOPEN_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Everything that the delivery task needs.
pub struct Deliverer {
    /// The bus of this station.
    pub bus: Arc<OwnBus>,
    /// The connection to its APP account.
    pub client: Client,
    /// Bounds of the stream.
    pub limits: InboxLimits,
    /// Where legs are read.
    pub legs: Arc<dyn LegSource>,
    /// The way to the core.
    pub mailbox: Mailbox,
    /// This station.
    pub here: Code,
    /// Its people.
    pub roster: roster::InForce,
}

/// Why an opening of the stream ended.
enum Ended {
    /// The core is gone.
    CoreGone,
    /// It did not do what it should: open it again.
    Reopen(String),
    /// The core ended a leg, so that those behind it get other places: open it again.
    Renumber(String),
}

impl Deliverer {
    /// Delivers until the core is gone.
    pub async fn run(self, mut orders: mpsc::Receiver<InboxOrder>) {
        let mut opening = 0;
        let mut barren = 0;
        loop {
            opening += 1;
            let inbox = self.open(opening).await;
            let Some(inbox) = inbox else { return };
            let mut flight = Flight::default();
            match self.work(opening, &inbox, &mut orders, &mut flight).await {
                Ended::CoreGone => return,
                Ended::Reopen(why) => {
                    tracing::warn!(event = "inbox_reopened", why, "the inbox is opened anew");
                    barren = if flight.was_answered { 0 } else { barren + 1 };
                    self.restart_if_stuck(&why, &mut barren).await;
                    metrics::counter!("yizhan_inbox_reopened_total").increment(1);
                    // what fails at once each time must not keep the machine busy
                    tokio::time::sleep(REOPEN_PAUSE.0 * barren.min(BARREN_MAX)).await;
                }
                Ended::Renumber(why) => {
                    tracing::info!(event = "inbox_reopened", why, "the inbox is opened anew")
                }
            }
            if !self.mailbox.tell(Input::InboxClosed).await {
                return;
            }
        }
    }

    /// A stream that met a full disk once never answers a publish again, though it still describes
    /// itself (nats-server 2.15): only a restart of the server helps, and only with some room.
    async fn restart_if_stuck(&self, why: &str, barren: &mut u32) {
        if *barren >= BARREN_MAX && self.bus.restart() {
            tracing::warn!(
                event = "inbox_silent",
                why,
                "YZ_INBOX answers nothing: the bus is restarted"
            );
            *barren = 0;
            tokio::time::sleep(REOPEN_PAUSE.1).await;
        }
    }

    /// Opens the stream, however long that takes, and tells the core what is in it.
    async fn open(&self, opening: u64) -> Option<Inbox> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(REOPEN_PAUSE.0)
            .with_max_delay(REOPEN_PAUSE.1)
            .without_max_times()
            .with_jitter();
        for pause in pauses.build() {
            match self.try_open(opening).await {
                Ok((inbox, input)) => return self.mailbox.tell(input).await.then_some(inbox),
                Err(fault) => {
                    tracing::info!(event = "inbox_away", %fault, "the inbox is not to be had yet")
                }
            }
            tokio::time::sleep(pause).await;
        }
        None
    }

    async fn try_open(&self, opening: u64) -> Result<(Inbox, Input), BusError> {
        self.client.ready(REOPEN_PAUSE.1).await?;
        let inbox = self.bus.inbox(&self.client, self.limits).await?;
        let info = inbox.info().await?;
        // a hole can only be a tail that a power cut took: what follows it does not count
        let input = Input::InboxOpened {
            opening,
            created_ns: i64::try_from(info.created_unix_ns).unwrap_or(i64::MAX),
            present_sequence: info.last_seq.saturating_sub(info.holes()),
            last_sequence: info.last_seq,
        };
        Ok((inbox, input))
    }

    async fn work(
        &self,
        opening: u64,
        inbox: &Inbox,
        orders: &mut mpsc::Receiver<InboxOrder>,
        flight: &mut Flight,
    ) -> Ended {
        let mut state = self.client.state();
        state.mark_unchanged();
        loop {
            while flight.has_work() {
                if let Err(ended) = self.publish_some(inbox, flight).await {
                    return ended;
                }
            }
            let (due, room) = (flight.due(), flight.has_room());
            tokio::select! {
                biased;
                answer = next_answer(&mut flight.unanswered) => match answer {
                    Ok(leg) => {
                        flight.answered(leg);
                        if !self.mailbox.tell(Input::Delivered { through: leg }).await {
                            return Ended::CoreGone;
                        }
                    }
                    Err(fault) => return self.failed(fault).await,
                },
                () = sleep_until(due) => match self.release(inbox, flight).await {
                    Ok(true) => {}
                    Ok(false) => return Ended::CoreGone,
                    Err(fault) => return Ended::Reopen(fault.to_string()),
                },
                _ = state.changed() => return Ended::Reopen("the connection broke".to_owned()),
                order = orders.recv(), if room => match order {
                    None => return Ended::CoreGone,
                    Some(order) => flight.take(order, opening),
                },
            }
        }
    }

    /// Waits a little before a full stream is tried again; other failures are tried at once.
    async fn failed(&self, fault: InboxError) -> Ended {
        if matches!(fault, InboxError::Full) {
            metrics::counter!("yizhan_inbox_full_total").increment(1);
            tracing::error!(
                event = "inbox_full",
                "YZ_INBOX is full (inbox.max_bytes): delivery waits until applications or \
                 inbox.max_age have made room"
            );
            tokio::time::sleep(REOPEN_PAUSE.1).await;
        }
        Ended::Reopen(fault.to_string())
    }

    /// Publishes the legs of the first order, as many as may be unanswered.
    async fn publish_some(&self, inbox: &Inbox, flight: &mut Flight) -> Result<(), Ended> {
        let Some(order) = flight.orders.front().cloned() else { return Ok(()) };
        let through = order.through.min(order.from + flight.room().max(1) - 1);
        let mut legs = Vec::new();
        let read =
            self.legs.legs(&Link::Inbox, Lane::Routine, order.from, through, &mut |reading| {
                let Reading::Leg(leg) = reading else { return false };
                legs.push(leg);
                true
            });
        read.map_err(Ended::Reopen)?;
        if legs.is_empty() {
            let why = "the log cannot give it back";
            return Err(self.unreadable(order.from, None, why).await);
        }
        let now = clock::now();
        let last = legs.last().map_or(through, |leg| leg.sequence);
        for leg in legs {
            let sequence = leg.sequence;
            let asked = sequence == last || flight.asks(sequence);
            let whom = |to: &Selector| Addressees::of(to, &self.here, &self.roster);
            let out = match message::of(&leg, now, &order.clock, whom) {
                Ok(out) => out,
                Err(Unfit::Stale) => return Err(self.stale(sequence).await),
                Err(Unfit::Unreadable(why)) => {
                    return Err(self.unreadable(sequence, None, &why).await);
                }
            };
            let expected = i64::try_from(sequence).unwrap_or(i64::MAX) + order.offset - 1;
            let expected = u64::try_from(expected).unwrap_or(0);
            let Out { id, subject, headers, payload, remark } = out;
            let sent = match asked {
                true => inbox.publish(&subject, headers, payload, expected).await.map(Some),
                false => {
                    inbox.publish_unasked(&subject, headers, payload, expected).await.map(|()| None)
                }
            };
            match sent {
                Ok(ack) => flight.unanswered.extend(ack.map(|ack| (sequence, ack))),
                Err(fault @ InboxError::TooLarge) => {
                    let why = fault.to_string();
                    return Err(self.unreadable(sequence, Some(id), &why).await);
                }
                Err(fault) => return Err(self.failed(fault).await),
            }
            flight.advance(InInbox { leg: sequence, id, remark });
        }
        Ok(())
    }

    /// What will never enter must not keep out what follows it.
    async fn unreadable(&self, leg: u64, id: Option<MessageId>, why: &str) -> Ended {
        let shown = id.as_ref().map(ToString::to_string);
        tracing::error!(event = "undeliverable", leg, id = shown, why, "a leg was given up");
        let (link, lane) = (Link::Inbox, Lane::Routine);
        match self.mailbox.tell(Input::Unreadable { link, lane, from: leg, through: leg, id }).await
        {
            true => Ended::Renumber(format!("leg {leg} was given up")),
            false => Ended::CoreGone,
        }
    }

    async fn stale(&self, leg: u64) -> Ended {
        match self.mailbox.tell(Input::Stale { leg }).await {
            true => Ended::Renumber(format!("leg {leg} expired while it waited")),
            false => Ended::CoreGone,
        }
    }

    /// Syncs what was answered for and tells the core; `false` if it is gone.
    async fn release(&self, inbox: &Inbox, flight: &mut Flight) -> Result<bool, BusError> {
        let Some(present) = flight.last_present() else { return Ok(true) };
        let released = if inbox.sync_files().await? {
            flight.synced(present);
            Some(present)
        } else {
            flight.waited()
        };
        let Some(through) = released else { return Ok(true) };
        let (recalled, published) = flight.release(through);
        let mut ids = recalled.map_or_else(Vec::new, |legs| self.recalled(legs));
        ids.extend(published);
        Ok(self.mailbox.tell(Input::Released { through, ids }).await)
    }

    /// The messages of legs that an earlier opening published, from the log.
    fn recalled(&self, (from, through): (u64, u64)) -> Vec<InInbox> {
        let mut ids = Vec::new();
        let read = self.legs.legs(&Link::Inbox, Lane::Routine, from, through, &mut |reading| {
            if let Reading::Leg(leg) = reading
                && let Ok(envelope) = Envelope::read(leg.envelope)
            {
                let header = envelope.header();
                let remark = Addressees::of(&header.to, &self.here, &self.roster).remark();
                ids.push(InInbox { leg: leg.sequence, id: header.id(), remark });
            }
            true
        });
        if let Err(fault) = read {
            // they are in the inbox all the same: only their origins will not be told
            tracing::error!(
                event = "delivered_unnamed",
                fault,
                from,
                through,
                "delivered messages cannot be named"
            );
        }
        ids
    }
}

/// Waits for the oldest acknowledgement and takes those that came with it; gives the last leg.
async fn next_answer(unanswered: &mut VecDeque<(u64, InboxAck)>) -> Result<u64, InboxError> {
    let Some((leg, ack)) = unanswered.front_mut() else {
        return std::future::pending().await;
    };
    let mut last = *leg;
    ack.await?;
    unanswered.pop_front();
    while let Some((leg, ack)) = unanswered.front_mut() {
        let Some(answer) = ack.now_or_never() else { break };
        answer?;
        last = *leg;
        unanswered.pop_front();
    }
    Ok(last)
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
