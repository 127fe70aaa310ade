//! How fast a chain is: throughput, answers to a publisher, end to end at a low rate.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::Chain;
use super::cost::Cost;
use super::publisher::Publisher;
use super::quantile;
use super::reader::Reader;

/// As fast as answers allow, until all is at the county.
///
/// # Errors
/// Something was not accepted, or did not come.
pub async fn throughput(count: usize, size: usize, window: usize) -> Result<Value, String> {
    let chain = Chain::start().await;
    let disk_sync_ms = chain.disk_sync_ms();
    let (reader, publisher) =
        (Reader::at_county(&chain).await, Publisher::at_village(&chain).await);
    let before = Cost::of(&chain);
    let reading = tokio::spawn(reader.all(count));
    let began = Instant::now();
    let handed = publisher.flood(count, size, window).await?;
    let read = reading.await.map_err(|why| why.to_string())??;
    let took = began.elapsed().as_secs_f64();
    let cost = Cost::of(&chain).since(before);
    let per_100k = 100_000.0 / count as f64;
    Ok(json!({
        "scenario": "throughput", "count": count, "size": size, "window": window,
        "ack_per_s": count as f64 / handed.took.as_secs_f64(),
        "end_to_end_per_s": count as f64 / took,
        "duplicates": read.duplicates, "lost": 0,
        "cpu_s_per_100k": (cost.node_cpu_s + cost.bus_cpu_s) * per_100k,
        "node_cpu_s_per_100k": cost.node_cpu_s * per_100k,
        "bus_cpu_s_per_100k": cost.bus_cpu_s * per_100k,
        "node_peak_mib": cost.node_peak_mib, "bus_peak_mib": cost.bus_peak_mib,
        "written_per_payload_and_hop":
            cost.node_written_bytes / (3.0 * (count * size) as f64),
        "disk_sync_ms": disk_sync_ms,
    }))
}

/// One publisher, one report at a time.
///
/// # Errors
/// As [`throughput`].
pub async fn answers(count: usize, size: usize) -> Result<Value, String> {
    let chain = Chain::start().await;
    let publisher = Publisher::at_village(&chain).await;
    publisher.one_by_one(50, size).await?; // the first few find cold caches
    let took = publisher.one_by_one(count, size).await?;
    Ok(json!({
        "scenario": "answers", "count": count, "size": size,
        "p50_ms": quantile::ms(&took, 0.5), "p99_ms": quantile::ms(&took, 0.99),
        "disk_sync_ms": chain.disk_sync_ms(),
    }))
}

/// Reports at a low rate: how long each takes to the county.
///
/// # Errors
/// As [`throughput`].
pub async fn latency(count: usize, size: usize, per_second: f64) -> Result<Value, String> {
    let chain = Chain::start().await;
    let (reader, publisher) =
        (Reader::at_county(&chain).await, Publisher::at_village(&chain).await);
    let reading = tokio::spawn(reader.all(count));
    let handed = publisher.steadily(count, size, per_second).await?;
    let read = reading.await.map_err(|why| why.to_string())??;
    let ends = handed.left.iter().zip(&read.came);
    let took: Vec<Duration> =
        ends.filter_map(|(left, came)| came.map(|came| came - *left)).collect();
    Ok(json!({
        "scenario": "latency", "count": count, "size": size, "per_second": per_second,
        "p50_ms": quantile::ms(&took, 0.5), "p99_ms": quantile::ms(&took, 0.99),
        "max_ms": quantile::ms(&took, 1.0), "duplicates": read.duplicates,
        "disk_sync_ms": chain.disk_sync_ms(),
    }))
}
