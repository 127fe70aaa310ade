//! Questions of a stolen village box about what is none of its business.

use std::time::Duration;

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::time::timeout;

use super::attack::{Attack, Ended};
use super::ground::{GRID, Ground, THIEF, TOWN, VILLAGE};
use super::raw_frame::coded;
use super::raw_link::RawLink;
use crate::real::publisher::{Event, accepted, publish};

/// Counts questions that are not answered.
const REFUSED: (&str, &str) = ("yizhan_queries_refused_total", THIEF);
const AUDIT: &[&str] = &["\"query_refused\"", THIEF];
/// An answer is there by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// More than a station asks.
const MANY: u64 = 5_000;
/// And what of them may be answered: a burst, and some a second.
const ANSWERED_MAX: usize = 1_000;

/// All of them.
pub const ATTACKS: [Attack; 3] = [
    Attack {
        name: "a village asks after another's report",
        heavy: false,
        at: TOWN,
        metric: Some(REFUSED),
        audit: Some(AUDIT),
        play: |ground| Box::pin(asks_after_a_neighbour(ground)),
    },
    Attack {
        name: "a village asks for its township's books",
        heavy: false,
        at: TOWN,
        metric: Some(REFUSED),
        audit: Some(AUDIT),
        play: |ground| Box::pin(asks_for_the_books(ground)),
    },
    Attack {
        name: "a village asks without end",
        heavy: false,
        at: TOWN,
        metric: Some(("yizhan_queries_dropped_total", THIEF)),
        audit: None,
        play: |ground| Box::pin(asks_without_end(ground)),
    },
];

/// A question, as it stands in a frame.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Frame {
    Query { id: u64, deadline_ms: u64, ask: Ask },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Ask {
    Trace(String),
    Day(u32),
}

#[derive(Debug, Deserialize)]
struct Heard {
    answer: Option<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    id: u64,
    body: ByteBuf,
}

async fn ask(link: &RawLink, id: u64, ask: Ask) -> Result<(), String> {
    link.says(coded(&Frame::Query { id, deadline_ms: 20_000, ask })).await
}

/// The next part of an answer.
async fn hears(link: &mut RawLink, within: Duration) -> Option<Part> {
    timeout(within, async {
        while let Some(message) = link.down.next().await {
            let heard: Option<Heard> = rmp_serde::from_slice(message.payload.get(1..)?).ok();
            if let Some(part) = heard.and_then(|heard| heard.answer) {
                return Some(part);
            }
        }
        None
    })
    .await
    .ok()?
}

/// What is told is a refusal, and no other word.
async fn is_refused(link: &mut RawLink, id: u64, reason: &str) -> Ended {
    let part = hears(link, ANSWER_WITHIN).await.ok_or("no answer to a question")?;
    let text = String::from_utf8_lossy(&part.body).into_owned();
    match part.id == id && text.contains("refused") && text.contains(reason) {
        true => Ok("query: not its own".to_owned()),
        false => Err(format!("it was told {text:?}")),
    }
}

async fn asks_after_a_neighbour(ground: &Ground) -> Ended {
    let (code, name, _) = GRID;
    let grid = ground.county.application(code, name).connect(&ground.station(VILLAGE).bus).await;
    let grid = grid.map_err(|why| why.to_string())?;
    let id = accepted(&publish(&grid, &Event::report(7).keyed("asked-after")).await);
    let mut link = RawLink::open(ground, THIEF).await?;
    ask(&link, 1, Ask::Trace(id)).await?;
    is_refused(&mut link, 1, "neither came from below").await
}

async fn asks_for_the_books(ground: &Ground) -> Ended {
    let mut link = RawLink::open(ground, THIEF).await?;
    ask(&link, 2, Ask::Day(20_780)).await?;
    is_refused(&mut link, 2, "only a parent").await
}

async fn asks_without_end(ground: &Ground) -> Ended {
    let mut link = RawLink::open(ground, THIEF).await?;
    for id in 0..MANY {
        ask(&link, id, Ask::Day(1)).await?;
    }
    let mut answered = 0;
    while hears(&mut link, Duration::from_secs(2)).await.is_some() {
        answered += 1;
        if answered > ANSWERED_MAX {
            return Err(format!("{answered} questions were answered"));
        }
    }
    Ok("query: rate".to_owned())
}
