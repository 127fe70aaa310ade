//! [`RawBus`]: a NATS connection of an attacker, that hears what the server complains of.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::attack::Ended;
use super::ground::Ground;

/// A server that has not complained by then does not.
const COMPLAINT_WITHIN: Duration = Duration::from_secs(10);

/// The connection, and the complaints on it.
pub struct RawBus {
    /// The connection.
    pub nats: Client,
    complaints: mpsc::UnboundedReceiver<String>,
}

impl RawBus {
    /// Connects to the bus of a station.
    ///
    /// # Errors
    /// What the server says.
    pub async fn at(ground: &Ground, station: &str, who: ConnectOptions) -> Result<Self, String> {
        let (told, complaints) = mpsc::unbounded_channel();
        let who = who.event_callback(move |event| {
            if let Event::ServerError(error) = event {
                let _ = told.send(error.to_string().to_lowercase());
            }
            std::future::ready(())
        });
        let nats = who.connect(&ground.station(station).bus).await;
        Ok(Self { nats: nats.map_err(|why| why.to_string())?, complaints })
    }

    /// Publishes; the server must refuse it.
    ///
    /// # Errors
    /// It does not.
    pub async fn is_refused_to_say(&mut self, subject: &str) -> Ended {
        let said = self.nats.publish(subject.to_owned(), "forged".into()).await;
        said.map_err(|why| why.to_string())?;
        self.nats.flush().await.map_err(|why| why.to_string())?;
        self.complains("publish to", subject).await.map(|()| "bus: publish".to_owned())
    }

    /// Subscribes; the server must refuse it.
    ///
    /// # Errors
    /// It does not.
    pub async fn is_refused_to_hear(&mut self, subject: &str) -> Ended {
        let heard = self.nats.subscribe(subject.to_owned()).await;
        let _open = heard.map_err(|why| why.to_string())?;
        self.nats.flush().await.map_err(|why| why.to_string())?;
        self.complains("subscription to", subject).await.map(|()| "bus: subscribe".to_owned())
    }

    async fn complains(&mut self, to_do: &str, subject: &str) -> Result<(), String> {
        let wanted = format!("permissions violation for {to_do} \"{}\"", subject.to_lowercase());
        let heard = timeout(COMPLAINT_WITHIN, async {
            while let Some(complaint) = self.complaints.recv().await {
                if complaint.contains(&wanted) {
                    return true;
                }
            }
            false
        });
        match heard.await {
            Ok(true) => Ok(()),
            _ => Err(format!("{to_do} {subject} was not refused")),
        }
    }
}
