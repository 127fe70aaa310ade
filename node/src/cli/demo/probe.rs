//! [`Probe`]: asks stations over HTTP how they are.

use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use yizhan_schemas::MessageId;
use yizhan_schemas::reply::Accepted;
use yizhan_schemas::status::{MessageStatus, StationStatus};

use super::Fault;
use super::ground::Site;
use crate::cli::station::innermost;

/// How long a station of this machine may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) messages: Vec<MessageStatus>,
    pub(super) cursor: Option<String>,
}

/// Asks stations over HTTP.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    client: Client,
}

impl Probe {
    /// A client that knows no proxy: stations are on this machine.
    pub(super) fn new() -> Result<Self, Fault> {
        let client = Client::builder().no_proxy().timeout(ANSWER_WITHIN).build();
        let client = client.map_err(|error| Fault::Defect(innermost(&error)))?;
        Ok(Self { client })
    }

    /// The client itself, for publishers.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Nothing, if a station takes messages and hands them on; else what is missing.
    pub(super) async fn ready(&self, site: &Site) -> Result<(), String> {
        self.text(site, "/readyz").await?;
        let status = self.status(site).await?;
        match status.uplink() {
            Some(uplink) if !uplink.up => Err("its uplink is not up".to_owned()),
            _ => Ok(()),
        }
    }

    /// What a station says about itself.
    pub(super) async fn status(&self, site: &Site) -> Result<StationStatus, String> {
        let text = self.text(site, &format!("/v1/stations/{}", site.code)).await?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Its page of metrics.
    pub(super) async fn metrics(&self, site: &Site) -> Result<String, String> {
        self.text(site, "/metrics").await
    }

    /// What it knows of a message.
    pub(super) async fn message(
        &self,
        site: &Site,
        id: &MessageId,
    ) -> Result<MessageStatus, String> {
        let text = self.text(site, &format!("/v1/messages/{id}")).await?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Some of its own messages, and where to go on.
    pub(super) async fn messages(
        &self,
        site: &Site,
        cursor: Option<&str>,
    ) -> Result<Listed, String> {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let text = self.text(site, &format!("/v1/messages?origin={}{cursor}", site.code)).await?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// A page of a station, as JSON.
    pub(super) async fn value(&self, site: &Site, path: &str) -> Result<Value, String> {
        let text = self.text(site, path).await?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Hands an event in; the id that it got.
    pub(super) async fn hand_in(&self, site: &Site, event: &Value) -> Result<MessageId, String> {
        let http = site.http().ok_or("it has not said where its HTTP interface is")?;
        let request = self.client.post(format!("{http}/v1/events"));
        let request = request.header("content-type", "application/cloudevents+json");
        let answer = request.body(event.to_string()).send().await;
        let answer = answer.map_err(|error| innermost(&error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| innermost(&error))?;
        let accepted: Option<Accepted> = serde_json::from_str(&text).ok();
        match accepted.filter(|_| status.is_success()) {
            Some(accepted) => Ok(accepted.id),
            None => Err(format!("{}: {status}: {text}", site.code)),
        }
    }

    async fn text(&self, site: &Site, path: &str) -> Result<String, String> {
        let http = site.http().ok_or("it has not said where its HTTP interface is")?;
        let answer = self.client.get(format!("{http}{path}")).send().await;
        let answer = answer.map_err(|error| innermost(&error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| innermost(&error))?;
        if status.is_success() { Ok(text) } else { Err(format!("{path} answers {status}: {text}")) }
    }
}
