//! [`Subscription`]: the messages of one subject, across reconnects and replaced connections.

use std::sync::Arc;

use futures::{Stream, StreamExt as _, stream};

use super::live::Live;
use super::{Client, Message};

/// Yields messages as they come. What arrives while nobody reads waits in a bounded queue; beyond
/// it messages are dropped and counted ([`Client::slow_consumer_events`]).
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    subject: String,
    generation: u64,
    inner: async_nats::Subscriber,
}

impl Subscription {
    pub(super) fn new(
        client: Client,
        subject: String,
        live: &Arc<Live>,
        inner: async_nats::Subscriber,
    ) -> Self {
        Self { client, subject, generation: live.generation, inner }
    }

    /// The next message. `None` only if the client can never connect again. May be dropped and
    /// called again without losing a message.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.inner.next().await {
                return Some(message.into());
            }
            let live = self.client.live_after(self.generation).await?;
            if let Ok(inner) = live.client.subscribe(self.subject.clone()).await {
                self.inner = inner;
                self.generation = live.generation;
            }
        }
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Message> + Send {
        stream::unfold(self, |mut subscription| async move {
            let message = subscription.next().await?;
            Some((message, subscription))
        })
    }
}
