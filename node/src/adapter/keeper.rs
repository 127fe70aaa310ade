//! Closes sessions whose time is over or whose requester is cut off: the device's adapter is asked
//! to stop, once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use yizhan_core::link::Link;
use yizhan_schemas::payload::video::{Order, Request};

use super::sessions::{Closed, Session, Sessions};
use super::verdict;
use crate::bus::{Client, subjects};
use crate::clock;

/// An adapter may take so long to stop something.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Adapters that are asked at once.
const AT_ONCE: usize = 16;

impl Sessions {
    /// Closes what has to be closed until the station ends; `up` says which links are up.
    pub async fn keep(self, client: Client, up: impl Fn() -> BTreeSet<Link>) {
        loop {
            let next = clock::beat_in(clock::BEAT);
            let due = futures::stream::iter(self.due(Instant::now(), &up()));
            due.for_each_concurrent(AT_ONCE, |(session, why)| close(&client, session, why)).await;
            sleep_until(next).await;
        }
    }
}

async fn close(client: &Client, session: Session, why: Closed) {
    let Session { id, origin, device, .. } = session;
    let params = json!({ "session": id, "reason": why.word() });
    let request = Request {
        id: id.clone(),
        command: Order::Stop,
        params: params.as_object().cloned().unwrap_or_default(),
        deadline_ms: u64::try_from(STOP_WITHIN.as_millis()).unwrap_or(u64::MAX),
    };
    let (subject, body) = (subjects::video(&device.to_string()), serde_json::to_vec(&request));
    let (Some(subject), Ok(body)) = (subject, body) else { return };
    let result = verdict::of(client.request(&subject, body.into(), STOP_WITHIN).await);
    tracing::info!(
        event = "session_closed", id, %origin, %device, why = why.word(),
        result = verdict::word(&result),
        "an adapter was asked to stop"
    );
}
