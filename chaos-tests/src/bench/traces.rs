//! What traces cost: the same chain with a collector and the default share of traces, and without
//! one, by turns in one run. The collector runs on the same machine, so its work counts too.

use serde_json::Value;

use super::chain::{Hop, link_is_up};
use super::ends::{Ends, Speaks};
use super::speed::Flood;
use super::turns::Turns;
use crate::real::collector::Collector;
use crate::real::county::{County, Plan};
use crate::real::until::{SOON, until};

/// What the chain with traces must reach of the one without.
const GOAL: f64 = 0.95;

/// What traces cost.
///
/// # Errors
/// Something was not accepted, or did not come.
pub async fn traces(flood: Flood, runs: usize) -> Result<Value, String> {
    let start = async |traced| {
        let (county, collector) = chain(traced).await;
        let bus = |hop: Hop| county.station(hop.code()).bus.clone();
        let ends = Ends::open(bus(Hop::Village), bus(Hop::County), Speaks::OURS);
        Ok(((county, collector), ends))
    };
    Turns { scenario: "traces", goal: GOAL, runs }.flood(flood, start).await
}

async fn chain(traced: bool) -> (County, Option<Collector>) {
    let mut plan = Plan::of(&[Hop::County, Hop::Township, Hop::Village].map(Hop::code));
    let mut collector = None;
    if traced {
        let started = Collector::start_silent().await;
        let name = "YIZHAN__TELEMETRY__OTLP_ENDPOINT";
        plan = plan.with_env(Hop::County.code(), name, &started.http());
        collector = Some(started);
    }
    let county = plan.start().await;
    for hop in [Hop::Township, Hop::Village] {
        let station = county.station(hop.code());
        link_is_up(station).await;
        if traced {
            until(SOON, "every station makes spans", || async {
                station.metric("yizhan_spans_wanted", "").await.filter(|wanted| *wanted > 0.0)
            })
            .await;
        }
    }
    (county, collector)
}
