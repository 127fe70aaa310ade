use std::collections::BTreeSet;
use std::fs;

use futures::StreamExt as _;

use super::*;

const SUBJECT: &str = "yz.inbox.incident.report.510722.101";

fn body(bytes: usize) -> Bytes {
    vec![7; bytes].into()
}

async fn put(inbox: &Inbox, payload: Bytes, expected: u64) -> Result<u64, InboxError> {
    inbox.publish(SUBJECT, Headers::new(), payload, expected).await?.await
}

#[tokio::test]
async fn a_message_enters_only_after_the_one_it_expects() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    assert_eq!(put(&inbox, body(1), 0).await.unwrap(), 1);
    for wrong in [0, 2, 5] {
        let error = put(&inbox, body(1), wrong).await.unwrap_err();
        assert!(
            matches!(error, InboxError::WrongLast { expected } if expected == wrong),
            "{error}"
        );
    }
    assert_eq!(put(&inbox, body(1), 1).await.unwrap(), 2);
    let info = inbox.info().await.unwrap();
    assert_eq!((info.first_seq, info.last_seq, info.messages), (1, 2, 2));
}

#[tokio::test]
async fn messages_in_flight_are_taken_in_order_and_none_after_a_refused_one() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let mut acks = vec![];
    for n in 0..200 {
        let expected = if n < 100 { n } else { n + 1 };
        let ack = inbox.publish(SUBJECT, Headers::new(), body(10), expected).await.unwrap();
        acks.push((n, ack));
    }
    for (n, ack) in acks {
        match ack.await {
            Ok(sequence) => assert_eq!((sequence, n < 100), (n + 1, true)),
            Err(error) => assert!(matches!(error, InboxError::WrongLast { .. }) && n >= 100),
        }
    }
    assert_eq!(inbox.info().await.unwrap().last_seq, 100);
}

#[tokio::test]
async fn an_acknowledgement_speaks_for_all_that_went_before_it_unasked() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    for n in 0..100 {
        inbox.publish_unasked(SUBJECT, Headers::new(), body(10), n).await.unwrap();
    }
    assert_eq!(put(&inbox, body(10), 100).await.unwrap(), 101);
    // as if the second of these had been refused in silence
    for n in [101, 103, 104] {
        inbox.publish_unasked(SUBJECT, Headers::new(), body(10), n).await.unwrap();
    }
    let error = put(&inbox, body(10), 105).await.unwrap_err();
    assert_eq!(inbox.info().await.unwrap().last_seq, 102, "it took those behind it along");
    assert!(matches!(error, InboxError::WrongLast { .. }), "{error}");
}

#[tokio::test]
async fn a_full_inbox_refuses_and_drops_nothing_until_it_is_raised() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let mut last = 0;
    let error = loop {
        match put(&inbox, body(100_000), last).await {
            Ok(sequence) => last = sequence,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, InboxError::Full), "{error}");
    let info = inbox.info().await.unwrap();
    assert_eq!((info.first_seq, info.last_seq), (1, last));
    let more = InboxLimits { bytes_max: LIMITS.bytes_max * 2, ..LIMITS };
    let inbox = county.bus.inbox(&app, more).await.unwrap();
    assert_eq!(put(&inbox, body(100_000), last).await.unwrap(), last + 1);
}

#[tokio::test]
async fn the_headers_of_a_delivery_reach_the_stream() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let mut headers = Headers::new();
    headers.set("Yz-Id", "510722-b7k2qf-r1").unwrap();
    let first = inbox.publish(SUBJECT, headers, body(1), 0).await.unwrap();
    assert_eq!(first.await.unwrap(), 1);
    let context = async_nats::jetstream::new(async_nats::connect(county.bus.url()).await.unwrap());
    let stream = context.get_stream(subjects::INBOX_STREAM).await.unwrap();
    let config = async_nats::jetstream::consumer::pull::Config::default();
    let consumer = stream.create_consumer(config).await.unwrap();
    let message = soon(consumer.messages().await.unwrap().next()).await.unwrap().unwrap();
    let id = message.headers.as_ref().unwrap().get("Yz-Id").unwrap();
    assert_eq!(id.as_str(), "510722-b7k2qf-r1");
}

/// What the release of delivered records stands on.
#[tokio::test]
async fn an_acknowledged_message_is_in_the_files_that_are_synced() {
    let county = County::start().await;
    let app = county.app().await;
    // a block of a stream of this size holds four megabytes
    let limits = InboxLimits { bytes_max: 16 * 1024 * 1024, ..LIMITS };
    let inbox = county.bus.inbox(&app, limits).await.unwrap();
    let stream = county.directory.path().join("bus/jetstream/APP/streams/YZ_INBOX");
    let mut blocks = BTreeSet::new();
    for n in 0..12_u8 {
        let payload = vec![n; 500_000];
        let sequence = put(&inbox, payload.clone().into(), n.into()).await.unwrap();
        assert_eq!(sequence, u64::from(n) + 1);
        let mut entries = fs::read_dir(stream.join("msgs")).unwrap().map(|e| e.unwrap().path());
        // a record ends with its body and eight bytes of checksum
        let holding = entries.find(|path| {
            let bytes = fs::read(path).unwrap();
            let body = bytes.len().checked_sub(8).and_then(|end| bytes.get(..end));
            body.is_some_and(|body| body.ends_with(&payload))
        });
        blocks.insert(holding.expect("written before it is acknowledged"));
        assert!(inbox.sync_files().await.unwrap());
    }
    assert!(blocks.iter().all(|path| path.extension().is_some_and(|ending| ending == "blk")));
    assert_eq!(blocks.len(), 2, "a block should have rolled over");
    assert!(stream.join("meta.inf").exists() && stream.join("meta.sum").exists());
}

#[tokio::test]
async fn a_deleted_stream_is_told_from_a_silent_one() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    app.request("$JS.API.STREAM.DELETE.YZ_INBOX", Bytes::new(), SOON).await.unwrap();
    let error = put(&inbox, body(1), 0).await.unwrap_err();
    assert!(matches!(error, InboxError::NoStream), "{error}");
    assert!(inbox.info().await.unwrap_err().to_string().contains("not found"));
}

#[tokio::test]
async fn an_inbox_that_was_lost_shows_another_birth() {
    let county = County::start().await;
    let app = county.app().await;
    let inbox = county.inbox(&app).await;
    let before = inbox.info().await.unwrap();
    let County { bus, directory, .. } = county;
    bus.stop().await;
    fs::remove_dir_all(directory.path().join("bus/jetstream")).unwrap();
    let bus = OwnBus::managed(plan(directory.path())).await.unwrap();
    let app = connected(bus.app(&code(STATION)).await).await;
    let after = bus.inbox(&app, LIMITS).await.unwrap().info().await.unwrap();
    assert_ne!(before.created_unix_ns, after.created_unix_ns);
    bus.stop().await;
}
