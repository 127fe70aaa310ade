//! MQTT: QoS 1 at both ends. A PUBACK is the answer; what it is worth is the broker's affair.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::task::JoinSet;

use crate::real::until::SOON;

/// Publishes that the library lets be open: all there are identifiers for. The benchmark has a
/// window of its own, and must not wait behind another one.
const OPEN_MAX: u16 = u16::MAX - 1;
/// Requests that wait for the connection's task.
const WAITING: usize = 512;
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Between two attempts to connect.
const TRY_EVERY: Duration = Duration::from_millis(25);
/// Largest packet, bytes.
const PACKET_MAX: usize = 1 << 20;

type Heard = mpsc::UnboundedReceiver<Result<(), String>>;

/// See [`super::Desk`].
#[derive(Clone)]
pub struct Desk {
    client: AsyncClient,
    topic: &'static str,
    heard: Arc<Mutex<Heard>>,
    _task: Arc<JoinSet<()>>,
}

/// See [`super::Handing`].
pub struct Handing {
    client: AsyncClient,
    topic: &'static str,
}

/// See [`super::Answers`]. PUBACKs of a connection come in one row: who hears has all of it.
pub struct Answers {
    heard: OwnedMutexGuard<Heard>,
}

/// See [`super::Inbox`].
pub struct Inbox {
    events: EventLoop,
    _client: AsyncClient,
}

fn client(address: &str) -> (AsyncClient, EventLoop) {
    static CLIENTS: AtomicUsize = AtomicUsize::new(0);
    let name = format!("bench-{}", CLIENTS.fetch_add(1, Ordering::Relaxed));
    let address: SocketAddr = address.parse().expect("an address with a port");
    let mut options = MqttOptions::new(name, address.ip().to_string(), address.port());
    options.set_clean_session(true).set_inflight(OPEN_MAX).set_keep_alive(KEEP_ALIVE);
    options.set_max_packet_size(PACKET_MAX, PACKET_MAX);
    let (client, mut events) = AsyncClient::new(options, WAITING);
    // otherwise a second small packet waits for the first one's TCP acknowledgement
    events.network_options.set_tcp_nodelay(true);
    (client, events)
}

/// Waits until the broker, which must be there soon, says what is waited for.
async fn come(events: &mut EventLoop, address: &str, what: impl Fn(&Packet) -> bool) {
    let coming = async {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(packet)) if what(&packet) => return,
                Ok(_) => {}
                Err(_) => tokio::time::sleep(TRY_EVERY).await,
            }
        }
    };
    let came = tokio::time::timeout(SOON, coming).await;
    assert!(came.is_ok(), "not within {SOON:?}: a session with the broker at {address}");
}

impl Desk {
    pub(super) async fn connect(address: &str, topic: &'static str) -> Self {
        let (client, mut events) = client(address);
        come(&mut events, address, |packet| matches!(packet, Packet::ConnAck(_))).await;
        let (tell, heard) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let answer = match events.poll().await {
                    Ok(Event::Incoming(Packet::PubAck(_))) => Ok(()),
                    Ok(_) => continue,
                    Err(why) => Err(why.to_string()),
                };
                let ends = answer.is_err();
                if tell.send(answer).is_err() || ends {
                    return;
                }
            }
        });
        let heard = Arc::new(Mutex::new(heard));
        Self { client, topic, heard, _task: Arc::new(task) }
    }

    pub(super) async fn ask(&self, body: Bytes) -> Result<(), String> {
        let (handing, mut answers) = self.halves().await;
        handing.hand_in(body).await?;
        answers.next().await
    }

    pub(super) async fn halves(&self) -> (Handing, Answers) {
        let heard = Arc::clone(&self.heard).lock_owned().await;
        (Handing { client: self.client.clone(), topic: self.topic }, Answers { heard })
    }
}

impl Handing {
    pub(super) async fn hand_in(&self, body: Bytes) -> Result<(), String> {
        let sent = self.client.publish_bytes(self.topic, QoS::AtLeastOnce, false, body).await;
        sent.map_err(|why| why.to_string())
    }
}

impl Answers {
    pub(super) async fn next(&mut self) -> Result<(), String> {
        self.heard.recv().await.ok_or("the village's broker is gone")?
    }
}

impl Inbox {
    pub(super) async fn open(address: &str, topic: &str) -> Self {
        let (client, mut events) = client(address);
        let subscribed = client.subscribe(topic, QoS::AtLeastOnce).await;
        subscribed.expect("room for one request");
        come(&mut events, address, |packet| matches!(packet, Packet::SubAck(_))).await;
        Self { events, _client: client }
    }

    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::Publish(publish))) => return Some(publish.payload),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}
