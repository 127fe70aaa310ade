//! `GET /v1/stream`: what happens here, as server-sent events.
//!
//! A reader that is too slow is not waited for: it is told how many events it missed
//! (`event: lagged`, `{"missed":n}`) and goes on with the oldest that is left.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use futures::stream;
use serde_json::Value;
use tokio::sync::{broadcast, watch};
use yizhan_schemas::reply::ErrorCode::RateLimited;

use super::problem::Problem;
use super::routes::Desk;

/// A comment this often tells both ends that the connection lives, and proxies to keep it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Most streams at once: each holds a connection for as long as it likes.
pub const STREAMS_MAX: usize = 256;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A message was taken.
    Taken,
    /// A neighbour has custody of it.
    HandedOver,
    /// A station further on has it on its disk.
    Relayed,
    /// It is in the inbox of a station that it is for, or was carried out there.
    Delivered,
    /// It ended otherwise for a station that it is for.
    Ended,
    /// An application or adapter answered it.
    Answered,
    /// A link changed its state.
    Link,
}

impl Topic {
    /// The `event:` of the stream.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::HandedOver => "handed_over",
            Self::Relayed => "relayed",
            Self::Delivered => "delivered",
            Self::Ended => "ended",
            Self::Answered => "answered",
            Self::Link => "link",
        }
    }
}

/// One event; written once, however many read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent {
    topic: Topic,
    json: Arc<str>,
}

impl StreamEvent {
    /// An event of a topic.
    pub fn new(topic: Topic, data: &Value) -> Self {
        Self { topic, json: data.to_string().into() }
    }
}

/// Follows the stream until the client goes or the station stops.
pub(super) async fn follow(
    State(desk): State<Desk>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = desk.streams.try_acquire_owned().map_err(|_| {
        Problem::of(RateLimited, format!("{STREAMS_MAX} streams are open; close one or try later"))
    })?;
    let reader = (desk.site.stream.subscribe(), desk.stopping, place);
    let events = stream::unfold(reader, |(mut events, mut stopping, place)| async {
        let next = next(&mut events, &mut stopping).await?;
        Some((Ok(next), (events, stopping, place)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

async fn next(
    events: &mut broadcast::Receiver<StreamEvent>,
    stopping: &mut watch::Receiver<bool>,
) -> Option<Event> {
    let received = tokio::select! {
        received = events.recv() => received,
        _ = stopping.wait_for(|stopping| *stopping) => return None,
    };
    match received {
        Ok(event) => Some(Event::default().event(event.topic.as_str()).data(&*event.json)),
        Err(broadcast::error::RecvError::Lagged(missed)) => {
            Some(Event::default().event("lagged").data(format!(r#"{{"missed":{missed}}}"#)))
        }
        Err(broadcast::error::RecvError::Closed) => None,
    }
}
