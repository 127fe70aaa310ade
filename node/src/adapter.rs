//! Adapters: commands to devices, as requests to whoever answers for the device on this station's
//! bus (`yz.video.<device id>`, `yz.broadcast.<device id>`).
//!
//! Promise: every attempt that the core asks for gets one answer, whatever becomes of the bus; a
//! command is sent at most once, never when its time to live is over, never for an origin that may
//! not command that device, and where nobody can tell whether the device did it, that is what is
//! said.

mod broadcast;
mod command;
mod keeper;
mod right;
mod sessions;
mod verdict;
mod video;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use yizhan_core::fill::{HeldLeg, LegSource, Reading};
use yizhan_core::input::{Attempted, Input};
use yizhan_core::link::Link;
use yizhan_core::time::BootClock;
use yizhan_schemas::{Code, Envelope, Header};
use yizhan_topology::Topology;

use crate::audit::{Audit, Deed};
use crate::bus::Client;
use crate::catalogue::InForce;
use crate::clock;
use crate::driver::AttemptOrder;
use crate::mailbox::Mailbox;
pub use sessions::{REQUESTER_AWAY_MAX, SESSIONS_MAX, Sessions};

/// Longest wait for an adapter's reply, whatever the time to live.
const REPLY_WITHIN_MAX: Duration = Duration::from_secs(300);
/// How long a command without a time to live is good for.
const GOOD_FOR: Duration = Duration::from_secs(30);
/// Attempts to read a leg from the log, and the pause between two.
const READS_MAX: u32 = 5;
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Everything that the adapters' task needs. Cheap to clone.
#[derive(Clone)]
pub struct Adapters {
    /// The connection to the APP account of this station's bus.
    pub client: Client,
    /// Where legs are read.
    pub legs: Arc<dyn LegSource>,
    /// The way to the core.
    pub mailbox: Mailbox,
    /// This station.
    pub here: Code,
    /// By which codes that have changed are known.
    pub topology: Arc<Topology>,
    /// Which devices hang here, and who may command them.
    pub catalogue: InForce,
    /// What devices show until it is ended.
    pub sessions: Sessions,
    /// Where it is written down who was refused a device.
    pub audit: Audit,
}

impl Adapters {
    /// Makes attempts until the core is gone; any number may be under way, the core bounds them.
    pub async fn run(self, mut orders: mpsc::Receiver<AttemptOrder>) {
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => drop(under_way.spawn(self.clone().attempt(order))),
                    None => return,
                },
                Some(_) = under_way.join_next() => {}
            }
        }
    }

    async fn attempt(self, order: AttemptOrder) {
        let AttemptOrder { lane, leg, clock } = order;
        let read = self.read(&AttemptOrder { lane, leg, clock: Arc::clone(&clock) }).await;
        let read = read.and_then(|held| {
            let envelope = Envelope::read(held.envelope.clone());
            envelope.map(|envelope| (held, envelope)).map_err(|fault| fault.to_string())
        });
        let input = match read {
            Ok((held, envelope)) => {
                let id = envelope.header().id();
                let result = self.carry_out(&held, &envelope, &clock).await;
                // the word alone: what a camera says may be the address of a stream with its password
                let word = verdict::word(&result);
                metrics::counter!("yizhan_attempts_total", "result" => word).increment(1);
                tracing::info!(event = "attempted", %id, result = word, "an attempt has ended");
                Input::Attempted { lane, leg, id, result }
            }
            Err(why) => {
                tracing::error!(event = "undeliverable", leg, why, "a command was given up");
                Input::Unreadable { link: Link::Adapter, lane, from: leg, through: leg, id: None }
            }
        };
        self.mailbox.tell(input).await;
    }

    /// The leg, from the log.
    async fn read(&self, order: &AttemptOrder) -> Result<HeldLeg, String> {
        let mut why = "the log cannot give it back".to_owned();
        for _ in 0..READS_MAX {
            let mut found = None;
            let AttemptOrder { lane, leg, .. } = order;
            match self.legs.legs(&Link::Adapter, *lane, *leg, *leg, &mut |reading| {
                if let Reading::Leg(leg) = reading {
                    found = Some(leg);
                }
                true
            }) {
                Ok(()) => return found.ok_or(why),
                // the disk may answer better in a while
                Err(fault) => why = fault,
            }
            tokio::time::sleep(READ_PAUSE).await;
        }
        Err(why)
    }

    async fn carry_out(&self, held: &HeldLeg, envelope: &Envelope, clock: &BootClock) -> Attempted {
        let left = Left { held, header: envelope.header(), clock };
        match envelope.header().kind.family() {
            "video" => self.video(envelope, &left).await,
            "broadcast" => self.broadcast(envelope, &left).await,
            _ => {
                let kind = &envelope.header().kind;
                Attempted::Unfit(format!("{kind} is no kind that an adapter is asked for"))
            }
        }
    }

    /// One request, with the body for the time that it is still good for.
    async fn ask(
        &self,
        subject: &str,
        body: impl Fn(Duration) -> Result<Bytes, String>,
        left: &Left<'_>,
    ) -> Attempted {
        let Some(within) = left.now() else { return Attempted::Expired };
        // a bus that is being restarted is no lack of an adapter: nobody was asked yet
        if self.client.ready(within).await.is_err() {
            return Attempted::Expired;
        }
        let Some(within) = left.now() else { return Attempted::Expired };
        match body(within) {
            Ok(body) => verdict::of(self.client.request(subject, body, within).await),
            Err(why) => Attempted::Unfit(why),
        }
    }
}

/// A leg and its age.
struct Left<'a> {
    held: &'a HeldLeg,
    header: &'a Header,
    clock: &'a BootClock,
}

impl Left<'_> {
    /// How long the command is still good for; `None` if it is over, or nobody knows.
    fn now(&self) -> Option<Duration> {
        let Some(ttl_ms) = self.header.ttl_ms else { return Some(GOOD_FOR) };
        let age_ms = self.held.age_within(clock::now(), self.clock, Some(ttl_ms))?;
        Some(Duration::from_millis(ttl_ms.saturating_sub(age_ms)).min(REPLY_WITHIN_MAX))
    }
}

#[cfg(test)]
mod tests;
