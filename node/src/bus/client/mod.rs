//! [`Client`]: one connection to a bus.
//!
//! Promise: nothing is sent while the connection is known to be down (async-nats would keep it and
//! replay it), a wait ends as soon as the connection it waits on breaks, and a client outlives
//! whatever its peers send to it. What was sent is in a local buffer, no more: only an answer says
//! that it arrived.

mod dial;
mod headers;
mod live;
mod message;
mod subscription;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::{Request, RequestErrorKind};
use bytes::Bytes;
use tokio::sync::watch;

pub use dial::Dial;
pub use headers::Headers;
pub use live::LinkState;
pub use message::{LastPublisher, Message, Publisher};
pub use subscription::Subscription;

use super::BusError;
use live::{Live, Signals};

/// Nobody listens there, and the node and its applications may ask there.
const SETTLED: &str = "$SRV.PING._settled";

/// A connection to one account of one bus. Cheap to clone; closed when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Client {
    url: Arc<str>,
    live: watch::Receiver<Arc<Live>>,
    signals: Arc<Signals>,
}

impl Client {
    /// Starts connecting, and tries for ever; only a bad URL or credential is an error.
    pub async fn dial(dial: Dial) -> Result<Self, BusError> {
        let (url, signals) = (dial.url.as_str().into(), Arc::new(Signals::default()));
        let live = live::keep(dial, signals.clone()).await?;
        Ok(Self { url, live, signals })
    }

    /// Waits until the connection stands.
    pub async fn ready(&self, within: Duration) -> Result<(), BusError> {
        let mut state = self.signals.state.subscribe();
        let up = state.wait_for(|state| state.connected);
        match tokio::time::timeout(within, up).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                let (url, why) = (self.url.to_string(), self.last_error());
                Err(BusError::NotConnected { url, within, why })
            }
        }
    }

    /// Connected or not, and how often; changes can be awaited.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.signals.state.subscribe()
    }

    /// True while the connection stands, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.up().is_ok()
    }

    /// Messages dropped because a subscription's reader was slow; a lower bound.
    pub fn slow_consumer_events(&self) -> u64 {
        self.signals.slow.load(Ordering::Relaxed)
    }

    /// The longest wait before a new attempt from now on: a parent raises it when many children
    /// return at once.
    pub fn set_reconnect_cap(&self, cap: Duration) {
        let cap = u64::try_from(cap.as_millis()).unwrap_or(u64::MAX);
        self.signals.cap_ms.store(cap, Ordering::Relaxed);
    }

    /// Sends a message.
    pub async fn publish(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        self.publish_with_headers(subject, Headers::new(), payload).await
    }

    /// Sends a message with headers.
    pub async fn publish_with_headers(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), BusError> {
        let live = self.up()?;
        let to = subject.to_owned();
        let sent = if headers.is_empty() {
            live.client.publish(to, payload).await
        } else {
            live.client.publish_with_headers(to, headers.0, payload).await
        };
        sent.map_err(|error| match error.kind() {
            PublishErrorKind::Send => self.disconnected(),
            _ => BusError::Unsendable { subject: subject.to_owned(), why: error.to_string() },
        })
    }

    /// Answers a message; one that wants no answer is left alone.
    pub async fn answer(&self, message: &Message, payload: Bytes) -> Result<(), BusError> {
        match &message.reply {
            Some(reply) => self.publish(reply, payload).await,
            None => Ok(()),
        }
    }

    /// Sends a request and waits for the answer. [`BusError::NoResponders`]: nobody listens there;
    /// [`BusError::Timeout`]: somebody may; [`BusError::Disconnected`]: the connection broke.
    pub async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        within: Duration,
    ) -> Result<Message, BusError> {
        self.request_with_headers(subject, Headers::new(), payload, within).await
    }

    /// The same with headers.
    pub async fn request_with_headers(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        within: Duration,
    ) -> Result<Message, BusError> {
        let live = self.up()?;
        let mut request = Request::new().payload(payload).timeout(Some(within));
        if !headers.is_empty() {
            request = request.headers(headers.0);
        }
        let answer = tokio::select! {
            answer = live.client.send_request(subject.to_owned(), request) => answer,
            () = self.broken() => return Err(self.disconnected()),
        };
        let subject = subject.to_owned();
        answer.map(Message::from).map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => BusError::NoResponders { subject },
            RequestErrorKind::TimedOut => BusError::Timeout { subject, within },
            RequestErrorKind::Other => self.disconnected(),
            _ => BusError::Unsendable { subject, why: error.to_string() },
        })
    }

    /// Listens on a subject, now and after every reconnect. Also while disconnected.
    pub async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError> {
        let live = self.live.borrow().clone();
        let wrong = |why: String| BusError::Unsendable { subject: subject.to_owned(), why };
        let inner = live.client.subscribe(subject.to_owned()).await;
        let inner = inner.map_err(|error| wrong(error.to_string()))?;
        Ok(Subscription::new(self.clone(), subject.to_owned(), &live, inner))
    }

    /// Waits until the server has read all that was sent on this connection before, so that a
    /// subscription made before hears whatever anybody sends from now on. It is an answer of the
    /// server itself: [`BusError::Timeout`] may also mean that this user may not publish `$SRV.>`.
    pub async fn settled(&self, within: Duration) -> Result<(), BusError> {
        match self.request(SETTLED, Bytes::new(), within).await {
            Ok(_) | Err(BusError::NoResponders { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// The last error of a connection, for a person to read.
    pub fn last_error(&self) -> String {
        self.signals.last_error()
    }

    /// The connection, if it stands.
    pub(in crate::bus) fn up(&self) -> Result<Arc<Live>, BusError> {
        let connected = self.signals.state.borrow().connected;
        if connected { Ok(self.live.borrow().clone()) } else { Err(self.disconnected()) }
    }

    /// Ends when the connection that stands now breaks, or was replaced unseen.
    pub(in crate::bus) fn broken(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut state = self.signals.state.subscribe();
        let now = *state.borrow_and_update();
        async move {
            let _ = state.wait_for(|state| *state != now || !state.connected).await;
        }
    }

    /// The connection that follows the one with this number.
    pub(in crate::bus) async fn live_after(&self, generation: u64) -> Option<Arc<Live>> {
        let mut live = self.live.clone();
        let found = live.wait_for(|live| live.generation > generation).await;
        found.ok().map(|live| live.clone())
    }

    pub(super) fn disconnected(&self) -> BusError {
        BusError::Disconnected { url: self.url.to_string() }
    }
}
