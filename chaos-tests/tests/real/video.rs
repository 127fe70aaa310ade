//! Cameras and who may command them: by their jurisdiction, wherever they hang.

use crate::inbox::holds_exactly;
use async_nats::Client;
use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::publisher::{Event, accepted, connect, publish, settled};
use chaos_tests::real::station::signal;
use chaos_tests::real::until::{SOON, until};
use futures::StreamExt as _;
use rustix::process::Signal;
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
    settled(nats).await;
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

/// The outcome, the answer, and of a rejection how its reason begins.
fn said(target: &Value) -> (&str, Option<&str>, &str) {
    let detail = target["detail"].as_str().filter(|_| target["outcome"] == "rejected");
    let first = detail.and_then(|detail| detail.split(':').next()).unwrap_or_default();
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

#[tokio::test]
async fn what_the_county_opened_is_closed_by_its_stop_and_by_nobody_elses() {
    let plan = Plan::of(&[COUNTY, TOWN, WEST]).listing(COUNTY, &rows());
    let county = plan.start().await;
    let nats = connect(county.station(COUNTY)).await;
    let mut asked = adapter(&nats).await;
    let at = |what: &str, params: Value| {
        let body = json!({ "device_id": GATE, "command": what, "params": params });
        Event::new("video.dispatch", &body).with("Yz-To", COUNTY)
    };
    let (session, target) = ends(&county, TOWN, &at("open", json!({}))).await;
    let note: Value = serde_json::from_str(target["detail"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&note["session"], &note["url"]),
        (&json!(session), &json!("rtsp://127.0.0.1/gate"))
    );
    let open = async || county.station(COUNTY).metric("yizhan_sessions_open", "").await;
    assert_eq!(open().await, Some(1.0));
    let (_, target) = ends(&county, WEST, &at("stop", json!({ "session": session }))).await;
    assert_eq!(said(&target), ("rejected", None, "forbidden"), "{target}");
    assert_eq!(open().await, Some(1.0));
    let (_, target) = ends(&county, TOWN, &at("stop", json!({}))).await;
    assert_eq!(said(&target), ("delivered", Some("completed"), ""), "{target}");
    assert_eq!(open().await, Some(0.0));
    let mut commands = Vec::new();
    while let Ok((_, request)) = asked.try_recv() {
        commands.push((request["command"].clone(), request["params"]["session"].clone()));
    }
    assert_eq!(commands, [(json!("open"), json!(session)), (json!("stop"), json!(session))]);
}

#[tokio::test]
async fn a_broadcast_is_said_where_loudspeakers_hang_and_read_where_none_do() {
    let horns =
        format!("horn-1,x,loudspeaker,应急广播,{WEST},\nhorn-2,x,loudspeaker,应急广播,{WEST},\n");
    let county = Plan::of(&[COUNTY, TOWN, WEST]).listing(WEST, &horns).start().await;
    let nats = connect(county.station(WEST)).await;
    let mut requests = nats.subscribe("yz.broadcast.*").await.unwrap();
    settled(&nats).await;
    let answering = tokio::spawn(async move {
        let mut said = Vec::new();
        while said.len() < 2 {
            let request = requests.next().await.unwrap();
            nats.publish(request.reply.unwrap(), r#"{"ok":true}"#.into()).await.unwrap();
            said.push(request.subject.to_string());
        }
        nats.flush().await.unwrap();
        said.sort();
        said
    });
    let body = json!({ "title": "转移", "text": "立即转移", "status": "Exercise" });
    let event = Event::new("broadcast.issue", &body).with("Yz-To", "510722.>");
    let id = accepted(&publish(&connect(county.station(COUNTY)).await, &event).await);
    let said = tokio::time::timeout(SOON, answering).await.unwrap().unwrap();
    assert_eq!(said, ["yz.broadcast.horn-1", "yz.broadcast.horn-2"]);
    for (code, there) in [(COUNTY, vec![id.clone()]), (TOWN, vec![id.clone()]), (WEST, vec![])] {
        holds_exactly(county.station(code), &there).await;
    }
    let station = county.station(COUNTY);
    let page = until(SOON, "the county knows of all three", || async {
        let url = format!("{}/v1/messages/{id}", station.url()?);
        let page: Value = station.http.get(url).send().await.ok()?.json().await.ok()?;
        (page["grade"] == "delivered").then_some(page)
    });
    let page = page.await;
    let targets = page["targets"].as_array().unwrap();
    let west = targets.iter().find(|target| target["station"] == WEST).unwrap();
    assert_eq!(
        (&west["answer"], &west["detail"]),
        (&json!("completed"), &json!(r#"{"loudspeakers":"2/2"}"#))
    );
    // the loudspeakers are taken down: from then on people read what is said
    let west = county.station(WEST);
    std::fs::write(west.dir.join("catalogue.csv"), "id,name,kind,network,jurisdiction\n").unwrap();
    signal(west.pid().unwrap(), Signal::HUP);
    until(SOON, "the village knows of no loudspeaker any more", || async {
        let here = west.metric("yizhan_catalogue_loudspeakers_here", "").await?;
        (here == 0.0).then_some(())
    })
    .await;
    assert_eq!(west.metric("yizhan_catalogue_changes_total", "removed").await, Some(2.0));
    let id = accepted(&publish(&connect(county.station(COUNTY)).await, &event).await);
    holds_exactly(west, &[id]).await;
}
