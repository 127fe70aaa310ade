//! Reading `YZ_INBOX` as an application does it: a raw JetStream consumer.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::Stream;
use bytes::Bytes;
use futures::TryStreamExt;

/// Messages fetched at one go.
const FETCH: usize = 500;

/// One message as it stands in an inbox.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Where it stands.
    pub subject: String,
    /// The last value of each name.
    pub headers: BTreeMap<String, String>,
    /// As published.
    pub body: Bytes,
}

impl Delivered {
    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name} in {:?}", self.headers))
    }

    /// The message's id.
    pub fn id(&self) -> &str {
        self.header("Yz-Id")
    }
}

/// Everything in an inbox, in its order; `None` if the bus did not answer.
pub async fn read_all(stream: &Stream) -> Option<Vec<Delivered>> {
    let wanted = stream.get_info().await.ok()?.state.messages;
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.ok()?;
    let mut all = Vec::new();
    while (all.len() as u64) < wanted {
        let batch = consumer.fetch().max_messages(FETCH).expires(Duration::from_secs(5));
        let batch: Vec<_> = batch.messages().await.ok()?.try_collect().await.ok()?;
        all.extend(batch.into_iter().map(|message| delivered(&message)));
    }
    Some(all)
}

fn delivered(message: &async_nats::Message) -> Delivered {
    let headers = message.headers.iter().flat_map(|headers| headers.iter());
    let headers = headers.flat_map(|(name, values)| {
        values.iter().map(|value| (name.to_string(), value.as_str().to_owned()))
    });
    Delivered {
        subject: message.subject.to_string(),
        headers: headers.collect(),
        body: message.payload.clone(),
    }
}
