//! Reading `YZ_INBOX` as an application does it: a raw JetStream consumer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::Stream;
use bytes::Bytes;
use futures::TryStreamExt;

use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::connect;
use chaos_tests::real::until::{SOON, until};

/// Messages fetched at one go.
const FETCH: usize = 500;

/// One message as it stands in an inbox.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) subject: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Delivered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name} in {:?}", self.headers))
    }

    pub(crate) fn id(&self) -> &str {
        self.header("Yz-Id")
    }
}

/// Everything in a station's inbox, in its order.
pub(crate) async fn read(station: &Place) -> Vec<Delivered> {
    let nats = connect(station).await;
    let jetstream = async_nats::jetstream::new(nats);
    let what = format!("the whole inbox of {}", station.code);
    until(SOON, what, || async {
        let stream = jetstream.get_stream("YZ_INBOX").await.ok()?;
        read_all(&stream).await
    })
    .await
}

async fn read_all(stream: &Stream) -> Option<Vec<Delivered>> {
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

/// Waits until an inbox holds so many messages, then demands that these are exactly the ones
/// wanted, each once, and gives them in the inbox's order.
pub(crate) async fn holds_exactly<'a>(
    station: &Place,
    wanted: impl IntoIterator<Item = &'a String>,
) -> Vec<Delivered> {
    let wanted: BTreeSet<&String> = wanted.into_iter().collect();
    let what = format!("{} messages in the inbox of {}", wanted.len(), station.code);
    let jetstream = async_nats::jetstream::new(connect(station).await);
    until(SOON, what, || async {
        let stream = jetstream.get_stream("YZ_INBOX").await.ok()?;
        let there = stream.get_info().await.ok()?.state.messages;
        (there >= wanted.len() as u64).then_some(())
    })
    .await;
    at_rest(station, wanted.len()).await;
    let all = read(station).await;
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    all.iter().for_each(|message| *counts.entry(message.id()).or_default() += 1);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "more than once in the inbox of {}: {twice:?}", station.code);
    let there: BTreeSet<&str> = counts.into_keys().collect();
    let wanted: BTreeSet<&str> = wanted.into_iter().map(String::as_str).collect();
    let lost: Vec<_> = wanted.difference(&there).collect();
    let strange: Vec<_> = there.difference(&wanted).collect();
    assert!(lost.is_empty(), "lost on the way to {}: {lost:?}", station.code);
    assert!(strange.is_empty(), "not for {}, but there: {strange:?}", station.code);
    all
}

/// Waits until a station has delivered so many messages, surely synced, and owes nothing: no leg
/// open, to no link and not to its inbox.
pub(crate) async fn at_rest(station: &Place, delivered: usize) {
    let what = format!("{} owes nothing any more", station.code);
    until(SOON, what, || async {
        let status = station.status().await?;
        let links = status["links"].as_array()?.clone();
        let owed = links.iter().flat_map(|link| {
            let lanes = link["backlog"].as_object().into_iter().flatten();
            lanes.map(|(_, lane)| lane["messages"].as_u64().unwrap_or(1)).collect::<Vec<_>>()
        });
        let released = status["delivered"].as_u64()? >= delivered as u64;
        (released && owed.sum::<u64>() == 0).then_some(())
    })
    .await;
}
