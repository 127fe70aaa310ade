//! More than there is room for: connections without end, requests without end.

use std::time::Duration;

use futures::future::join_all;
use futures::stream::StreamExt as _;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::attack::{Attack, Ended};
use super::ground::{APP_CONNECTIONS, Ground, HOG, TOWN, VILLAGE};
use super::raw_bus::RawBus;
use crate::real::publisher::Event;

/// Connections of the large attack: more than a bus takes (`bus.max_connections`).
const CONNECTIONS: usize = 10_000;
/// Opened at one go.
const AT_ONCE: usize = 200;
/// Requests of the flood: many times what a publisher may hand in within a second.
const REQUESTS: usize = 20_000;
/// All answers are there by then.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

const CONNECTIONS_REFUSED: (&str, &str) = ("yizhan_bus_refused_total", "reason=\"connections\"");

/// All of them.
pub const ATTACKS: [Attack; 3] = [
    Attack {
        name: "an application publishes without end",
        heavy: false,
        at: VILLAGE,
        metric: Some(("yizhan_ingest_refused_total", "rate_limited")),
        audit: Some(&["refused", "rate_limited"]),
        play: |ground| Box::pin(publishes(ground)),
    },
    Attack {
        name: "an application connects without end",
        heavy: false,
        at: VILLAGE,
        metric: Some(CONNECTIONS_REFUSED),
        audit: Some(&["refused", "connections"]),
        play: |ground| Box::pin(connects(ground)),
    },
    Attack {
        name: "10,000 connections that say nothing",
        heavy: true,
        at: TOWN,
        metric: Some(CONNECTIONS_REFUSED),
        audit: Some(&["refused", "connections"]),
        play: |ground| Box::pin(ten_thousand(ground)),
    },
];

async fn publishes(ground: &Ground) -> Ended {
    let (_, name, _) = HOG;
    let nats = RawBus::at(ground, VILLAGE, ground.county.application(VILLAGE, name)).await?.nats;
    let inbox = nats.new_inbox();
    let mut answers = nats.subscribe(inbox.clone()).await.map_err(|why| why.to_string())?;
    let report = Event::report(0);
    let flood = async {
        for _ in 0..REQUESTS {
            let (to, body) = (format!("yz.submit.{}", report.kind), report.body.clone());
            let mut headers = async_nats::HeaderMap::new();
            // for the village itself: this is about who is let in, not about what is then carried
            headers.insert("Yz-To", VILLAGE);
            let sent = nats.publish_with_reply_and_headers(to, inbox.clone(), headers, body.into());
            sent.await.map_err(|why| why.to_string())?;
        }
        nats.flush().await.map_err(|why| why.to_string())
    };
    let count = async {
        let (mut accepted, mut limited) = (0, 0);
        while accepted + limited < REQUESTS {
            let answer = answers.next().await.ok_or("no more answers")?;
            let answer: Value = serde_json::from_slice(&answer.payload)
                .map_err(|why| format!("an answer that is none: {why}"))?;
            match (answer["status"].as_str(), answer["error"]["code"].as_str()) {
                (Some("accepted"), _) => accepted += 1,
                (_, Some("rate_limited")) => limited += 1,
                _ => return Err(format!("another answer than it must be: {answer}")),
            }
        }
        Ok((accepted, limited))
    };
    let both = timeout(ANSWERED_WITHIN, async { tokio::join!(flood, count) }).await;
    let (sent, counted) = both.map_err(|_| "not every request was answered".to_owned())?;
    sent?;
    match counted? {
        (accepted, limited) if accepted > 0 && limited > 0 => Ok("ingest: rate_limited".to_owned()),
        (accepted, limited) => Err(format!("{accepted} accepted, {limited} rate_limited")),
    }
}

async fn connects(ground: &Ground) -> Ended {
    let (_, name, _) = HOG;
    let mut open = Vec::new();
    for _ in 0..APP_CONNECTIONS * 2 {
        match RawBus::at(ground, VILLAGE, ground.county.application(VILLAGE, name)).await {
            Ok(bus) => open.push(bus),
            Err(why) if why.contains("maximum account active connections exceeded") => {
                return Ok("bus: connections".to_owned());
            }
            Err(why) => return Err(format!("another refusal than it must be: {why}")),
        }
    }
    Err(format!("{} connections of one application are open", open.len()))
}

async fn ten_thousand(ground: &Ground) -> Ended {
    let bus = ground.station(TOWN).bus.clone();
    let address = bus.strip_prefix("tls://").ok_or("the bus is not under TLS")?;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS / AT_ONCE {
        let some = (0..AT_ONCE).map(|_| TcpStream::connect(address));
        open.extend(join_all(some).await.into_iter().flatten());
    }
    let refused = join_all(open.iter_mut().map(async |socket| {
        let mut said = [0; 4096];
        let read = timeout(Duration::from_secs(5), socket.read(&mut said)).await;
        let length = read.ok().and_then(Result::ok).unwrap_or(0);
        let said = String::from_utf8_lossy(said.get(..length).unwrap_or_default()).into_owned();
        said.contains("maximum connections exceeded")
    }));
    let refused = refused.await.into_iter().filter(|refused| *refused).count();
    match refused {
        0 => Err(format!("{} connections, and none was refused", open.len())),
        _ => Ok("bus: connections".to_owned()),
    }
}
