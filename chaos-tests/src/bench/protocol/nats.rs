//! NATS: a request with its reply subject goes in; what comes out is read through a JetStream
//! consumer, as an integrator does.

use async_nats::jetstream::{self, consumer::pull};
use async_nats::{Client, HeaderMap, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;

use super::Headers;
use crate::bench::ends::{End, connect_as};
use crate::real::until::{SOON, until};

/// See [`super::Desk`].
#[derive(Clone)]
pub struct Desk {
    client: Client,
    subject: &'static str,
    taken: fn(&[u8]) -> bool,
}

/// See [`super::Handing`].
pub struct Handing {
    desk: Desk,
    inbox: String,
}

/// See [`super::Answers`].
pub struct Answers {
    heard: Subscriber,
    taken: fn(&[u8]) -> bool,
}

/// See [`super::Inbox`].
pub struct Inbox {
    messages: pull::Stream,
}

impl Desk {
    pub(super) async fn connect(
        end: &End,
        subject: &'static str,
        taken: fn(&[u8]) -> bool,
    ) -> Self {
        Self { client: connect_as(end).await, subject, taken }
    }

    pub(super) async fn ask(&self, body: Bytes, headers: Headers) -> Result<(), String> {
        let answer = match map(headers) {
            None => self.client.request(self.subject, body).await,
            Some(map) => self.client.request_with_headers(self.subject, map, body).await,
        };
        is_taken(self.taken, &answer.map_err(|why| why.to_string())?.payload)
    }

    pub(super) async fn halves(&self) -> Result<(Handing, Answers), String> {
        let inbox = self.client.new_inbox();
        let heard = self.client.subscribe(inbox.clone()).await.map_err(|why| why.to_string())?;
        Ok((Handing { desk: self.clone(), inbox }, Answers { heard, taken: self.taken }))
    }
}

impl Handing {
    pub(super) async fn hand_in(&self, body: Bytes, headers: Headers) -> Result<(), String> {
        let (client, subject, inbox) = (&self.desk.client, self.desk.subject, self.inbox.clone());
        match map(headers) {
            None => client.publish_with_reply(subject, inbox, body).await,
            Some(map) => client.publish_with_reply_and_headers(subject, inbox, map, body).await,
        }
        .map_err(|why| why.to_string())
    }
}

impl Answers {
    pub(super) async fn next(&mut self) -> Result<(), String> {
        let answer = self.heard.next().await.ok_or("the village's server is gone")?;
        is_taken(self.taken, &answer.payload)
    }
}

impl Inbox {
    pub(super) async fn open(end: &End, stream: &str) -> Self {
        let context = jetstream::new(connect_as(end).await);
        let messages = until(SOON, "a consumer of the county's stream", || async {
            let stream = context.get_stream(stream).await.ok()?;
            let plain = pull::Config {
                deliver_policy: jetstream::consumer::DeliverPolicy::New,
                ack_policy: jetstream::consumer::AckPolicy::None,
                memory_storage: true,
                ..Default::default()
            };
            let consumer = stream.create_consumer(plain).await.ok()?;
            consumer.stream().max_messages_per_batch(2_000).messages().await.ok()
        })
        .await;
        Self { messages }
    }

    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Ok(message) = self.messages.next().await? {
                return Some(message.message.payload);
            }
        }
    }
}

fn map(headers: Headers) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    headers.into_iter().for_each(|(name, value)| map.insert(name, value));
    (!map.is_empty()).then_some(map)
}

fn is_taken(taken: fn(&[u8]) -> bool, answer: &[u8]) -> Result<(), String> {
    match taken(answer) {
        true => Ok(()),
        false => Err(format!("not taken: {}", String::from_utf8_lossy(answer))),
    }
}
