//! [`Live`]: the connection in use, and the task that replaces it when it dies for good.
//!
//! async-nats reconnects by itself. But a received header whose value holds a lone carriage return
//! makes its connection task panic (0.51), and nats-server passes such headers on, so any
//! publisher could deafen a station for ever. Here a dead connection is noticed (its event
//! callback is dropped with the task) and replaced by a new one; subscriptions move over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_nats::{Event, jetstream};
use tokio::sync::{oneshot, watch};

use super::dial::{self, Dial, RECONNECT_CAP_MS};
use crate::bus::BusError;

/// An acknowledgement of JetStream later than this counts as unknown.
const JETSTREAM_WITHIN: Duration = Duration::from_secs(10);

/// Whether a connection stands. Nothing may be published while it does not: async-nats would keep
/// it and send it later, out of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkState {
    /// The handshake is done, and nothing has broken since, as far as is known.
    pub connected: bool,
    /// Handshakes so far. A change without a visible break in between is a break all the same:
    /// what was in flight may be lost.
    pub connections: u64,
}

/// What the callbacks of a connection leave for others to read.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) state: watch::Sender<LinkState>,
    pub(super) slow: AtomicU64,
    pub(super) last_error: Mutex<String>,
    pub(super) cap_ms: Arc<AtomicU64>,
}

/// One connection of async-nats, with what was made for it.
#[derive(Debug)]
pub(in crate::bus) struct Live {
    pub(in crate::bus) client: async_nats::Client,
    /// Counts replacements.
    pub(in crate::bus) generation: u64,
    jetstream: OnceLock<jetstream::Context>,
}

/// Listens to the events of one connection. Dropped with its task: that is how its death shows.
pub(super) struct Ears {
    signals: Arc<Signals>,
    _until_death: oneshot::Sender<()>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(LinkState::default()),
            slow: AtomicU64::new(0),
            last_error: Mutex::new("no attempt has ended yet".to_owned()),
            cap_ms: Arc::new(AtomicU64::new(RECONNECT_CAP_MS)),
        }
    }
}

impl Signals {
    fn set_connected(&self, connected: bool) {
        self.state.send_modify(|state| {
            state.connected = connected;
            state.connections += u64::from(connected);
        });
    }

    pub(super) fn last_error(&self) -> String {
        self.last_error.lock().map(|text| text.clone()).unwrap_or_default()
    }
}

impl Ears {
    pub(super) fn hear(&self, event: &Event) {
        match event {
            Event::Connected => self.signals.set_connected(true),
            Event::Disconnected | Event::Closed => self.signals.set_connected(false),
            Event::SlowConsumer(_) => {
                self.signals.slow.fetch_add(1, Ordering::Relaxed);
            }
            Event::ServerError(_) | Event::ClientError(_) => {
                if let Ok(mut text) = self.signals.last_error.lock() {
                    *text = event.to_string();
                }
            }
            Event::LameDuckMode | Event::Draining => {}
        }
    }
}

impl Live {
    pub(in crate::bus) fn jetstream(&self) -> &jetstream::Context {
        self.jetstream.get_or_init(|| {
            let builder = jetstream::ContextBuilder::new().timeout(JETSTREAM_WITHIN);
            builder.build(self.client.clone())
        })
    }
}

/// Connects, and keeps a connection in the returned place for as long as somebody looks at it.
pub(super) async fn keep(
    dial: Dial,
    signals: Arc<Signals>,
) -> Result<watch::Receiver<Arc<Live>>, BusError> {
    let (first, mut death) = connect(&dial, &signals, 0).await?;
    let (place, reader) = watch::channel(first);
    tokio::spawn(async move {
        for generation in 1_u64.. {
            tokio::select! {
                () = place.closed() => return,
                _ = &mut death => {}
            }
            signals.set_connected(false);
            tracing::error!(
                event = "bus_connection_died",
                "the connection {} died; making a new one",
                dial.name
            );
            let attempt = usize::try_from(generation).unwrap_or(usize::MAX);
            tokio::time::sleep(dial::delay(attempt, signals.cap_ms.load(Ordering::Relaxed))).await;
            // only the URL and the credential can be wrong here, and they were right before
            let Ok((next, its_death)) = connect(&dial, &signals, generation).await else { return };
            death = its_death;
            place.send_replace(next);
        }
    });
    Ok(reader)
}

async fn connect(
    dial: &Dial,
    signals: &Arc<Signals>,
    generation: u64,
) -> Result<(Arc<Live>, oneshot::Receiver<()>), BusError> {
    let (until_death, death) = oneshot::channel();
    let ears = Ears { signals: signals.clone(), _until_death: until_death };
    let client = dial.start(ears, signals.cap_ms.clone()).await?;
    Ok((Arc::new(Live { client, generation, jetstream: OnceLock::new() }), death))
}
