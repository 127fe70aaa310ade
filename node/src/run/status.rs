//! Status: what stations say of themselves, on the way up.
//!
//! Each station publishes its own status and what it heard of those below on `yz.status.<code>` of
//! its parent's bus: lossy, the last value counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use yizhan_core::link::Link;
use yizhan_core::station::{LinkView, View};
use yizhan_schemas::codec;
use yizhan_schemas::status::{Backlog, LinkStatus, StationStatus, Stations};
use yizhan_schemas::{Code, Lane};
use yizhan_topology::Topology;

use super::RunError;
use crate::bus::{BusError, Client, subjects};
use crate::clock;

/// How often a station tells its parent, on a line that is not thin.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// On a thin one it takes no more than this part of it: messages come first.
const SHARE_OF_LINE: u64 = 20;
/// A station that was not heard of for this long, or for thrice as long as it said that it would
/// be silent, is offline.
const OFFLINE_AFTER: Duration = Duration::from_secs(15);
/// No word of its own keeps a station online for longer.
const SILENT_MAX: Duration = Duration::from_secs(600);
/// Longest status message, bytes.
const STATUS_BYTES_MAX: usize = 512 * 1024;

/// What was last heard of a station.
struct Heard {
    offline_at: Instant,
    status: StationStatus,
}

/// What is known of this station and those below it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Roll {
    here: Code,
    topology: Arc<Topology>,
    view: watch::Receiver<View>,
    heard: Arc<Mutex<BTreeMap<Code, Heard>>>,
}

impl Roll {
    pub(super) fn new(here: Code, topology: Arc<Topology>, view: watch::Receiver<View>) -> Self {
        Self { here, topology, view, heard: Arc::default() }
    }

    /// This station's own status.
    pub(super) fn own(&self) -> StationStatus {
        let view = self.view.borrow().clone();
        let mut own = StationStatus::unheard(self.here.clone());
        own.online = Some(true);
        own.version = env!("CARGO_PKG_VERSION").to_owned();
        own.accepted = view.accepted;
        own.delivered = view.delivered;
        own.policy_version = view.policy_version;
        own.links = view.links.iter().map(link_status).collect();
        own.age_oldest_ms = own.oldest_ms();
        own
    }

    /// This station and every one below it, named, in the order of their codes.
    pub(super) fn stations(&self) -> Stations {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let below = self.topology.stations().filter(|station| self.here.is_above(&station.code));
        let below = below.map(|station| match heard.get(&station.code) {
            Some(Heard { offline_at, status }) => {
                let mut status = status.clone();
                if Instant::now() > *offline_at {
                    status.online = Some(false);
                }
                status
            }
            None => StationStatus::unheard(station.code.clone()),
        });
        let all = std::iter::once(self.own()).chain(below);
        Stations { stations: all.map(|status| self.named(status)).collect(), every_ms: None }
    }

    fn named(&self, mut status: StationStatus) -> StationStatus {
        if let Some(station) = self.topology.station(&status.code) {
            status.name.clone_from(&station.name);
        }
        status.tier = self.topology.tier_of(&status.code).unwrap_or_default().to_owned();
        status
    }

    /// How long to say nothing after a word of so many bytes to the parent.
    fn pause_after(&self, bytes: usize) -> Duration {
        let view = self.view.borrow();
        let rate = view.links.iter().find(|link| link.link == Link::Up).and_then(|link| link.rate);
        let ms = rate.map_or(0, |rate| bytes as u64 * 1_000 * SHARE_OF_LINE / rate.max(1));
        Duration::from_millis(ms).max(TELL_EVERY).min(SILENT_MAX / 3)
    }

    /// Takes what a child says of itself and of those below it.
    fn hear(&self, child: &Code, said: Stations) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let within = said.stations.into_iter().filter(|status| {
            // a child speaks for its own subtree only
            status.code.is_within(child) && self.topology.station(&status.code).is_some()
        });
        let silent = Duration::from_millis(said.every_ms.unwrap_or(0).saturating_mul(3));
        let offline_at = Instant::now() + silent.min(SILENT_MAX).max(OFFLINE_AFTER);
        for status in within.filter(|status| status.online == Some(true)) {
            heard.insert(status.code.clone(), Heard { offline_at, status });
        }
    }
}

fn link_status(link: &LinkView) -> LinkStatus {
    let mut backlog = Backlog::default();
    for lane in Lane::ALL {
        let waiting = backlog.get_mut(lane);
        waiting.messages = *link.backlog.get(lane);
        let oldest_us = link.oldest_us.get(lane).filter(|_| waiting.messages > 0);
        waiting.oldest_ms = oldest_us.map(|us| us / 1000);
    }
    let word = match &link.link {
        Link::Down(child) => child.to_string(),
        other => other.word().to_owned(),
    };
    LinkStatus { link: word, up: link.up, rtt_ms: link.rtt_us.map(|us| us / 1000), backlog }
}

/// Tells the parent, again and again.
pub(super) async fn tell(roll: Roll, parent: Client) -> (&'static str, Result<(), RunError>) {
    let subject = subjects::status(&roll.here);
    let mut every = Duration::ZERO;
    loop {
        // with all else that an idle station does now and then
        tokio::time::sleep_until(clock::beat_in(every)).await;
        let mut said = roll.stations();
        for status in &mut said.stations {
            status.name.clear();
            status.tier.clear();
        }
        said.stations.retain(|status| status.online == Some(true));
        let length = codec::encode(&said, STATUS_BYTES_MAX).map_or(0, |bytes| bytes.len());
        every = roll.pause_after(length);
        said.every_ms = u64::try_from(every.as_millis()).ok();
        match codec::encode(&said, STATUS_BYTES_MAX) {
            Ok(bytes) if parent.is_connected() => {
                if let Err(fault) = parent.publish(&subject, bytes).await {
                    tracing::debug!(event = "status_unpublished", %fault, "status not published");
                }
            }
            Ok(_) => {}
            Err(fault) => {
                tracing::warn!(event = "status_unpublished", %fault, "status not published")
            }
        }
    }
}

/// Hears the children.
pub(super) async fn listen(roll: Roll, client: Client) -> Result<(), BusError> {
    let mut said = client.subscribe(subjects::STATUS_ALL).await?;
    while let Some(message) = said.next().await {
        let Some(child) = subjects::child_of_status(&message.subject) else { continue };
        match codec::decode::<Stations>(&message.payload, STATUS_BYTES_MAX) {
            Ok(stations) => roll.hear(&child, stations),
            Err(fault) => {
                tracing::warn!(
                    event = "status_unreadable",
                    child = child.as_str(),
                    %fault,
                    "a status does not read"
                )
            }
        }
    }
    Ok(())
}
