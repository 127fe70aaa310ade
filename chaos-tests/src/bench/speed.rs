//! How fast a chain is: throughput, answers to a publisher, end to end at a low rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::{Chain, Hop};
use super::cost::Cost;
use super::ends::Ends;
use super::peer::Peer;
use super::publisher::Publisher;
use super::quantile;
use super::reader::{Arrivals, Reader};
use super::reports::Reports;

/// What a flood is like.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// Reports.
    pub count: usize,
    /// Bytes of each.
    pub size: usize,
    /// Publishers, each with a connection.
    pub publishers: usize,
    /// Answers that each of them may have open.
    pub window: usize,
    /// Real calls of their own sizes instead of made-up reports, which say much the same.
    pub real: bool,
}

/// As fast as answers allow, until all is at the county.
///
/// # Errors
/// Something was not accepted, or did not come.
pub async fn throughput(peer: Peer, flood: Flood) -> Result<Value, String> {
    let Flood { count, size, publishers, window, real } = flood;
    let disk_sync_ms = Chain::disk_sync_ms();
    let chain = Chain::start(peer).await;
    let before = Cost::of(&chain);
    let Flooded { answered, took, read, payload_bytes } = flood.through(&chain.ends()).await?;
    let cost = Cost::of(&chain).since(before);
    let per_100k = 100_000.0 / count as f64;
    Ok(json!({
        "scenario": "throughput", "peer": peer.to_string(), "count": count, "size": size,
        "publishers": publishers, "window": window, "real": u8::from(real),
        "ack_per_s": count as f64 / answered.as_secs_f64(),
        "end_to_end_per_s": count as f64 / took.as_secs_f64(),
        "duplicates": read.duplicates, "lost": read.missing(count),
        "cpu_s_per_100k": (cost.node_cpu_s + cost.bus_cpu_s) * per_100k,
        "node_cpu_s_per_100k": cost.node_cpu_s * per_100k,
        "bus_cpu_s_per_100k": cost.bus_cpu_s * per_100k,
        "node_peak_mib": cost.node_peak_mib, "bus_peak_mib": cost.bus_peak_mib,
        "written_per_payload_and_hop": cost.node_written_bytes / (3.0 * payload_bytes as f64),
        "disk_sync_ms": disk_sync_ms,
    }))
}

/// What became of a flood.
pub struct Flooded {
    /// Until the last answer.
    pub answered: Duration,
    /// Until the last report was at the county.
    pub took: Duration,
    /// What came there.
    pub read: Arrivals,
    /// Of all that was handed in.
    pub payload_bytes: usize,
}

impl Flood {
    /// From one publisher, made up.
    pub fn of_one(count: usize, size: usize) -> Self {
        Self { count, size, publishers: 1, window: 256, real: false }
    }

    fn reports(self) -> Result<Arc<Reports>, String> {
        let reports = match self.real {
            true => Reports::calls(self.count)?,
            false => Reports::Sized(self.size),
        };
        Ok(Arc::new(reports))
    }

    /// Lets it through a chain.
    ///
    /// # Errors
    /// Something was not accepted, or did not come.
    pub async fn through(self, ends: &Ends) -> Result<Flooded, String> {
        let Self { count, publishers, window, .. } = self;
        let reports = self.reports()?;
        let reader = Reader::at_county(ends, &reports, count).await;
        let mut clients = Vec::new();
        for _ in 0..publishers {
            clients.push(Publisher::at_village(ends, &reports).await);
        }
        let began = Instant::now();
        let share = count.div_ceil(publishers.max(1));
        let handing = clients.iter().enumerate().map(|(at, client)| {
            let which = (at * share).min(count)..((at + 1) * share).min(count);
            client.flood(which, window)
        });
        futures::future::try_join_all(handing).await?;
        let answered = began.elapsed();
        let read = reader.all(count).await?;
        let took = read.last.map_or(Duration::ZERO, |last| last - began);
        Ok(Flooded { answered, took, read, payload_bytes: reports.bytes(count) })
    }
}

/// One publisher, one report at a time; `alone`, with the township away, so that no other station's
/// work on the report before is on these processors.
///
/// # Errors
/// As [`throughput`].
pub async fn answers(peer: Peer, count: usize, size: usize, alone: bool) -> Result<Value, String> {
    let disk_sync_ms = Chain::disk_sync_ms();
    let mut chain = Chain::start(peer).await;
    if alone {
        chain.kill(Hop::Township).await;
    }
    let publisher = Publisher::at_village(&chain.ends(), &Arc::new(Reports::Sized(size))).await;
    publisher.one_by_one(0..50).await?; // the first few find cold caches
    let took = publisher.one_by_one(50..50 + count).await?;
    Ok(json!({
        "scenario": "answers", "peer": peer.to_string(), "count": count, "size": size,
        "alone": alone,
        "p50_ms": quantile::ms(&took, 0.5), "p99_ms": quantile::ms(&took, 0.99),
        "disk_sync_ms": disk_sync_ms,
    }))
}

/// Reports at a low rate: how long each takes to the county.
///
/// # Errors
/// As [`throughput`].
pub async fn latency(
    peer: Peer,
    count: usize,
    size: usize,
    per_second: f64,
) -> Result<Value, String> {
    let disk_sync_ms = Chain::disk_sync_ms();
    let chain = Chain::start(peer).await;
    let (ends, reports) = (chain.ends(), Arc::new(Reports::Sized(size)));
    let reader = Reader::at_county(&ends, &reports, count).await;
    let publisher = Publisher::at_village(&ends, &reports).await;
    let handed = publisher.steadily(0..count, per_second).await?;
    let read = reader.all(count).await?;
    let both = handed.left.iter().zip(&read.came);
    let took: Vec<Duration> =
        both.filter_map(|(left, came)| came.map(|came| came - *left)).collect();
    Ok(json!({
        "scenario": "latency", "peer": peer.to_string(), "count": count, "size": size,
        "per_second": per_second,
        "p50_ms": quantile::ms(&took, 0.5), "p99_ms": quantile::ms(&took, 0.99),
        "max_ms": quantile::ms(&took, 1.0), "duplicates": read.duplicates,
        "disk_sync_ms": disk_sync_ms,
    }))
}
