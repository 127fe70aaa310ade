//! Our own chain in two ways, by turns in one run: what something costs, as a ratio.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::chain::Chain;
use super::ends::Ends;
use super::quantile;
use super::speed::Flood;

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
    /// Floods both kinds of chain, one after the other and then the other way round, so many times:
    /// a machine that others use grows faster and slower. The ratio is that of the medians. `start`
    /// gives what keeps a chain going, with it or without it, and its ends.
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
        for turn in 0..self.runs.max(1) {
            let first = turn % 2 == 0;
            for with in [first, !first] {
                let (chain, ends) = start(with).await?;
                let took = flood.through(&ends).await?.took;
                per_s.entry(with).or_default().push(flood.count as f64 / took.as_secs_f64());
                drop(chain);
            }
        }
        let median = |with| per_s.get(&with).map_or(0.0, |figures| quantile::median(figures));
        let (with, without) = (median(true), median(false));
        let ratio = with / without;
        Ok(json!({
            "scenario": self.scenario, "peer": "yizhan", "count": flood.count, "size": flood.size,
            "publishers": flood.publishers, "window": flood.window, "runs": self.runs.max(1),
            "with_per_s": with, "without_per_s": without, "each_with_per_s": per_s.get(&true),
            "each_without_per_s": per_s.get(&false), "ratio": ratio, "goal": self.goal,
            "ok": ratio >= self.goal, "disk_sync_ms": disk_sync_ms,
        }))
    }
}
