//! What a village's node needs when nothing happens.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chain::{Chain, Hop, Part};
use super::cost::{exact_cpu_s, pss_mib};
use super::peer::Peer;

/// What a start leaves to do is done by then.
const SETTLE: Duration = Duration::from_secs(10);

/// Watches a village whose link is up for that long.
///
/// # Errors
/// Its process is gone.
pub async fn idle(lasts: Duration) -> Result<Value, String> {
    let chain = Chain::start(Peer::Yizhan).await;
    tokio::time::sleep(SETTLE).await;
    let pid = |part| chain.pid(Hop::Village, part).ok_or("the village's process is gone");
    let (node, bus) = (pid(Part::Node)?, pid(Part::Bus)?);
    let before = [node, bus].map(exact_cpu_s);
    let began = Instant::now();
    tokio::time::sleep(lasts).await;
    let took = began.elapsed().as_secs_f64();
    let share = |pid, before| 100.0 * (exact_cpu_s(pid) - before) / took;
    let [node_before, bus_before] = before;
    Ok(json!({
        "scenario": "idle", "peer": Peer::Yizhan.to_string(), "watched_s": took,
        "node_pss_mib": pss_mib(node), "node_cpu_percent": share(node, node_before),
        "bus_pss_mib": pss_mib(bus), "bus_cpu_percent": share(bus, bus_before),
    }))
}
