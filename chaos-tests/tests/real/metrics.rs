//! A station's page of metrics, as Prometheus reads it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use chaos_tests::real::county::Plan;
use chaos_tests::real::programs;
use chaos_tests::real::publisher::{Event, accepted, connect, publish};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";

/// Checked by Prometheus's own tool: names, units, types and help lines.
#[tokio::test]
async fn promtool_takes_the_page_of_a_station_at_work() {
    let county = Plan::of(&[COUNTY, TOWN]).start().await;
    let nats = connect(county.station(TOWN)).await;
    let id = accepted(&publish(&nats, &Event::report(1)).await);
    crate::inbox::holds_exactly(county.station(COUNTY), &[id]).await;
    let Some(promtool) = programs::promtool() else { return };
    for code in [COUNTY, TOWN] {
        let station = county.station(code);
        let page = reqwest::get(format!("{}/metrics", station.url().unwrap())).await.unwrap();
        let page = page.text().await.unwrap();
        for name in ["yizhan_disk_free_bytes", "yizhan_spool_held_bytes", "yizhan_build_info"] {
            assert!(page.contains(&format!("\n{name}")), "{name} is missing at {code}");
        }
        let mut check = Command::new(&promtool)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        check.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let said = check.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success() && words.is_empty(), "{code}: {words}");
    }
}
