//! [`Governed`]: what a page shows of matters and of what was counted. Made anew only when
//! something changed, since it may be large.

use std::sync::Arc;

use yizhan_schemas::MessageId;
use yizhan_schemas::payload::stats::Family;

use super::Station;
use crate::matter::{Moment, Stage};
use crate::tally::Tally;

/// Most matters that a page shows.
pub const SHOWN_MAX: usize = 1000;

/// Matters and counts at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Governed {
    /// What was counted.
    pub tally: Tally,
    /// How deep below the root the station is.
    pub depth: u8,
    /// Matters that are followed one by one: at most [`SHOWN_MAX`].
    pub matters: Vec<MatterView>,
    /// How many are followed.
    pub live: u64,
    /// Reports that nobody has touched, beside those.
    pub untouched: u64,
    /// Messages that wait for their subject or their hour.
    pub parked: u64,
}

/// One matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterView {
    /// What it goes by here.
    pub id: MessageId,
    /// What it is.
    pub family: Family,
    /// What it is counted under.
    pub category: String,
    /// How far it has come.
    pub stage: Stage,
    /// Since when.
    pub since: Moment,
    /// Attempts recorded on this tier.
    pub attempts: usize,
    /// True once a deadline was missed.
    pub missed: bool,
    /// What it goes by on the tier above.
    pub above: Option<MessageId>,
}

impl Station {
    /// What to show of matters; the same as before if nothing changed.
    pub(super) fn governed(&mut self) -> Arc<Governed> {
        if self.governed_changed {
            self.governed_changed = false;
            let matters = &self.kept.matters;
            let shown = matters.live().take(SHOWN_MAX).map(|(id, matter)| MatterView {
                id: id.clone(),
                family: matter.family,
                category: matter.category.clone(),
                stage: matter.stage,
                since: matter.since,
                attempts: matter.attempts.len(),
                missed: matter.missed,
                above: matter.above.clone(),
            });
            self.governed = Arc::new(Governed {
                tally: self.kept.tally.clone(),
                depth: self.depth(),
                matters: shown.collect(),
                live: matters.live_len() as u64,
                untouched: matters.untouched_len(),
                parked: matters.parked().count() as u64,
            });
        }
        Arc::clone(&self.governed)
    }
}
