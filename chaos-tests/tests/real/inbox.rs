//! What inboxes hold, of stations whose bus lets anybody in.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use chaos_tests::real::inbox::{Delivered, read_all};
use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::connect;
use chaos_tests::real::until::{SOON, until};

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
