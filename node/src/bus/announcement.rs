//! [`Announcement`]: answers to NATS's own `$SRV.PING`, `INFO` and `STATS`, so that `nats micro ls`
//! shows the station among the services of its applications' account.
//!
//! The endpoints are named in the metadata only: requests reach the node in the other account,
//! and a second subscription here would take them twice.

use std::collections::HashMap;

use async_nats::service::ServiceExt as _;
use tokio::task::JoinHandle;

use super::client::Client;
use super::{BusError, subjects};

/// Answers as long as it is kept.
#[derive(Debug)]
pub struct Announcement(JoinHandle<()>);

impl Announcement {
    /// Announces the station as the service `name` over its connection to APP. `version` is a
    /// semantic version; `name` holds letters, digits, `-` and `_`.
    pub async fn make(client: &Client, name: &str, version: &str) -> Result<Self, BusError> {
        let (client, name, version) = (client.clone(), name.to_owned(), version.to_owned());
        let mut live = client.up()?;
        let mut service = start(&live.client, &name, &version).await?;
        Ok(Self(tokio::spawn(async move {
            // a connection that died for good took the service with it
            while let Some(next) = client.live_after(live.generation).await {
                match start(&next.client, &name, &version).await {
                    Ok(started) => service = started,
                    Err(error) => tracing::warn!(event = "bus_unannounced", "{error}"),
                }
                live = next;
            }
            drop(service);
        })))
    }
}

async fn start(
    client: &async_nats::Client,
    name: &str,
    version: &str,
) -> Result<async_nats::service::Service, BusError> {
    let subjects = [("submit", subjects::SUBMIT_ALL), ("answer", subjects::ACK_ALL)];
    let metadata = subjects.map(|(what, subject)| (what.to_owned(), subject.to_owned()));
    let builder = client
        .service_builder()
        .description("Yizhan station: takes events, delivers to YZ_INBOX")
        .metadata(HashMap::from(metadata));
    let started = builder.start(name, version).await;
    started.map_err(|error| BusError::Refused {
        doing: "announce the service",
        why: error.to_string(),
    })
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.0.abort();
    }
}
