//! [`Relays`]: the buses of a chain and nothing else. Three servers as our stations run them, and
//! between them relays that look at nothing and sign nothing, all in this process. They keep
//! nothing and answer at once, or have each frame on disk before they answer: we know of no chain
//! over these buses that does with less, and of no honest one with less than the latter. How far
//! ours is from that is what our own work costs.

mod book;

use std::slice;
use std::sync::Arc;

use async_nats::{Client, HeaderMap, jetstream};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::book::Book;
use super::Hop;
use crate::bench::ends::{End, Ends, connect_as};
use crate::bench::peer::Keeps;
use crate::bench::trust::Kits;

/// Frames of a relay that may be unanswered; as many messages may be unanswered by JetStream for
/// each of them.
const FRAMES_MAX: usize = 32;
/// Messages in a frame, at most.
const MESSAGES_MAX: usize = 256;
/// An answer as long as ours.
const ANSWER: &[u8] = br#"{"id":"510722.101.001-b7k2qf-r1000000","status":"accepted","station":"510722.101.001","duplicate":false}"#;
/// An ack as long as ours.
const ACK: [u8; 64] = [b'a'; 64];

/// Running buses and relays. Dropping it ends all of them.
pub(super) struct Relays {
    kits: Kits,
    _tasks: JoinSet<()>,
}

impl Relays {
    /// # Panics
    /// A bus does not come up.
    pub(super) async fn start(keeps: Keeps) -> Self {
        let kits = Kits::of_buses(false).unwrap_or_else(|why| panic!("{why}"));
        let mut tasks = JoinSet::new();
        let county = Below::of(&kits, Hop::County, Hop::Township).await;
        tasks.spawn(deliver(county, inbox(&kits).await, Book::open(keeps)));
        let township = Below::of(&kits, Hop::Township, Hop::Village).await;
        let above = Above::of(&kits, Hop::Township, &mut tasks).await;
        tasks.spawn(forward(township, above, Book::open(keeps)));
        let desk = as_node(&kits, Hop::Village, "app").await;
        let submitted = desk.subscribe("yz.submit.>").await.expect("the desk's subject");
        desk.flush().await.expect("the desk's bus");
        let above = Above::of(&kits, Hop::Village, &mut tasks).await;
        tasks.spawn(take(desk, submitted, above, Book::open(keeps)));
        Self { kits, _tasks: tasks }
    }

    pub(super) fn ends(&self) -> Ends {
        self.kits.ends()
    }

    /// Of the bus at a hop.
    pub(super) fn pid(&self, hop: Hop) -> Option<u32> {
        self.kits.bus_pid(hop)
    }
}

/// The way to the station above, and how many frames may be on it.
struct Above {
    client: Client,
    subject: String,
    room: Arc<Semaphore>,
}

impl Above {
    async fn of(kits: &Kits, hop: Hop, tasks: &mut JoinSet<()>) -> Self {
        let above = hop.above().expect("a hop with one above");
        let who = kits.plain(hop.code(), "keys/station.nk").custom_inbox_prefix(inbox_prefix(hop));
        let client = connect_as(&End { url: kits.url(above), who }).await;
        let mut acks = client.subscribe(format!("yz.down.{}", hop.code())).await.expect("acks");
        client.flush().await.expect("the bus above");
        let room = Arc::new(Semaphore::new(FRAMES_MAX));
        let freed = Arc::clone(&room);
        tasks.spawn(async move {
            while acks.next().await.is_some() {
                freed.add_permits(1);
            }
        });
        Self { client, subject: format!("yz.up.{}", hop.code()), room }
    }

    async fn send(&self, frame: Bytes) {
        self.room.acquire().await.expect("never closed").forget();
        self.client.publish(self.subject.clone(), frame).await.expect("the bus above");
    }
}

/// What comes from the station below.
struct Below {
    client: Client,
    frames: async_nats::Subscriber,
    down: String,
}

impl Below {
    async fn of(kits: &Kits, hop: Hop, below: Hop) -> Self {
        let client = as_node(kits, hop, "link").await;
        let frames = client.subscribe(format!("yz.up.{}", below.code())).await.expect("frames");
        client.flush().await.expect("its own bus");
        Self { client, frames, down: format!("yz.down.{}", below.code()) }
    }

    /// The frames that are there, at least one.
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        let mut frames = vec![self.frames.next().await?.payload];
        while frames.len() < FRAMES_MAX {
            let Some(Some(frame)) = self.frames.next().now_or_never() else { break };
            frames.push(frame.payload);
        }
        Some(frames)
    }

    async fn ack(&self) {
        let ack = Bytes::from_static(&ACK);
        self.client.publish(self.down.clone(), ack).await.expect("its own bus");
    }
}

/// The village: puts what has come into a frame, and answers.
async fn take(desk: Client, mut submitted: async_nats::Subscriber, above: Above, mut book: Book) {
    while let Some(first) = submitted.next().await {
        let mut frame = BytesMut::new();
        let mut replies = Vec::new();
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(request) = next {
            replies.extend(request.reply);
            frame.put_u32(u32::try_from(request.payload.len()).unwrap_or(u32::MAX));
            frame.put(request.payload);
            taken += 1;
            next = match taken < MESSAGES_MAX {
                true => submitted.next().now_or_never().flatten(),
                false => None,
            };
        }
        let frame = frame.freeze();
        book.keep(slice::from_ref(&frame)).await;
        for reply in replies {
            desk.publish(reply, Bytes::from_static(ANSWER)).await.expect("its own bus");
        }
        above.send(frame).await;
    }
}

/// The township.
async fn forward(mut below: Below, above: Above, mut book: Book) {
    while let Some(frames) = below.next().await {
        book.keep(&frames).await;
        for frame in frames {
            below.ack().await;
            above.send(frame).await;
        }
    }
}

/// The county: what is in a frame goes into the stream, and the last of it is waited for.
async fn deliver(mut below: Below, inbox: jetstream::Context, mut book: Book) {
    while let Some(frames) = below.next().await {
        book.keep(&frames).await;
        for mut frame in frames {
            below.ack().await;
            while frame.remaining() > size_of::<u32>() {
                let length = frame.get_u32() as usize;
                put(&inbox, frame.split_to(length), !frame.has_remaining()).await;
            }
        }
    }
}

/// Into the stream; the last of a frame is waited for.
async fn put(inbox: &jetstream::Context, payload: Bytes, is_last: bool) {
    let subject = "yz.inbox.incident.report.510722.101.001";
    if is_last {
        let sent = inbox.publish_with_headers(subject, headers(), payload).await;
        sent.expect("the stream").await.expect("the stream takes it");
    } else {
        let client = inbox.client();
        client.publish_with_headers(subject, headers(), payload).await.expect("its own bus");
    }
}

/// As many as ours, and as long.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("ce-id", "510722.101.001-b7k2qf-r1000000"),
        ("Yz-Id", "510722.101.001-b7k2qf-r1000000"),
        ("Yz-Origin", "510722.101.001"),
        ("Yz-To", "up"),
        ("Yz-Precedence", "routine"),
        ("Yz-Hops", "2"),
        ("Yz-Age-Ms", "12"),
        ("ce-specversion", "1.0"),
        ("ce-type", "incident.report"),
        ("ce-source", "yz:510722.101.001"),
        ("ce-time", "2026-11-27T10:00:00Z"),
    ] {
        headers.insert(name, value);
    }
    headers
}

/// The node's connection to its own bus.
async fn as_node(kits: &Kits, hop: Hop, account: &str) -> Client {
    let who = kits.plain(hop.code(), &format!("keys/bus/{account}"));
    connect_as(&End { url: kits.url(hop), who: who.custom_inbox_prefix(inbox_prefix(hop)) }).await
}

fn inbox_prefix(hop: Hop) -> String {
    format!("_INBOX_{}", hop.code().replace('.', "_"))
}

async fn inbox(kits: &Kits) -> jetstream::Context {
    let context = jetstream::new(as_node(kits, Hop::County, "app").await);
    let config = jetstream::stream::Config {
        name: "YZ_INBOX".to_owned(),
        subjects: vec!["yz.inbox.>".to_owned()],
        discard: jetstream::stream::DiscardPolicy::New,
        ..Default::default()
    };
    context.create_stream(config).await.expect("the county's stream");
    context
}
