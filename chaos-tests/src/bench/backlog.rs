//! Whether a backlog costs more the longer it is: draining, restarting, memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::{Chain, Hop, Part};
use super::cost::pss_mib;
use super::peer::Peer;
use super::publisher::Publisher;
use super::reader::Reader;
use super::reports::Reports;

/// Bytes of a report.
const SIZE: usize = 400;
/// Answers that a publisher who fills may have open.
const WINDOW: usize = 1_024;
/// Fills a village whose parent is away, kills and restarts it, then lets the parent come, until
/// all of it is at the county: while a part of it is, the village is far ahead on these processors,
/// with work that shows in no arrival yet. `long` only marks the result.
///
/// # Errors
/// Something was not accepted, or nothing comes.
pub async fn backlog(count: usize, long: bool) -> Result<Value, String> {
    let disk_sync_ms = Chain::disk_sync_ms();
    let mut chain = Chain::start(Peer::Yizhan).await;
    let (ends, reports) = (chain.ends(), Arc::new(Reports::Sized(SIZE)));
    let memory = |chain: &Chain| chain.pid(Hop::Village, Part::Node).map_or(0.0, pss_mib);
    let empty_mib = memory(&chain);
    chain.kill(Hop::Township).await;
    let publisher = Publisher::at_village(&ends, &reports).await;
    let handed = publisher.flood(0..count, WINDOW).await?;
    drop(publisher);
    let filled_mib = memory(&chain);
    let village = chain.place(Hop::Village).ok_or("the village is one of ours")?;
    let taken =
        village.metric("yizhan_accepted_total", "").await.ok_or("the village has no pages")?;
    if taken != count as f64 {
        return Err(format!("the village took {taken} of {count}"));
    }
    chain.kill(Hop::Village).await;
    let began = Instant::now();
    chain.revive(Hop::Village);
    chain.ready(Hop::Village).await;
    let restart_s = began.elapsed().as_secs_f64();
    let restarted_mib = memory(&chain);
    let reader = Reader::at_county(&ends, &reports, count).await;
    chain.revive(Hop::Township);
    let read = reader.all(count).await?;
    let first = read.first_after(began).ok_or("nothing waited")?;
    let drain = read.all_of(count).map_or(Duration::ZERO, |last| last - first);
    let drain_s = drain.as_secs_f64().max(1e-6);
    Ok(json!({
        "scenario": "backlog", "peer": Peer::Yizhan.to_string(), "count": count, "long": long,
        "size": SIZE,
        "fill_per_s": count as f64 / handed.took.as_secs_f64(), "unanswered": handed.unanswered,
        "restart_s": restart_s, "drain_per_s": count as f64 / drain_s,
        "empty_mib": empty_mib, "filled_mib": filled_mib, "restarted_mib": restarted_mib,
        "draining_mib": memory(&chain), "duplicates": read.duplicates,
        "disk_sync_ms": disk_sync_ms,
    }))
}
