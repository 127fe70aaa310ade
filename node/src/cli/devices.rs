//! [`Devices`]: a pretend adapter of cameras and loudspeakers, for tests and demonstrations: some do
//! what they are told, some fail, some are busy, and all others do not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use yizhan_schemas::payload::broadcast::Play;
use yizhan_schemas::payload::video::{Order, Reply, Request};

use crate::bus::{BusError, Client, Message, Subscription, subjects};

/// How long the server has to say that it listens for an adapter.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// How a device takes a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It does it.
    Willing,
    /// It tries and fails.
    Failing,
    /// It does something else.
    Busy,
}

/// Devices and what they are like.
#[derive(Debug, Clone, Default)]
pub(super) struct Devices {
    devices: Arc<BTreeMap<String, Mood>>,
    /// How long each takes.
    delay: Duration,
}

/// One request, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Asked {
    /// When it was answered.
    pub(super) at: String,
    /// The message that it came from.
    pub(super) id: String,
    /// The device.
    pub(super) device: String,
    /// What it was to do.
    pub(super) command: String,
    /// `ok`, or the code of the reply.
    pub(super) answer: String,
}

/// What a request asks for.
struct Wanted {
    id: String,
    /// A camera's command, or `broadcast`.
    command: &'static str,
}

impl Wanted {
    /// The device and what it is to do; a push consumer of the inbox can be pointed here, and its
    /// messages bear another subject.
    fn read(message: &Message) -> Option<(String, Self)> {
        let body = &message.payload;
        if let Some(device) = message.subject.strip_prefix("yz.broadcast.") {
            let play: Play = serde_json::from_slice(body).ok()?;
            return Some((device.to_owned(), Self { id: play.id, command: "broadcast" }));
        }
        let device = message.subject.strip_prefix("yz.video.")?;
        let Request { id, command, .. } = serde_json::from_slice(body).ok()?;
        Some((device.to_owned(), Self { id, command: command.as_str() }))
    }
}

impl Devices {
    /// Devices that take so long for each command.
    pub(super) fn new(delay: Duration) -> Self {
        Self { devices: Arc::default(), delay }
    }

    /// With one more device.
    pub(super) fn with(mut self, device: &str, mood: Mood) -> Self {
        Arc::make_mut(&mut self.devices).insert(device.to_owned(), mood);
        self
    }

    /// The devices' ids.
    pub(super) fn ids(&self) -> BTreeSet<&str> {
        self.devices.keys().map(String::as_str).collect()
    }

    /// Hears requests on `yz.video.*` and `yz.broadcast.*` from now on.
    pub(super) async fn listen(client: &Client) -> Result<[Subscription; 2], BusError> {
        let cameras = client.subscribe(subjects::VIDEO_ALL).await?;
        let loudspeakers = client.subscribe(subjects::BROADCAST_ALL).await?;
        match client.settled(SETTLED_WITHIN).await {
            // on a bus of others an adapter may have no other right than to listen
            Ok(()) | Err(BusError::Timeout { .. }) => {}
            Err(fault) => return Err(fault),
        }
        Ok([cameras, loudspeakers])
    }

    /// Answers every request, and tells `log` of each, until that says `false`.
    pub(super) async fn serve(
        &self,
        client: &Client,
        [mut cameras, mut loudspeakers]: [Subscription; 2],
        mut log: impl FnMut(Asked) -> bool,
    ) {
        let mut at_work: JoinSet<Option<Asked>> = JoinSet::new();
        loop {
            let request = tokio::select! {
                request = cameras.next() => request,
                request = loudspeakers.next() => request,
                Some(asked) = at_work.join_next() => {
                    let asked = asked.ok().flatten();
                    if asked.is_some_and(|asked| !log(asked)) {
                        return;
                    }
                    continue;
                }
            };
            let Some(request) = request else { return };
            let (this, client) = (self.clone(), client.clone());
            at_work.spawn(async move { this.answer(&client, request).await });
        }
    }

    async fn answer(&self, client: &Client, message: Message) -> Option<Asked> {
        let (device, asked) = Wanted::read(&message)?;
        tokio::time::sleep(self.delay).await;
        let reply = self.reply(&device, &asked);
        let answer = reply.code.clone().unwrap_or_else(|| "ok".to_owned());
        let body = serde_json::to_vec(&reply).map(Bytes::from).ok()?;
        client.answer(&message, body).await.ok()?;
        let (at, command) = (Timestamp::now().to_string(), asked.command.to_owned());
        Some(Asked { at, id: asked.id, device, command, answer })
    }

    fn reply(&self, device: &str, asked: &Wanted) -> Reply {
        let no = |code: &str, error: String| Reply {
            ok: false,
            result: Map::new(),
            code: Some(code.to_owned()),
            error: Some(error),
        };
        match self.devices.get(device) {
            Some(Mood::Willing) => {
                let mut result = Map::new();
                result.insert("did".to_owned(), json!(asked.command));
                if asked.command == Order::Open.as_str() {
                    let url = format!("rtsp://127.0.0.1/{device}");
                    result.insert("url".to_owned(), Value::from(url));
                }
                Reply { ok: true, result, code: None, error: None }
            }
            Some(Mood::Failing) => no("failed", format!("{device} does not react")),
            Some(Mood::Busy) => no("busy", format!("{device} does something else")),
            None => no("no_such_device", format!("{device} is not in the catalogue")),
        }
    }
}
