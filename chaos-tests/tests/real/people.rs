//! Directives to posts and workers of a village: who is meant, who is not there, and who hears so.

use std::process::Command;

use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::programs;
use chaos_tests::real::publisher::{Event, accepted, connect, post, publish};
use chaos_tests::real::station::signal;
use chaos_tests::real::until::{SOON, until};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::inbox::holds_exactly;

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const WEST: &str = "510722.101.002";

const ROSTER: &str = "[[post]]\nrole = '综治委员'\nholder = 'zw-001'\nname = '张三'\n\
    [[post]]\nrole = '调解员'\n[[worker]]\nid = 'gw-0007'\nname = '李四'\n";

/// What the origin's page says of a message once it has ended at its one target.
async fn page(county: &County, id: &str) -> Value {
    until(SOON, format!("{id} ends"), || async {
        let station = county.station(COUNTY);
        let url = format!("{}/v1/messages/{id}", station.url()?);
        let page: Value = station.http.get(url).send().await.ok()?.json().await.ok()?;
        (!page["targets"][0]["outcome"].is_null()).then_some(page)
    })
    .await
}

#[tokio::test]
async fn a_directive_to_a_post_names_its_holder_and_a_vacant_one_is_seen_by_its_issuer() {
    let plan = Plan::of(&[COUNTY, TOWN, WEST]).with_roster(WEST, ROSTER);
    let county = plan.start().await;
    let west = county.station(WEST);
    let nats = connect(county.station(COUNTY)).await;
    let to = |whom: &str| format!("{whom}@{WEST}");
    let held = to("role:综治委员");
    let held = accepted(&publish(&nats, &Event::directive(1, &held)).await);
    // as ASCII, over both ways in
    let vacant = to("role:%E8%B0%83%E8%A7%A3%E5%91%98");
    let vacant = Event::directive(2, &vacant);
    let over_nats = accepted(&publish(&nats, &vacant).await);
    let over_http = accepted(&post(county.station(COUNTY), &vacant, "1").await.1);
    let worker = accepted(&publish(&nats, &Event::directive(3, &to("worker:gw-0007"))).await);
    let nobody = accepted(&publish(&nats, &Event::directive(4, &to("worker:gw-9"))).await);
    let elsewhere = Event::directive(5, &format!("role:综治委员@{TOWN}"));
    let elsewhere = accepted(&publish(&nats, &elsewhere).await);
    let all = [&held, &over_nats, &over_http, &worker, &nobody];
    let inbox = holds_exactly(west, all).await;
    for (id, addressee, is_vacant, detail) in [
        (&held, Some("zw-001"), None, None),
        (&over_nats, None, Some("1"), Some("post vacant: 调解员")),
        (&over_http, None, Some("1"), Some("post vacant: 调解员")),
        (&worker, Some("gw-0007"), None, None),
        (&nobody, None, Some("1"), Some("worker not listed: gw-9")),
    ] {
        let message = inbox.iter().find(|message| message.id() == id).unwrap();
        let header = |name: &str| message.headers.get(name).map(String::as_str);
        assert_eq!((header("Yz-Addressee"), header("Yz-Vacant")), (addressee, is_vacant), "{id}");
        assert!(header("Yz-To").unwrap().is_ascii(), "{id}");
        let page = page(&county, id).await;
        assert_eq!(page["targets"][0]["outcome"], "delivered", "{page}");
        assert_eq!(page["targets"][0]["detail"].as_str(), detail, "{page}");
    }
    assert_eq!(page(&county, &over_nats).await["to"], to("role:调解员"), "plain in JSON");
    let detail = page(&county, &elsewhere).await["targets"][0]["detail"].clone();
    assert!(detail.as_str().is_some_and(|it| it.starts_with("no roster here")), "{detail}");
}

#[tokio::test]
async fn a_roster_is_read_again_while_its_station_runs_and_shown_without_names() {
    let plan = Plan::of(&[COUNTY, TOWN, WEST]).with_roster(WEST, ROSTER);
    let county = plan.start().await;
    let west = county.station(WEST);
    let vacant = async |wanted: f64| {
        until(SOON, format!("{wanted} vacant posts"), || async {
            let found = west.metric("yizhan_roster_posts_vacant", "").await?;
            (found == wanted).then_some(())
        })
        .await;
    };
    vacant(1.0).await;
    let filled = ROSTER.replace("'调解员'\n", "'调解员'\nholder = 'tj-002'\nname = '王五'\n");
    std::fs::write(west.dir.join("roster.toml"), filled).unwrap();
    signal(west.pid().unwrap(), Signal::HUP);
    vacant(0.0).await;
    let nats = connect(county.station(COUNTY)).await;
    let event = Event::directive(1, &format!("role:调解员@{WEST}"));
    let id = accepted(&publish(&nats, &event).await);
    let inbox = holds_exactly(west, [&id]).await;
    assert_eq!(inbox[0].header("Yz-Addressee"), "tj-002");
    let url = format!("{}/v1/roster", west.url().unwrap());
    let shown: Value = west.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        shown,
        json!({
            "station": WEST, "vacant": 0,
            "posts": [
                { "role": "综治委员", "holder": "zw-001", "name": "***" },
                { "role": "调解员", "holder": "tj-002", "name": "***" },
            ],
            "workers": [{ "id": "gw-0007", "name": "***" }],
        })
    );
    let printed = Command::new(programs::yizhan())
        .args(["roster", "show", "--lang", "en", "--server", &west.url().unwrap()])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(
        printed.contains(&format!("role:调解员@{WEST}")) && printed.contains("tj-002"),
        "{printed}"
    );
    for name in ["张三", "李四", "王五"] {
        assert!(!printed.contains(name), "{printed}");
        assert!(!west.log_text().contains(name), "{name} is nobody's business in a log");
    }
}
