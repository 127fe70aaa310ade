//! A thin line: a backlog of real reports comes through it, and flash reports overtake.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::Chain;
use super::modem::{Direction, Mode, Shape};
use super::peer::Peer;
use super::publisher::Publisher;
use super::quantile;
use super::reader::Reader;
use super::reports::Reports;

/// From one end of the line to the other.
const DELAY: Duration = Duration::from_millis(150);
/// Flash reports, this long apart, from when a quarter of the backlog has come.
const FLASHES: usize = 3;
const FLASH_EVERY: Duration = Duration::from_secs(1);
/// Nothing comes for so long over the thinnest of lines: nothing more will.
const PATIENCE: Duration = Duration::from_secs(150);
/// What was under way when the line went has come, or is lost, by then.
const UNDER_WAY: Duration = Duration::from_millis(500);
/// How a frame with a batch begins, in MessagePack: `Frame::Batch` by its name.
const BATCH: &[u8] = b"\x81\xa5batch";

/// What the line and the backlog are.
#[derive(Debug, Clone, Copy)]
pub struct Thin {
    /// Of the line.
    pub kbit_per_s: f64,
    /// Reports that wait when the line comes.
    pub backlog: usize,
    /// Whether each names a trace of its own.
    pub traced: bool,
}

/// Fills the village while its line is away, then lets the thin one come.
///
/// # Errors
/// Something was not accepted, or nothing comes any more.
pub async fn thin(peer: Peer, thin: Thin) -> Result<Value, String> {
    let Thin { kbit_per_s, backlog, traced } = thin;
    let disk_sync_ms = Chain::disk_sync_ms();
    let reports = Arc::new(Reports::calls(backlog + FLASHES)?);
    let chain = Chain::behind_modem(peer).await;
    let (ends, modem) = (chain.ends(), chain.modem());
    let reader = Reader::at_county(&ends, &reports, backlog + FLASHES).await;
    let publisher = Publisher::at_village(&ends, &reports).await.traced(traced);
    modem.set(Mode::Refuse);
    tokio::time::sleep(UNDER_WAY).await;
    publisher.flood(0..backlog, 256).await?;
    let shape = Shape::of_kbit(kbit_per_s, DELAY);
    modem.shape(shape);
    modem.count_anew(BATCH);
    modem.set(Mode::Pass);
    let heal = Instant::now();
    let begun = reader.until(backlog.div_ceil(4), PATIENCE).await;
    let mut left = Vec::new();
    while begun && left.len() < FLASHES && (left.is_empty() || reader.distinct() < backlog) {
        let next = tokio::time::Instant::now() + FLASH_EVERY;
        left.push(publisher.flash(backlog + left.len()).await?);
        tokio::time::sleep_until(next).await;
    }
    let handed = backlog + left.len();
    let complete = begun && reader.until(handed, PATIENCE).await;
    let (read, up, down) =
        (reader.so_far(), modem.tally(Direction::Up), modem.tally(Direction::Down));
    let flashes: Vec<Duration> = left
        .iter()
        .zip(read.came.iter().skip(backlog))
        .filter_map(|(left, came)| came.map(|came| came - *left))
        .collect();
    // a peer's batches cannot be told from its greetings: its clock starts with those
    let (first_byte, before) =
        up.marked.or(up.first.map(|first| (first, 0))).map_or((heal, 0), |(at, n)| (at.into(), n));
    let since = |then: Instant, at: Option<Instant>| at.map(|at| (at - then).as_secs_f64());
    let drain_s = since(first_byte, read.all_of(backlog));
    let line_s = (up.bytes - before) as f64 / (kbit_per_s * 125.0);
    let payload = reports.bytes(handed) as f64;
    Ok(json!({
        "scenario": "thin", "peer": peer.to_string(), "kbit_per_s": kbit_per_s,
        "backlog": backlog, "traced": traced, "complete": complete,
        "wire_per_payload": up.bytes as f64 / payload,
        "wire_up_bytes": up.bytes, "wire_down_bytes": down.bytes, "payload_bytes": payload,
        "bytes_before_batch": before,
        "heal_to_batch_s": (first_byte - heal).as_secs_f64(),
        "heal_to_first_s": since(heal, read.first_after(heal)),
        "heal_to_last_s": since(heal, read.all_of(backlog)),
        "drain_s": drain_s, "line_s": line_s,
        "drain_per_line": drain_s.map(|drain| drain / line_s),
        "flashes": left.len(), "flashes_came": flashes.len(),
        "flash_median_s": quantile::ms(&flashes, 0.5) / 1e3,
        "flash_max_s": quantile::ms(&flashes, 1.0) / 1e3,
        "lost": read.missing(handed), "duplicates": read.duplicates,
        "disk_sync_ms": disk_sync_ms,
    }))
}
