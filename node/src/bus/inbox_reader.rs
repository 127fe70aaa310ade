//! [`InboxReader`]: `YZ_INBOX` as an application reads it, from the first message on.
//!
//! Promise: each message of the stream is handed out once and in order, across lost answers,
//! broken connections and restarts of the server. The reader keeps the place itself; the consumers
//! that it makes on the server are forgotten there.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use futures::{Stream, StreamExt as _};

use super::client::{Client, Message};
use super::{BusError, subjects};

/// Most messages of one read.
const READ_MAX: usize = 500;
/// An answer that is later than this beyond its own time is not waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The server forgets a consumer that was not used for this long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// One message of the stream.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Its number in the stream.
    pub sequence: u64,
    /// When the server stored it, in nanoseconds since 1970.
    pub stored_unix_ns: i128,
    /// Subject, headers and body.
    pub message: Message,
}

/// Reads the stream of one station.
#[derive(Debug)]
pub struct InboxReader {
    client: Client,
    next: u64,
    place: Option<Place>,
}

/// A consumer on the server.
#[derive(Debug)]
struct Place {
    consumer: PullConsumer,
    /// The connection that it was made on: a server that was restarted knows it no more.
    connections: u64,
    /// Messages that it handed out.
    handed: u64,
}

impl InboxReader {
    /// Starts before the first message.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone(), next: 1, place: None }
    }

    /// The next messages, at most [`READ_MAX`]; none if there is none `within` that time. After
    /// an error the next call goes on where this one stopped.
    pub async fn read(&mut self, within: Duration) -> Result<Vec<Delivered>, BusError> {
        let client = self.client.clone();
        let read = tokio::select! {
            read = tokio::time::timeout(within + ANSWER_WITHIN, self.try_read(within)) => {
                read.unwrap_or_else(|_| Err(refused(&"no answer in time")))
            }
            () = client.broken() => Err(client.disconnected()),
        };
        if read.is_err() {
            self.place = None;
        }
        read
    }

    async fn try_read(&mut self, within: Duration) -> Result<Vec<Delivered>, BusError> {
        let mut place = self.place().await?;
        let there = place.consumer.fetch().max_messages(READ_MAX).messages().await;
        let mut read = self.take(&mut place, there.map_err(|error| refused(&error))?).await?;
        if read.is_empty() && !within.is_zero() {
            let one = place.consumer.batch().max_messages(1).expires(within).messages().await;
            read = self.take(&mut place, one.map_err(|error| refused(&error))?).await?;
        }
        self.place = Some(place);
        Ok(read)
    }

    async fn place(&mut self) -> Result<Place, BusError> {
        let live = self.client.up()?;
        let connections = self.client.state().borrow().connections;
        if let Some(place) = self.place.take_if(|place| place.connections == connections) {
            return Ok(place);
        }
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            ..pull::Config::default()
        };
        let made = live.jetstream().create_consumer_on_stream(config, subjects::INBOX_STREAM);
        let consumer = made.await.map_err(|error| refused(&error))?;
        Ok(Place { consumer, connections, handed: 0 })
    }

    /// Takes what a request brings. The place is given up where an answer was lost on the way.
    async fn take(
        &mut self,
        place: &mut Place,
        answers: impl Stream<Item = Result<async_nats::jetstream::Message, async_nats::Error>>,
    ) -> Result<Vec<Delivered>, BusError> {
        let mut answers = std::pin::pin!(answers);
        let mut read = Vec::new();
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|error| refused(&error))?;
            let info = answer.info().map_err(|error| refused(&error))?;
            if info.consumer_sequence != place.handed + 1 {
                return Err(refused(&"an answer was lost"));
            }
            place.handed += 1;
            read.push(Delivered {
                sequence: info.stream_sequence,
                stored_unix_ns: info.published.unix_timestamp_nanos(),
                message: Message::from(answer.message),
            });
        }
        if let Some(last) = read.last() {
            self.next = last.sequence + 1;
        }
        Ok(read)
    }
}

fn refused(why: &dyn std::fmt::Display) -> BusError {
    BusError::Refused { doing: "read the stream YZ_INBOX", why: why.to_string() }
}
