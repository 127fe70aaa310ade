//! What was handed over gives its room back; what is still owed, and what a retry is known by,
//! outlives the segment that it was in.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::inbox::holds_exactly;
use chaos_tests::real::county::Plan;
use chaos_tests::real::publisher::{Event, accepted, connect, publish};
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";
/// Longest spool, bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

fn large_report(n: usize) -> Event {
    let body = json!({
        "category": "道路交通", "severity": "general", "n": n,
        "description": "照片见附页", "page": "x".repeat(150_000),
        "occurred_at": "2026-11-23T08:30:00+08:00",
    });
    Event::new("incident.report", &body).keyed(&format!("k{n}"))
}

fn segments(data: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(data.join("spool")).unwrap().map(|entry| entry.unwrap());
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.ends_with(".seg").then(|| (name, entry.metadata().map_or(0, |about| about.len())))
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_spool_that_took_many_times_its_size_holds_little_and_has_lost_nothing() {
    let mut county = Plan::of(&[COUNTY, TOWN, VILLAGE]).start().await;
    county.station_mut(TOWN).terminate().await;
    let file = county.station(TOWN).dir.join("yizhan.toml");
    let mut settings = OpenOptions::new().append(true).open(file).unwrap();
    write!(settings, "[spool]\nsegment_bytes = \"1MiB\"\nmax_bytes = {MAX_BYTES}\n").unwrap();
    county.station_mut(TOWN).start();
    county.station_mut(TOWN).ready().await;
    let nats = connect(county.station(TOWN)).await;
    // one message is owed to a village that is away, and stands before all others
    county.station_mut(VILLAGE).terminate().await;
    let directive = accepted(&publish(&nats, &Event::directive(1, VILLAGE)).await);
    let mut ids = Vec::new();
    for n in 0..250 {
        // refused while the county is behind, which is no fault
        let answer = until(SOON, "room for a report", || async {
            let answer = publish(&nats, &large_report(n)).await;
            (answer["error"]["code"] != "spool_full").then_some(answer)
        })
        .await;
        ids.push(accepted(&answer));
    }
    holds_exactly(county.station(COUNTY), &ids).await;
    let data = county.station(TOWN).data();
    until(SOON, "the first segment is gone and the spool is small", || async {
        let there = segments(&data);
        let held: u64 = there.iter().map(|(_, bytes)| bytes).sum();
        let first = there.first().is_some_and(|(name, _)| name.starts_with("00000000000000000001"));
        (!first && held < MAX_BYTES / 2).then_some(())
    })
    .await;

    // a retry of the very first is known, also when the index has to be made anew
    for broken in [false, true] {
        county.station_mut(TOWN).terminate().await;
        if broken {
            fs::write(data.join("index/keys/conf"), b"noise").unwrap();
        }
        county.station_mut(TOWN).start();
        county.station_mut(TOWN).ready().await;
        let nats = connect(county.station(TOWN)).await;
        let again = publish(&nats, &large_report(0)).await;
        assert_eq!((&again["duplicate"], &again["id"]), (&json!(true), &json!(ids[0])), "{again}");
    }
    county.station_mut(VILLAGE).start();
    county.station_mut(VILLAGE).ready().await;
    holds_exactly(county.station(VILLAGE), [&directive]).await;
    holds_exactly(county.station(COUNTY), &ids).await;
}
