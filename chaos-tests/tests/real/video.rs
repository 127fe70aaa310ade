//! Cameras and who may command them: by their jurisdiction, wherever they hang.

use async_nats::Client;
use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::publisher::{Event, accepted, connect, publish};
use chaos_tests::real::until::{SOON, until};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const WEST: &str = "510722.101.002";
const OTHER_TOWN: &str = "510722.104";
const HILL: &str = "510722.104.003";

/// Cameras of the west village that hang at the county: one whose adapter answers, one that is
/// stuck, one that nobody answers for.
const GATE: &str = "51072210001320000001";
const STUCK: &str = "51072210001320000002";
const LONELY: &str = "51072210001320000003";
/// A camera that no catalogue knows.
const NONE: &str = "51072210001320000009";

fn rows() -> String {
    [GATE, STUCK, LONELY].map(|id| format!("{id},x,camera,天网,{WEST},{COUNTY}\n")).concat()
}

/// Answers for the gate and the stuck camera on a bus, and tells what it was asked.
async fn adapter(nats: &Client) -> mpsc::UnboundedReceiver<(String, Value)> {
    let (tell, asked) = mpsc::unbounded_channel();
    for (device, reply) in [
        (GATE, json!({ "ok": true, "result": { "url": "rtsp://127.0.0.1/gate" } })),
        (STUCK, json!({ "ok": false, "code": "failed", "error": "it is stuck" })),
    ] {
        let mut requests = nats.subscribe(format!("yz.video.{device}")).await.unwrap();
        let (nats, tell, reply) = (nats.clone(), tell.clone(), reply.to_string());
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let body = serde_json::from_slice(&request.payload).unwrap();
                tell.send((device.to_owned(), body)).unwrap();
                nats.publish(request.reply.unwrap(), reply.clone().into()).await.unwrap();
            }
        });
    }
    nats.flush().await.unwrap();
    asked
}

fn command(device: &str, command: &str) -> Event {
    Event::new("video.dispatch", &json!({ "device_id": device, "command": command }))
}

/// How a command of a station ends at its one target.
async fn ends(county: &County, origin: &str, event: &Event) -> (String, Value) {
    let station = county.station(origin);
    let id = accepted(&publish(&connect(station).await, event).await);
    let what = format!("{id} ends");
    let target = until(SOON, what, || async {
        let url = format!("{}/v1/messages/{id}", station.url()?);
        let page: Value = station.http.get(url).send().await.ok()?.json().await.ok()?;
        (!page["targets"][0]["outcome"].is_null()).then(|| page["targets"][0].clone())
    });
    (id.clone(), target.await)
}

/// The outcome, the answer, and how the detail begins.
fn said(target: &Value) -> (&str, Option<&str>, &str) {
    let detail = target["detail"].as_str().unwrap_or_default();
    let first = detail.split(':').next().unwrap_or_default();
    (target["outcome"].as_str().unwrap(), target["answer"].as_str(), first)
}

#[tokio::test]
async fn a_camera_at_the_county_obeys_those_above_its_village_and_each_refusal_is_told_apart() {
    let plan = Plan::of(&[COUNTY, TOWN, OTHER_TOWN, WEST, HILL]);
    let county = plan.listing(COUNTY, &rows()).listing(TOWN, &rows()).start().await;
    let nats = connect(county.station(COUNTY)).await;
    let mut asked = adapter(&nats).await;
    // without an address: the township's catalogue knows where it hangs
    let (opened, target) = ends(&county, TOWN, &command(GATE, "open")).await;
    assert_eq!(said(&target), ("delivered", Some("completed"), ""), "{target}");
    assert_eq!(target["station"], COUNTY);
    let at = |device, what| command(device, what).with("Yz-To", COUNTY);
    let (own, target) = ends(&county, WEST, &at(GATE, "snapshot")).await;
    assert_eq!(said(&target), ("delivered", Some("completed"), ""), "{target}");
    let (stuck, target) = ends(&county, WEST, &at(STUCK, "snapshot")).await;
    assert_eq!(said(&target), ("delivered", Some("failed"), ""), "{target}");
    for (origin, event, outcome, why) in [
        (HILL, at(GATE, "open"), "rejected", "forbidden"),
        (OTHER_TOWN, at(GATE, "open"), "rejected", "forbidden"),
        (TOWN, at(NONE, "open"), "rejected", "no_such_device"),
        (TOWN, at(LONELY, "open"), "rejected", "no_adapter"),
        (TOWN, at(GATE, "open").with("Yz-Ttl", "1ms"), "expired", ""),
    ] {
        let (_, target) = ends(&county, origin, &event).await;
        assert_eq!(said(&target), (outcome, None, why), "{target}");
    }
    // nothing else came as far as a device
    let mut came = Vec::new();
    while let Ok((device, request)) = asked.try_recv() {
        came.push((device, request["id"].as_str().unwrap().to_owned()));
    }
    let wanted = [(GATE, opened), (GATE, own), (STUCK, stuck)];
    assert_eq!(came, wanted.map(|(device, id)| (device.to_owned(), id)));
    let refused = county.station(COUNTY).metric("yizhan_attempts_total", "forbidden").await;
    assert_eq!(refused, Some(2.0));
}
