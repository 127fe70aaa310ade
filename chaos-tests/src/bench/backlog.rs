//! Whether a backlog costs more the longer it is: draining, restarting, memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::{Chain, Hop, Part};
use super::cost::pss_mib;
use super::peer::Peer;
use super::publisher::Publisher;
use super::quantile;
use super::reader::{PATIENCE, Reader};
use super::reports::Reports;

/// Bytes of a report.
const SIZE: usize = 400;
/// Answers that a publisher who fills may have open.
const WINDOW: usize = 1_024;
/// Rates are taken over so many arrivals, whatever the backlog, so that like is set beside like.
const STRETCH: usize = 10_000;
/// No more than these are drained: the county's inbox holds 1 GiB.
const DRAINED_MAX: usize = 500_000;

/// Fills a village whose parent is away, kills and restarts it, then lets the parent come.
/// `long` only marks the result.
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
    let village = chain.place(Hop::Village).ok_or("the village is one of ours")?;
    let taken =
        village.metric("yizhan_accepted_total", "").await.ok_or("the village has no pages")?;
    if taken != count as f64 {
        return Err(format!("the village took {taken} of {count}"));
    }
    let filled_mib = memory(&chain);
    chain.kill(Hop::Village).await;
    let began = Instant::now();
    chain.revive(Hop::Village);
    chain.ready(Hop::Village).await;
    let restart_s = began.elapsed().as_secs_f64();
    let restarted_mib = memory(&chain);
    let reader = Reader::at_county(&ends, &reports, count).await;
    chain.revive(Hop::Township);
    let drained = count.min(DRAINED_MAX);
    let complete = reader.until(drained, PATIENCE).await;
    let read = reader.so_far();
    if !complete {
        return Err(format!("nothing for {PATIENCE:?} after {} of {count}", read.distinct));
    }
    let rates = rates(read.came.into_iter().flatten());
    Ok(json!({
        "scenario": "backlog", "peer": Peer::Yizhan.to_string(), "count": count, "long": long,
        "size": SIZE,
        "fill_per_s": count as f64 / handed.took.as_secs_f64(), "unanswered": handed.unanswered,
        "restart_s": restart_s, "drain_per_s": quantile::median(&rates), "stretches_per_s": rates,
        "empty_mib": empty_mib, "filled_mib": filled_mib, "restarted_mib": restarted_mib,
        "draining_mib": memory(&chain), "duplicates": read.duplicates,
        "disk_sync_ms": disk_sync_ms,
    }))
}

/// Arrivals a second in each stretch, in order.
fn rates(came: impl Iterator<Item = Instant>) -> Vec<f64> {
    let mut came: Vec<_> = came.collect();
    came.sort_unstable();
    let stretches =
        came.chunks(STRETCH).filter(|stretch| stretch.len() * 2 > STRETCH.min(came.len()));
    let rates = stretches.filter_map(|stretch| {
        let took: Duration = *stretch.last()? - *stretch.first()?;
        Some((stretch.len() as f64 / took.as_secs_f64().max(1e-6)).round())
    });
    rates.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_drain_is_measured_in_stretches_as_long_as_a_short_one() {
        let start = Instant::now();
        let every = |n: u64| start + Duration::from_micros(100 * n);
        for count in [1_000, 10_000, 30_000] {
            let rates = rates((0..count).map(every));
            assert_eq!(rates.len() as u64, count.div_ceil(STRETCH as u64));
            assert!(rates.iter().all(|rate| (9_990.0..10_020.0).contains(rate)), "{rates:?}");
        }
        assert!(rates(std::iter::empty()).is_empty());
    }
}
