//! Headers made by hand on a plain bus: what no client library would send.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::attack::{Attack, Ended};
use super::ground::{COUNTY, Ground};
use crate::real::county::Plan;
use crate::real::inbox::read_all;
use crate::real::place::Place;
use crate::real::publisher::{Event, accepted, connect, publish};
use crate::real::until::{SOON, until};

/// An answer is there by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
const REPORT: &str = r#"{"category":"a","severity":"general","description":"b","occurred_at":"2026-11-23T08:30:00+08:00"}"#;

/// All of them. They need a bus that takes words without TLS, so the county that is attacked is
/// another one; its own figures are looked at within.
pub const ATTACKS: [Attack; 1] = [Attack {
    name: "NATS headers that smuggle others",
    heavy: false,
    at: COUNTY,
    metric: None,
    audit: None,
    play: |ground| Box::pin(smuggles(ground)),
}];

/// A connection to a bus without TLS, by hand.
struct Wire {
    socket: BufReader<TcpStream>,
}

impl Wire {
    async fn to(place: &Place) -> Result<Self, String> {
        let address = place.bus.strip_prefix("nats://").ok_or("the bus is under TLS")?;
        let socket = TcpStream::connect(address).await.map_err(|why| why.to_string())?;
        let mut this = Self { socket: BufReader::new(socket) };
        this.says(b"CONNECT {\"headers\":true,\"verbose\":false}\r\nSUB _INBOX.raw 1\r\n").await?;
        Ok(this)
    }

    async fn says(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.socket.get_mut().write_all(bytes).await.map_err(|why| why.to_string())
    }

    /// Requests with exactly these headers, and gives the answer's body; none if the server ends
    /// the connection.
    async fn asks(&mut self, headers: &[u8]) -> Result<Option<Value>, String> {
        let (head, all) = (headers.len(), headers.len() + REPORT.len());
        let line = format!("HPUB yz.submit.incident.report _INBOX.raw {head} {all}\r\n");
        self.says(&[line.as_bytes(), headers, REPORT.as_bytes(), b"\r\n"].concat()).await?;
        timeout(ANSWER_WITHIN, self.answer()).await.map_err(|_| "no answer".to_owned())?
    }

    async fn answer(&mut self) -> Result<Option<Value>, String> {
        loop {
            let mut line = String::new();
            let read = self.socket.read_line(&mut line).await;
            if read.map_err(|why| why.to_string())? == 0 {
                return Ok(None);
            }
            if line.starts_with("PING") {
                self.says(b"PONG\r\n").await?;
            }
            let Some(rest) = line.strip_prefix("MSG _INBOX.raw 1 ") else { continue };
            let length: usize = rest.trim().parse().map_err(|_| "no length".to_owned())?;
            let mut body = vec![0; length + 2];
            self.socket.read_exact(&mut body).await.map_err(|why| why.to_string())?;
            body.truncate(length);
            return serde_json::from_slice(&body).map(Some).map_err(|why| why.to_string());
        }
    }
}

fn headers(lines: &str) -> Vec<u8> {
    format!("NATS/1.0\r\n{lines}\r\n\r\n").into_bytes()
}

async fn smuggles(_: &Ground) -> Ended {
    let county = Plan::of(&[COUNTY]).start().await;
    let place = county.station(COUNTY);
    let other = connect(place).await;
    let before = accepted(&publish(&other, &Event::report(1).keyed("before")).await);
    let forged = r#"{"acc":"APP","user":"the operator","id":1}"#;
    let refused = [
        (headers(&format!("nats-request-info: {forged}")), "unauthorized"),
        (headers(&format!("Yz-To: up\nNats-Request-Info: {forged}")), "unauthorized"),
        (headers("Yz-To: 510722.>\nYz-Forged: 1"), ""),
        (headers(&format!("A: {}", "x".repeat(40 * 1024))), "too_large"),
        (headers(&format!("ce-{}: 1", "x".repeat(2048))), ""),
        (headers("ce-subject: a%0d%0aYz-Origin: 510722.999"), ""),
    ];
    for (bytes, code) in &refused {
        let shown = String::from_utf8_lossy(bytes.get(..80.min(bytes.len())).unwrap_or_default());
        let answer = Wire::to(place).await?.asks(bytes).await?;
        let found = answer.as_ref().and_then(|it| it["error"]["code"].as_str());
        let right = found.is_some_and(|found| code.is_empty() || found == *code);
        if !right {
            return Err(format!("{shown:?} is answered with {answer:?}"));
        }
    }
    // no line, no end, a lone carriage return in a value (which once ended a client's task): the
    // server or the station may do what it likes with them, as long as it is there afterwards
    for bytes in [
        b"NATS/1.0\r\nA: b\rc\r\n\r\n".to_vec(),
        b"NATS/1.0 \r\n: \r\n\r\n".to_vec(),
        b"HTTP/1.1\r\nYz-To: up\r\n\r\n".to_vec(),
        b"NATS/1.0\r\nYz-To\r\n\r\n".to_vec(),
        b"NATS/1.0\r\nYz-To: up".to_vec(),
        vec![0; 64],
    ] {
        let _ = timeout(Duration::from_secs(2), Wire::to(place).await?.asks(&bytes)).await;
    }
    let after = accepted(&publish(&other, &Event::report(2).keyed("after")).await);
    let counted = place.metric("yizhan_ingest_refused_total", "").await.unwrap_or_default();
    if counted < refused.len() as f64 {
        return Err(format!("{} refusals, of which {counted} were counted", refused.len()));
    }
    is_clean(place, &other, [&before, &after]).await?;
    Ok("ingest: unauthorized, ...".to_owned())
}

/// The reports of others are there once, and nothing says that it comes from anywhere else.
async fn is_clean(
    place: &Place,
    other: &async_nats::Client,
    ids: [&String; 2],
) -> Result<(), String> {
    let jetstream = async_nats::jetstream::new(other.clone());
    let all = until(SOON, "the reports of others", || async {
        let all = read_all(&jetstream.get_stream("YZ_INBOX").await.ok()?).await?;
        ids.iter().all(|id| all.iter().any(|it| it.id() == **id)).then_some(all)
    })
    .await;
    for message in &all {
        let forged = message.headers.contains_key("Yz-Forged");
        if forged || message.header("Yz-Origin") != place.code {
            return Err(format!("a smuggled header was delivered: {:?}", message.headers));
        }
    }
    match ids.iter().find(|id| all.iter().filter(|it| it.id() == id.as_str()).count() != 1) {
        Some(id) => Err(format!("{id} is not there once")),
        None => Ok(()),
    }
}
