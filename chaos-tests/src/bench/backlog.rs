//! Whether a backlog costs more the longer it is: draining, restarting, memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::{Chain, Hop, Part};
use super::cost::pss_mib;
use super::peer::Peer;
use super::publisher::Publisher;
use super::reader::{PATIENCE, Reader};
use super::reports::Reports;

/// Bytes of a report.
const SIZE: usize = 400;
/// Answers that a publisher who fills may have open.
const WINDOW: usize = 1_024;
/// Pause between two looks for the first report that the township took. Some hundredths of what the
/// shortest backlog takes; what is taken meanwhile makes a short drain look faster, not slower.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Fills a village whose parent is away, kills and restarts it, then lets the parent come, until
/// all of it is at the county. A drain is counted as on a thin line: from the first batch that left
/// the village to the last report. Counted from the first arrival, a short one would be spared the
/// work that the village and the township have done by then. `long` only marks the result.
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
    let taken = tokio::time::timeout(PATIENCE, first_taken(&chain));
    let (read, set_out) = tokio::join!(reader.all(count), taken);
    let read = read?;
    let first = read.first_after(began).ok_or("nothing waited")?;
    let last = read.all_of(count).ok_or("not all of it came")?;
    let per_s = |from: Instant| count as f64 / (last - from).as_secs_f64().max(1e-6);
    let set_out = set_out.unwrap_or(first).min(first);
    Ok(json!({
        "scenario": "backlog", "peer": Peer::Yizhan.to_string(), "count": count, "long": long,
        "size": SIZE,
        "fill_per_s": count as f64 / handed.took.as_secs_f64(), "unanswered": handed.unanswered,
        "restart_s": restart_s, "drain_per_s": per_s(set_out),
        "first_s": (first - set_out).as_secs_f64(), "arrivals_per_s": per_s(first),
        "empty_mib": empty_mib, "filled_mib": filled_mib, "restarted_mib": restarted_mib,
        "draining_mib": memory(&chain), "duplicates": read.duplicates,
        "disk_sync_ms": disk_sync_ms,
    }))
}

/// When the township had taken anything from the village.
async fn first_taken(chain: &Chain) -> Instant {
    loop {
        if let Some(township) = chain.place(Hop::Township)
            && township.metric("yizhan_custody_in_total", "").await.is_some_and(|taken| taken > 0.0)
        {
            return Instant::now();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
