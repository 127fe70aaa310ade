//! Our own chain in two ways, by turns in one run: what something costs, as a ratio.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::chain::Chain;
use super::ends::Ends;
use super::quantile;
use super::speed::Flood;

/// After a flood: what it left to be done is done.
const SETTLES: Duration = Duration::from_millis(500);

/// Pairs of floods through the same two chains. What a station puts into an inbox whose server others
/// run is surely synced after two minutes, and 131,072 messages may wait for that.
const PAIRS: usize = 4;

/// What is compared.
pub(super) struct Turns {
    /// What results are called by.
    pub(super) scenario: &'static str,
    /// What the chain with it must reach of the one without.
    pub(super) goal: f64,
    /// Times that each is measured.
    pub(super) runs: usize,
}

impl Turns {
    /// Starts a chain with it and one without it, and floods them by turns, in changing order, so
    /// many times. A machine that others use grows faster and slower within a minute, so two floods
    /// that follow each other are compared: the ratio is the median of those pairs. `start` gives
    /// what keeps a chain going, with it or without it, and its ends.
    ///
    /// # Errors
    /// Something was not accepted, or did not come.
    pub(super) async fn flood<K>(
        self,
        flood: Flood,
        start: impl AsyncFn(bool) -> Result<(K, Ends), String>,
    ) -> Result<Value, String> {
        let disk_sync_ms = Chain::disk_sync_ms();
        let mut per_s: BTreeMap<bool, Vec<f64>> = BTreeMap::new();
        let mut left = self.runs.max(1);
        while left > 0 {
            let (_with, with_ends) = start(true).await?;
            let (_without, without_ends) = start(false).await?;
            let pairs = left.min(PAIRS);
            left -= pairs;
            // the first flood of each finds cold caches
            for turn in 0..=pairs {
                let first = turn % 2 == 0;
                for with in [first, !first] {
                    let ends = if with { &with_ends } else { &without_ends };
                    let took = flood.through(ends).await?.took;
                    if turn > 0 {
                        let figures = per_s.entry(with).or_default();
                        figures.push(flood.count as f64 / took.as_secs_f64());
                    }
                    tokio::time::sleep(SETTLES).await;
                }
            }
        }
        let of = |with| per_s.get(&with).map_or(&[][..], Vec::as_slice);
        let (with, without) = (of(true), of(false));
        let ratios: Vec<f64> =
            with.iter().zip(without).map(|(with, without)| with / without).collect();
        let ratio = quantile::median(&ratios);
        Ok(json!({
            "scenario": self.scenario, "peer": "yizhan", "count": flood.count, "size": flood.size,
            "publishers": flood.publishers, "window": flood.window, "runs": self.runs.max(1),
            "with_per_s": quantile::median(with), "without_per_s": quantile::median(without),
            "ratios": ratios, "ratio": ratio, "goal": self.goal, "ok": ratio >= self.goal,
            "disk_sync_ms": disk_sync_ms,
        }))
    }
}
