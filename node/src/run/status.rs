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

/// How often a station tells its parent.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// A station that was not heard of for this long is offline.
const OFFLINE_AFTER: Duration = Duration::from_secs(15);
/// Longest status message, bytes.
const STATUS_BYTES_MAX: usize = 512 * 1024;

/// What is known of this station and those below it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Roll {
    here: Code,
    topology: Arc<Topology>,
    view: watch::Receiver<View>,
    heard: Arc<Mutex<BTreeMap<Code, (Instant, StationStatus)>>>,
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
        own.links = view.links.iter().map(link_status).collect();
        own.age_oldest_ms = own.oldest_ms();
        own
    }

    /// This station and every one below it, named, in the order of their codes.
    pub(super) fn stations(&self) -> Stations {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let below = self.topology.stations().filter(|station| self.here.is_above(&station.code));
        let below = below.map(|station| match heard.get(&station.code) {
            Some((at, status)) => {
                let mut status = status.clone();
                if at.elapsed() > OFFLINE_AFTER {
                    status.online = Some(false);
                }
                status
            }
            None => StationStatus::unheard(station.code.clone()),
        });
        let all = std::iter::once(self.own()).chain(below);
        Stations { stations: all.map(|status| self.named(status)).collect() }
    }

    fn named(&self, mut status: StationStatus) -> StationStatus {
        if let Some(station) = self.topology.station(&status.code) {
            status.name.clone_from(&station.name);
        }
        status.tier = self.topology.tier_of(&status.code).unwrap_or_default().to_owned();
        status
    }

    /// Takes what a child says of itself and of those below it.
    fn hear(&self, child: &Code, said: Stations) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let within = said.stations.into_iter().filter(|status| {
            // a child speaks for its own subtree only
            status.code.is_within(child) && self.topology.station(&status.code).is_some()
        });
        for status in within.filter(|status| status.online == Some(true)) {
            heard.insert(status.code.clone(), (Instant::now(), status));
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
    let mut turns = tokio::time::interval(TELL_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let subject = subjects::status(&roll.here);
    loop {
        turns.tick().await;
        let mut said = roll.stations();
        for status in &mut said.stations {
            status.name.clear();
            status.tier.clear();
        }
        said.stations.retain(|status| status.online == Some(true));
        match codec::encode(&said, STATUS_BYTES_MAX) {
            Ok(bytes) if parent.is_connected() => {
                if let Err(fault) = parent.publish(&subject, bytes).await {
                    tracing::debug!(%fault, "status not published");
                }
            }
            Ok(_) => {}
            Err(fault) => tracing::warn!(%fault, "status not published"),
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
            Err(fault) => tracing::warn!(child = child.as_str(), %fault, "a status does not read"),
        }
    }
    Ok(())
}
