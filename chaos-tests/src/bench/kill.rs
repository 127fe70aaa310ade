//! kill -9 of the township while reports come as fast as answers allow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::{Chain, Hop};
use super::peer::Peer;
use super::publisher::Publisher;
use super::reader::{PATIENCE, Reader};
use super::reports::Reports;

/// It stays away for so long.
const AWAY: Duration = Duration::from_secs(1);

/// Kills it when a third has come, and starts it again.
///
/// # Errors
/// Something was not accepted, or nothing came before the kill.
pub async fn kill(peer: Peer, count: usize) -> Result<Value, String> {
    let disk_sync_ms = Chain::disk_sync_ms();
    let mut chain = Chain::start(peer).await;
    let (ends, reports) = (chain.ends(), Arc::new(Reports::Sized(400)));
    let reader = Reader::at_county(&ends, &reports, count).await;
    let publisher = Publisher::at_village(&ends, &reports).await;
    let handing = tokio::spawn(async move { publisher.flood(0..count, 256).await });
    if !reader.until(count / 3, PATIENCE).await {
        return Err("nothing comes, before anything was killed".to_owned());
    }
    chain.kill(Hop::Township).await;
    let killed_at = reader.distinct();
    tokio::time::sleep(AWAY).await;
    let restart = Instant::now();
    chain.revive(Hop::Township);
    handing.await.map_err(|why| why.to_string())??;
    let complete = reader.until(count, PATIENCE).await;
    tokio::time::sleep(AWAY).await; // what comes twice may come late
    let read = reader.so_far();
    let since = |at: Option<Instant>| at.map(|at| (at - restart).as_secs_f64());
    Ok(json!({
        "scenario": "kill", "peer": peer.to_string(), "count": count, "killed_at": killed_at,
        "complete": complete,
        "restart_to_first_s": since(read.first_after(restart)),
        "restart_to_last_s": since(read.last),
        "lost": read.missing(count), "duplicates": read.duplicates,
        "disk_sync_ms": disk_sync_ms,
    }))
}
