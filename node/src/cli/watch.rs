//! `yizhan watch`: prints what happens at a station, as it happens (`GET /v1/stream`).
//!
//! A stream that breaks off is opened again until the reader has enough; what happened in between
//! is not shown, so the break is said.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use clap::Args;
use futures::StreamExt;
use reqwest::Response;
use serde_json::Value;
use yizhan_schemas::status::Happening;
use yizhan_schemas::{Code, Kind};

use super::page::Page;
use super::sse::Events;
use super::station::{Station, Way};
use super::{Error, time};

/// Longest pause between two tries to open the stream again.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Print what happens at a station, as it happens.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Only this kind, or this family, as in incident.report or incident.*
    #[arg(long, value_name = "KIND", value_parser = pattern)]
    kind: Option<String>,
    /// Only messages of this station
    #[arg(long, value_name = "CODE")]
    origin: Option<Code>,
    /// Stop after so many
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: Way,
}

fn pattern(text: &str) -> Result<String, String> {
    let kind = text.strip_suffix(".*").map(|family| format!("{family}.any"));
    let fault = "valid is a kind or a family, as in incident.report or incident.*";
    Kind::parse(kind.as_deref().unwrap_or(text)).map_err(|_| fault.to_owned())?;
    Ok(text.to_owned())
}

impl Watch {
    pub(super) async fn run(&self, page: &mut Page) -> Result<(), Error> {
        let station = self.way.station()?;
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut stream = self.open(&station).await?;
        while left > 0 {
            self.follow(stream, &mut left, page).await?;
            if left == 0 {
                break;
            }
            eprintln!("{}", page.words.stream_lost);
            let pauses = ExponentialBuilder::default()
                .with_jitter()
                .with_max_delay(PAUSE_MAX)
                .without_max_times();
            stream = (|| self.open(&station))
                .retry(pauses)
                .when(|error| matches!(error, Error::Unreachable { .. }))
                .await?;
        }
        Ok(())
    }

    async fn open(&self, station: &Station) -> Result<Response, Error> {
        let kind = self.kind.as_ref().map(|kind| ("kind", kind.clone()));
        let origin = self.origin.as_ref().map(|origin| ("origin", origin.to_string()));
        let query: Vec<(&str, String)> = kind.into_iter().chain(origin).collect();
        station.send(station.get("/v1/stream").query(&query)).await
    }

    /// Prints until the stream ends, however it does.
    async fn follow(&self, answer: Response, left: &mut u64, page: &mut Page) -> Result<(), Error> {
        let url = answer.url().to_string();
        let mut pieces = answer.bytes_stream();
        let mut events = Events::default();
        while let Some(Ok(piece)) = pieces.next().await {
            let odd = |cause: String| Error::Answer { url: url.clone(), cause };
            let whole = events.take(&piece).map_err(|_| odd("an event without end".to_owned()))?;
            for data in whole {
                let value = serde_json::from_str(&data).map_err(|error| odd(error.to_string()))?;
                self.print(value, page)?;
                *left -= 1;
                if *left == 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn print(&self, value: Value, page: &mut Page) -> Result<(), Error> {
        if self.json {
            return page.print(value.to_string());
        }
        match serde_json::from_value::<Happening>(value.clone()) {
            Ok(happening) => page.print(line(&happening, page)),
            // a later version may tell more than this one has words for
            Err(_) => page.print(value.to_string()),
        }
    }
}

fn line(happening: &Happening, page: &Page) -> String {
    let words = page.words;
    let held = happening.held_ms.map(|ms| format!("  {} {}", words.held, time::age(ms)));
    let detail = happening.detail.as_ref().map(|detail| format!("  {detail}"));
    format!(
        "{}  {}  {}  {}  {}{}{}",
        time::beijing(&happening.at, time::TIME),
        words.of(&happening.event),
        words.of(happening.precedence.word()),
        happening.kind,
        happening.id,
        held.unwrap_or_default(),
        detail.unwrap_or_default(),
    )
}
