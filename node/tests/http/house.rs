//! A house to knock at: the HTTP room with the real door of ingest, and a fake station behind it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;
use yizhan::http::{
    Answers, Holder, Intake, Pages, Role, ServeError, Site, StreamEvent, Token, Tokens,
};
use yizhan::ingest::door::OnlyAccepted;
use yizhan::ingest::{Bodies, Caller, Door, KeyLook, Received};
use yizhan::mailbox::{self, Letter};
use yizhan_core::draft::{Draft, Known};
use yizhan_core::effect::Verdict;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::reply::{Accepted, ErrorCode, Grade, Refusal};
use yizhan_schemas::{Answer, Code, MessageId};

/// Longest payload here, bytes.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 4096;
/// Longest request body here, bytes.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;
/// Events that the stream keeps for a slow reader here.
pub(crate) const STREAM_EVENTS: usize = 4;
/// A report that is in order, with white space that must survive.
pub(crate) const REPORT: &str = r#"{ "category": "road",  "severity": "major",
  "description": "路面塌陷，联系人𠮷田", "occurred_at": "2026-11-23T08:30:00+08:00" }"#;

pub(crate) const OPERATOR: &str = "operator-0123456789";
pub(crate) const PUBLISHER: &str = "publisher-0123456789";
pub(crate) const READER: &str = "reader-0123456789ab";

/// The driver's part: the door behind the room's trait.
struct ByDoor(Door);

impl Intake for ByDoor {
    fn post(
        &self,
        headers: Vec<(String, String)>,
        body: Bytes,
        _: Holder,
    ) -> BoxFuture<'_, Result<Answers, Refusal>> {
        Box::pin(async move {
            let headers = headers.into_iter().collect();
            Ok(match self.0.http(&headers, body, Caller::Publisher).await? {
                Received::One(_, accepted) => Answers::One(accepted),
                Received::Batch(answers) => {
                    Answers::Batch(answers.into_iter().map(|(_, answer)| answer).collect())
                }
            })
        })
    }

    fn ack<'a>(
        &'a self,
        id: &'a str,
        body: Bytes,
        _: Holder,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move { self.0.ack(id, &body).await })
    }
}

struct NoKeys;

impl KeyLook for NoKeys {
    fn look(&self, _: &PublisherKey) -> Known {
        Known::default()
    }
}

pub(crate) fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

pub(crate) fn id(sequence: u64) -> MessageId {
    MessageId::parse(&format!("510722-b7k2qf-r{sequence}")).unwrap()
}

struct FewPages(Arc<Mutex<Vec<String>>>);

impl Pages for FewPages {
    fn unready(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn stats(&self, _: &BTreeMap<String, String>) -> Result<Value, String> {
        Ok(json!({}))
    }

    fn device(&self, id: &str) -> Result<Value, String> {
        match id {
            "horn-1" => Ok(json!({ "id": id })),
            _ => Err("no such device".to_owned()),
        }
    }

    fn roster(&self) -> Option<Value> {
        None
    }

    fn matters(&self) -> Value {
        json!({})
    }

    fn stations(&self) -> Value {
        json!([{ "code": "510722" }])
    }

    fn station(&self, code: &Code) -> Option<Value> {
        (code.as_str() == "510722").then(|| json!({ "code": "510722" }))
    }

    fn message<'a>(
        &'a self,
        id: &'a MessageId,
        delivered_within: Option<Duration>,
    ) -> BoxFuture<'a, Option<Value>> {
        let waited_ms = delivered_within.map(|time| time.as_millis() as u64);
        let page = json!({ "id": id.to_string(), "waited_ms": waited_ms });
        Box::pin(async move { (id.sequence == 1).then_some(page) })
    }

    fn trace<'a>(&'a self, id: &'a MessageId) -> BoxFuture<'a, Option<Value>> {
        Box::pin(async move { (id.sequence == 1).then(|| json!({ "id": id.to_string() })) })
    }

    fn reconcile<'a>(
        &'a self,
        query: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(async move { Ok(json!({ "links": [], "asked": query })) })
    }

    fn messages<'a>(
        &'a self,
        query: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(async move {
            match query.get("since") {
                Some(_) => Err("query since: no such time".to_owned()),
                None => Ok(json!({ "messages": [], "asked": query })),
            }
        })
    }
}

/// What a draft whose `ce_id` is the code of a refusal is answered with; all others are accepted.
fn verdict(draft: &Draft, sequence: u64) -> Verdict {
    let asked = draft.ce_id.clone().unwrap_or_default();
    let code: Result<ErrorCode, _> = serde_json::from_value(Value::from(asked));
    match code {
        Ok(code) => Verdict::Refused(Refusal::new(code, "as the station says")),
        Err(_) => Verdict::Accepted(Accepted {
            id: id(sequence),
            status: Grade::Accepted,
            station: code_of_here(),
            duplicate: false,
            timed_out: false,
        }),
    }
}

fn code_of_here() -> Code {
    code("510722")
}

/// What an application said to which message, and in words.
type Said = (MessageId, Answer, Option<String>);

pub(crate) struct House {
    pub(crate) address: SocketAddr,
    /// What the station took.
    pub(crate) taken: Arc<Mutex<Vec<Draft>>>,
    /// What applications said to messages.
    pub(crate) said: Arc<Mutex<Vec<Said>>>,
    /// Why it is not ready.
    pub(crate) unready: Arc<Mutex<Vec<String>>>,
    pub(crate) stream: broadcast::Sender<StreamEvent>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
    client: Client,
}

/// A house on a loopback port, without tokens.
pub(crate) async fn open() -> House {
    open_with("127.0.0.1:0", vec![]).await
}

/// Three tokens, one for each role.
pub(crate) fn tokens() -> Vec<Token> {
    let token = |name: &str, role, token: &str| Token {
        name: name.to_owned(),
        role,
        token: token.to_owned(),
    };
    vec![
        token("boss", Role::Operator, OPERATOR),
        token("grid", Role::Publisher, PUBLISHER),
        token("hall", Role::Reader, READER),
    ]
}

pub(crate) async fn open_with(listen: &str, tokens: Vec<Token>) -> House {
    let (mailbox, mut letters) = mailbox::open();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::new(Mutex::new(Vec::new()));
    let (keep, heard) = (taken.clone(), said.clone());
    tokio::spawn(async move {
        let mut sequence = 0;
        while let Some(letter) = letters.recv().await {
            match letter {
                Letter::Submit { draft, answer } => {
                    sequence += 1;
                    answer.send(verdict(&draft, sequence));
                    keep.lock().unwrap().push(*draft);
                }
                Letter::Answer { id, said, remark, answer } => {
                    let refusal = Refusal::new(ErrorCode::NotFound, "as the station says");
                    let noted = id.sequence == 1;
                    answer.send(if noted { Verdict::Noted } else { Verdict::Refused(refusal) });
                    heard.lock().unwrap().push((id, said, remark));
                }
                other => panic!("{other:?}"),
            }
        }
    });
    let bodies = Arc::new(Bodies::new(PAYLOAD_BYTES_MAX));
    let door = Door::new(bodies, mailbox, Arc::new(NoKeys), Arc::new(OnlyAccepted));
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        metrics::counter!("yizhan_taken_total").increment(7)
    });
    let (stream, _) = broadcast::channel(STREAM_EVENTS);
    let unready = Arc::new(Mutex::new(Vec::new()));
    let site = Site {
        intake: Arc::new(ByDoor(door)),
        pages: Arc::new(FewPages(unready.clone())),
        metrics: recorder.handle(),
        stream: stream.clone(),
        tokens: Tokens::new(tokens).unwrap(),
        audit: yizhan::audit::Audit::none(),
        tls: None,
        body_bytes_max: BODY_BYTES_MAX,
    };
    let listener = TcpListener::bind(listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        yizhan::http::serve(listener, site, async { drop(stopped.await) }).await
    });
    let client = Client::builder().no_proxy().build().unwrap();
    House { address, taken, said, unready, stream, stop, served, client }
}

impl House {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.address.port())
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(self.url(path))
    }

    pub(crate) fn post(
        &self,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> RequestBuilder {
        self.client.post(self.url("/v1/events")).header("content-type", content_type).body(body)
    }

    /// Posts an application's answer to a message.
    pub(crate) fn ack(&self, id: &str, body: &'static str) -> RequestBuilder {
        self.client.post(self.url(&format!("/v1/messages/{id}/ack"))).body(body)
    }

    /// Posts an event in binary mode.
    pub(crate) fn binary(&self, id: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.post("application/json", body)
            .header("ce-specversion", "1.0")
            .header("ce-id", id)
            .header("ce-source", "/grid/7")
            .header("ce-type", "incident.report")
    }
}

/// An event in structured mode.
pub(crate) fn event(id: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/grid/7","type":"incident.report","data":{data}}}"#
    )
}

/// Status, content type and JSON of an answer.
pub(crate) async fn parts(answer: Response) -> (u16, String, Value) {
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (status, kind, answer.json().await.unwrap())
}
