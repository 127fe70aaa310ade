//! The link between village and township goes away while reports are handed in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::Chain;
use super::modem::Mode;
use super::peer::Peer;
use super::publisher::Publisher;
use super::quantile;
use super::reader::{PATIENCE, Reader};
use super::reports::Reports;

/// Reports are handed in for so long before and behind the cut.
const BEFORE: Duration = Duration::from_secs(3);
const BEHIND: Duration = Duration::from_secs(2);
/// Between a link that works again and the next cut.
const BETWEEN: Duration = Duration::from_secs(1);

/// How the link goes away.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// Refused, or a black hole.
    pub mode: Mode,
    /// For how long.
    pub down: Duration,
    /// Reports a second, of 400 bytes.
    pub per_second: f64,
}

impl Outage {
    fn name(&self) -> &'static str {
        match self.mode {
            Mode::Refuse => "refused",
            Mode::BlackHole => "black hole",
            Mode::Pass => "none",
        }
    }
}

/// One cut: what comes after it, when, and whether all of it does, once.
///
/// # Errors
/// Something was not accepted.
pub async fn outage(peer: Peer, outage: Outage) -> Result<Value, String> {
    let disk_sync_ms = Chain::disk_sync_ms();
    let lasts = BEFORE + outage.down + BEHIND;
    let count = (lasts.as_secs_f64() * outage.per_second) as usize;
    let chain = Chain::behind_modem(peer).await;
    let (ends, reports) = (chain.ends(), Arc::new(Reports::Sized(400)));
    let reader = Reader::at_county(&ends, &reports, count).await;
    let publisher = Publisher::at_village(&ends, &reports).await;
    let rate = outage.per_second;
    let handing = tokio::spawn(async move { publisher.steadily(0..count, rate).await });
    tokio::time::sleep(BEFORE).await;
    chain.modem().set(outage.mode);
    tokio::time::sleep(outage.down).await;
    chain.modem().set(Mode::Pass);
    let heal = Instant::now();
    let handed = handing.await.map_err(|why| why.to_string())??;
    let complete = reader.until(count, PATIENCE).await;
    tokio::time::sleep(BETWEEN).await; // what comes twice may come late
    let read = reader.so_far();
    let waiting = handed.left.iter().filter(|left| **left < heal).count();
    let since = |at: Option<Instant>| at.map(|at| (at.max(heal) - heal).as_secs_f64());
    Ok(json!({
        "scenario": "outage", "peer": peer.to_string(), "link": outage.name(),
        "black_hole": outage.mode == Mode::BlackHole,
        "down_s": outage.down.as_secs_f64(), "per_second": rate, "complete": complete,
        "heal_to_first_s": since(read.first_after(heal)),
        "heal_to_backlog_s": since(read.all_of(waiting)),
        "after_heal_per_100_ms": read.by(Duration::from_millis(100), heal),
        "lost": read.missing(count), "duplicates": read.duplicates,
        "disk_sync_ms": disk_sync_ms,
    }))
}

/// Many cuts of one chain: how long after each the first report comes. A link that is tried again
/// at least once a second is in the same state after 5 s as after 20 s.
///
/// # Errors
/// Something was not accepted.
pub async fn heals(peer: Peer, outage: Outage, cuts: usize) -> Result<Value, String> {
    let chain = Chain::behind_modem(peer).await;
    let (ends, reports) = (chain.ends(), Arc::new(Reports::Sized(400)));
    let publisher = Publisher::at_village(&ends, &reports).await;
    let mut firsts = Vec::new();
    let mut lost = 0;
    // at 100 a second the backlog of a cut is gone within the pause behind it
    let per_cut = (outage.down + BETWEEN * 3).as_secs_f64() * outage.per_second;
    let mut numbers = 0;
    for _ in 0..cuts {
        let which = numbers..numbers + per_cut as usize;
        numbers = which.end;
        let reader = Reader::at_county(&ends, &reports, numbers).await;
        let (publisher, rate, own) = (publisher.clone(), outage.per_second, which.clone());
        let handing = tokio::spawn(async move { publisher.steadily(own, rate).await });
        tokio::time::sleep(BETWEEN).await;
        chain.modem().set(outage.mode);
        tokio::time::sleep(outage.down).await;
        chain.modem().set(Mode::Pass);
        let heal = Instant::now();
        handing.await.map_err(|why| why.to_string())??;
        reader.until(which.len(), PATIENCE).await;
        let read = reader.so_far();
        lost += which.len() - read.distinct;
        firsts.extend(read.first_after(heal).map(|first| first - heal));
    }
    Ok(json!({
        "scenario": "heals", "peer": peer.to_string(), "link": outage.name(), "cuts": cuts,
        "down_s": outage.down.as_secs_f64(), "came": firsts.len(), "lost": lost,
        "first_median_s": quantile::ms(&firsts, 0.5) / 1e3,
        "first_max_s": quantile::ms(&firsts, 1.0) / 1e3,
        "firsts_s": firsts.iter().map(Duration::as_secs_f64).collect::<Vec<_>>(),
    }))
}
