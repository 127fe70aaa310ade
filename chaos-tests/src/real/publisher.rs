//! Publishing as a stranger does it: raw NATS requests and HTTP posts, no library of ours.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::{HeaderMap, RequestErrorKind};
use serde_json::{Value, json};

use super::place::Place;
use super::until::{SOON, until};

/// A publisher asks again after this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a publisher hands in.
#[derive(Debug, Clone)]
pub struct Event {
    /// Such as `incident.report`.
    pub kind: String,
    /// `Yz-*`, `Nats-Msg-Id` and `ce-*`.
    pub headers: BTreeMap<String, String>,
    /// JSON.
    pub body: String,
}

impl Event {
    /// Nothing but a body.
    pub fn new(kind: &str, body: &Value) -> Self {
        Self { kind: kind.to_owned(), headers: BTreeMap::new(), body: body.to_string() }
    }

    /// An incident report; `n` tells it from others.
    pub fn report(n: usize) -> Self {
        let body = json!({
            "category": "道路交通", "severity": "general", "n": n,
            "description": format!("第{n}号：老西街路口两车相撞，无人受伤"),
            "occurred_at": "2026-11-23T08:30:00+08:00",
        });
        Self::new("incident.report", &body)
    }

    /// A directive to a selector.
    pub fn directive(n: usize, to: &str) -> Self {
        let body = json!({
            "title": format!("防汛通知（{n}）"), "text": "今夜有暴雨，请逐户排查。",
            "requires": "delivered", "n": n,
        });
        Self::new("directive.issue", &body).with("Yz-To", to)
    }

    /// With a header.
    pub fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.insert(header.to_owned(), value.to_owned());
        self
    }

    /// With a publisher's key.
    pub fn keyed(self, key: &str) -> Self {
        self.with("Nats-Msg-Id", key)
    }
}

/// A connection to a station's bus without credentials, as `bus.demo_open` lets it in.
pub async fn connect(station: &Place) -> async_nats::Client {
    let what = format!("a connection to the bus of {}", station.code);
    until(SOON, what, || async { async_nats::connect(&station.bus).await.ok() }).await
}

/// Waits until the server has read all that was sent before, as its subscriptions.
pub async fn settled(nats: &async_nats::Client) {
    let answer = nats.request("$SRV.PING._settled", "".into()).await;
    let nobody = answer.is_err_and(|why| why.kind() == RequestErrorKind::NoResponders);
    assert!(nobody, "the server should answer that nobody listens there");
}

/// Requests once; `None` if nobody answered in time.
pub async fn request(nats: &async_nats::Client, event: &Event) -> Option<Value> {
    let mut headers = HeaderMap::new();
    for (name, value) in &event.headers {
        headers.insert(name.as_str(), value.as_str());
    }
    let subject = format!("yz.submit.{}", event.kind);
    let body = event.body.clone().into();
    let asked = nats.request_with_headers(subject, headers, body);
    let answer = tokio::time::timeout(ANSWER_WITHIN, asked).await.ok()?.ok()?;
    Some(serde_json::from_slice(&answer.payload).expect("an answer is JSON"))
}

/// Requests until somebody answers: what a publisher with a key may do without harm.
pub async fn publish(nats: &async_nats::Client, event: &Event) -> Value {
    until(SOON, "an answer to a publisher", || request(nats, event)).await
}

/// The message id in an answer that says `accepted`.
pub fn accepted(answer: &Value) -> String {
    assert_eq!(answer["status"], "accepted", "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// Posts an event in binary mode: extensions for `Yz-*`, source and id for `Nats-Msg-Id`.
pub async fn post(station: &Place, event: &Event, id: &str) -> (u16, Value) {
    try_post(station, event, id).await.expect("an answer")
}

/// The same; `None` if nobody answered.
pub async fn try_post(station: &Place, event: &Event, id: &str) -> Option<(u16, Value)> {
    let url = format!("{}/v1/events", station.url()?);
    let mut request = station
        .http
        .post(url)
        .header("Content-Type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-type", &event.kind)
        .header("ce-source", "urn:test:grid")
        .header("ce-id", id);
    for (name, value) in &event.headers {
        let name = match name.as_str() {
            "Yz-To" => "ce-yzto",
            "Yz-Precedence" => "ce-yzprecedence",
            "Yz-Ttl" => "ce-yzttl",
            other => other,
        };
        request = request.header(name, value);
    }
    let answer = request.body(event.body.clone()).timeout(ANSWER_WITHIN).send().await.ok()?;
    Some((answer.status().as_u16(), answer.json().await.ok()?))
}
