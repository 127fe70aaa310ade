//! [`Chain`]: a county, a township and a village, real processes on loopback.

use std::time::{Duration, Instant};

use crate::real::county::{County, Plan};
use crate::real::place::Place;
use crate::real::until::{SOON, until};

/// The stations, the county first.
pub const CODES: [&str; 3] = ["510722", "510722.101", "510722.101.001"];

/// A running chain. Dropping it ends its processes.
pub struct Chain {
    county: County,
}

impl Chain {
    /// Starts one, and waits until its links are up.
    pub async fn start() -> Self {
        let county = Plan::of(&CODES).start().await;
        let chain = Self { county };
        for code in CODES.iter().skip(1) {
            let place = chain.county.station(code);
            let what = format!("the link of {code} is up");
            until(SOON, what, || async {
                let up = place.metric("yizhan_link_up", "link=\"up\"").await?;
                (up > 0.0).then_some(())
            })
            .await;
        }
        chain
    }

    /// Where reports end.
    pub fn top(&self) -> &Place {
        self.county.station("510722")
    }

    /// Where they begin.
    pub fn village(&self) -> &Place {
        self.county.station("510722.101.001")
    }

    /// All of its stations.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.county.stations.values().map(|station| &**station)
    }

    /// Processes of nodes, and of their buses.
    pub fn pids(&self) -> (Vec<u32>, Vec<u32>) {
        let nodes = self.county.stations.values().filter_map(|station| station.pid()).collect();
        (nodes, self.places().filter_map(Place::bus_pid).collect())
    }

    /// What an append of 400 bytes and a sync cost on this disk right now, median, milliseconds.
    pub fn disk_sync_ms(&self) -> f64 {
        let path = self.village().dir.join("probe");
        let probe = || -> std::io::Result<Vec<Duration>> {
            use std::io::Write as _;
            let mut file = std::fs::File::create(&path)?;
            let mut took = Vec::new();
            for _ in 0..200 {
                let began = Instant::now();
                file.write_all(&[b'x'; 400])?;
                file.sync_data()?;
                took.push(began.elapsed());
            }
            std::fs::remove_file(&path)?;
            Ok(took)
        };
        let took = probe().unwrap_or_default();
        super::quantile::ms(&took, 0.5)
    }
}
