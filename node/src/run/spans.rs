//! What makes spans of this station's messages, and what carries them out.

use std::sync::Arc;

use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::outbound::Outbound;
use yizhan_schemas::{Lane, PerLane};

use super::RunError;
use super::parts::Parts;
use crate::telemetry::spans::{self, Exporter, Ride, SpanFeed, TracerPlan};

impl Parts {
    /// Starts what makes spans and what carries them out: to a collector, or to the parent.
    pub(super) fn spans(&mut self) -> Result<SpanFeed, RunError> {
        let telemetry = &self.config.telemetry;
        let topology = Arc::clone(&self.topology);
        let files = self.config.tls.files();
        match Exporter::of(telemetry, files.as_ref(), self.shelf.clone(), topology)? {
            Some(exporter) => {
                self.shelf.want(true);
                self.tasks.spawn(async {
                    exporter.run().await;
                    ("spans", Ok(()))
                });
            }
            None => {
                let (ride, mailbox) = (Ride::of(self.shelf.clone()), self.mailbox.clone());
                self.tasks.spawn(async {
                    ride.run(mailbox).await;
                    ("spans", Ok(()))
                });
            }
        }
        let plan = TracerPlan {
            here: self.here().clone(),
            parent: self.topology.parent(self.here()).cloned(),
            sample: telemetry.sample,
            acked: self.store.kept.as_ref().map(acked).unwrap_or_default(),
            legs: Arc::clone(&self.store.legs),
            waits: {
                let outages = self.outages.clone();
                Box::new(move |link, from_ms, to_ms| outages.waits(link, from_ms, to_ms))
            },
            shelf: self.shelf.clone(),
        };
        spans::start(plan).map_err(RunError::Runtime)
    }
}

/// The last leg of each lane that is handed over.
fn acked(kept: &Kept) -> Vec<((Link, Lane), u64)> {
    let lanes = |(link, lanes): (&Link, &PerLane<Outbound>)| {
        Lane::ALL.map(|lane| ((link.clone(), lane), lanes.get(lane).acked))
    };
    kept.outbound.iter().flat_map(lanes).collect()
}
