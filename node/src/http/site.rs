//! [`Site`]: what the room is given to serve.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tokio::sync::broadcast;
use yizhan_schemas::reply::{Accepted, Refusal};
use yizhan_schemas::{Code, MessageId};

use super::stream::StreamEvent;
use super::tokens::{Holder, Tokens};
use crate::audit::Audit;
use crate::tls::Acceptor;

/// Takes in what is posted.
pub trait Intake: Send + Sync {
    /// Takes one CloudEvent or a batch: the request's headers in their order, its body, and
    /// by whom it was made.
    /// Resolves with the station's answer; an error is about the request as a whole.
    fn post(
        &self,
        headers: Vec<(String, String)>,
        body: Bytes,
        by: Holder,
    ) -> BoxFuture<'_, Result<Answers, Refusal>>;

    /// Takes an application's answer to a message that was delivered here.
    fn ack<'a>(
        &'a self,
        id: &'a str,
        body: Bytes,
        by: Holder,
    ) -> BoxFuture<'a, Result<(), Refusal>>;
}

/// What a post is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answers {
    /// The receipt of one event.
    One(Accepted),
    /// Receipts and refusals of a batch, in its order.
    Batch(Vec<Result<Accepted, Refusal>>),
}

/// What there is to read. Called on the request's task: answers come from memory, or from a short
/// look at the disk.
pub trait Pages: Send + Sync {
    /// Why the station does not accept messages at present; empty if it does.
    fn unready(&self) -> Vec<String>;

    /// The list of stations.
    fn stations(&self) -> Value;

    /// One station; `None` if there is none of that code.
    fn station(&self, code: &Code) -> Option<Value>;

    /// A device of this station's catalogue; an error says why there is none.
    fn device(&self, id: &str) -> Result<Value, String>;

    /// The posts and grid workers of this station, names masked; `None` without a roster.
    fn roster(&self) -> Option<Value>;

    /// What was counted in the days that are asked for; an error says what is wrong with the
    /// question.
    fn stats(&self, query: &BTreeMap<String, String>) -> Result<Value, String>;

    /// Incidents and cases that are under way here.
    fn matters(&self) -> Value;

    /// A message's page; `None` if it is not known here. With `delivered_within` the page is that
    /// of the moment of delivery, or of the end of that time.
    fn message<'a>(
        &'a self,
        id: &'a MessageId,
        delivered_within: Option<Duration>,
    ) -> BoxFuture<'a, Option<Value>>;

    /// The way of a message through all hops, asked of the neighbours; `None` if nobody who knows it
    /// can be there.
    fn trace<'a>(&'a self, id: &'a MessageId) -> BoxFuture<'a, Option<Value>>;

    /// Whether the links below agree on the day that is asked for; an error says what is wrong with
    /// the question.
    fn reconcile<'a>(
        &'a self,
        query: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<Value, String>>;

    /// The messages that fit what stands behind the question mark; an error says what is wrong
    /// with that.
    fn messages<'a>(
        &'a self,
        query: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<Value, String>>;
}

/// All that the room serves.
#[derive(Clone)]
pub struct Site {
    /// Where events go.
    pub intake: Arc<dyn Intake>,
    /// What there is to read.
    pub pages: Arc<dyn Pages>,
    /// Where `/metrics` comes from.
    pub metrics: PrometheusHandle,
    /// Where `/v1/stream` comes from.
    pub stream: broadcast::Sender<StreamEvent>,
    /// Who may come from elsewhere.
    pub tokens: Tokens,
    /// Where it is written down who was refused what.
    pub audit: Audit,
    /// TLS, under which all of it is served; needed on any address but loopback.
    pub tls: Option<Acceptor>,
    /// Longest body, bytes: a batch, or an event whose payload is in Base64.
    pub body_bytes_max: usize,
}
