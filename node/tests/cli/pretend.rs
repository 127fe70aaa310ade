//! A pretend station: the HTTP interface with set answers, on a port of the system's choice.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};

/// A request as it came in.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    pub(crate) body: Vec<u8>,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A pretend station; it ends with the test.
pub(crate) struct Pretend {
    pub(crate) url: String,
    log: Log,
    _runtime: tokio::runtime::Runtime,
}

impl Pretend {
    /// One that answers every publisher with `status` and `answer`.
    pub(crate) fn answering(status: u16, answer: &str) -> Self {
        let log = Log::default();
        let (status, answer) = (StatusCode::from_u16(status).unwrap(), answer.to_owned());
        let events = move |State(log): State<Log>, headers: HeaderMap, body: Bytes| async move {
            log.lock().unwrap().push(Seen { headers, query: None, body: body.to_vec() });
            (status, answer)
        };
        let routes = Router::new()
            .route("/v1/events", post(events.clone()))
            .route("/v1/messages/510722.101.002-b7k2qf-f1/ack", post(events))
            .route("/v1/stations", get(async || include_str!("golden/stations.json")))
            .route("/v1/stations/510722", get(async || one()))
            .route(
                "/v1/messages/510722.101.002-b7k2qf-f1",
                get(async || include_str!("golden/message.json")),
            )
            .route("/v1/stream", get(stream))
            .fallback(async || {
                let problem =
                    r#"{"title":"Not Found","code":"not_found","detail":"no such thing here"}"#;
                (StatusCode::NOT_FOUND, problem)
            })
            .with_state(log.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { url, log, _runtime: runtime }
    }

    pub(crate) fn new() -> Self {
        Self::answering(202, "{}")
    }

    /// The last request that was logged.
    pub(crate) fn seen(&self) -> Seen {
        self.log.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

fn one() -> String {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("golden/stations.json")).unwrap();
    all.pointer("/stations/0").unwrap().to_string()
}

/// Two events, and then the stream breaks off.
async fn stream(
    State(log): State<Log>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> impl IntoResponse {
    log.lock().unwrap().push(Seen { headers, query, body: Vec::new() });
    let event = |n: u32, event: &str| {
        format!(
            "event: {event}\ndata: {{\"at\":\"2026-11-23T00:30:00.{n}Z\",\"event\":\"{event}\",\
             \"station\":\"510722\",\"id\":\"510722.101-b7k2qf-f{n}\",\"kind\":\"incident.report\",\
             \"origin\":\"510722.101\",\"to\":\"up\",\"precedence\":\"flash\",\"held_ms\":1200}}\n\n"
        )
    };
    ([("content-type", "text/event-stream")], event(1, "received") + &event(2, "delivered"))
}
