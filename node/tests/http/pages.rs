//! What there is to read.

use serde_json::json;

use super::house::{open, parts};

#[tokio::test]
async fn pages_come_from_the_station() {
    let house = open().await;
    for (path, page) in [
        ("/v1/stations", json!([{ "code": "510722" }])),
        ("/v1/stations/510722", json!({ "code": "510722" })),
        ("/v1/devices/horn-1", json!({ "id": "horn-1" })),
        ("/v1/messages/510722-b7k2qf-r1", json!({ "id": "510722-b7k2qf-r1", "waited_ms": null })),
        (
            "/v1/messages/510722-b7k2qf-r1?wait=delivered",
            json!({ "id": "510722-b7k2qf-r1", "waited_ms": 10_000 }),
        ),
        (
            "/v1/messages/510722-b7k2qf-r1?wait=delivered&timeout=2s",
            json!({ "id": "510722-b7k2qf-r1", "waited_ms": 2000 }),
        ),
        (
            "/v1/messages?kind=incident.report&state=open",
            json!({ "messages": [], "asked": { "kind": "incident.report", "state": "open" } }),
        ),
        ("/healthz", json!({ "alive": true })),
    ] {
        let answer = house.get(path).send().await.unwrap();
        assert_eq!(parts(answer).await, (200, "application/json".to_owned(), page), "{path}");
    }
}

#[tokio::test]
async fn a_station_that_does_not_accept_is_alive_but_not_ready() {
    let house = open().await;
    let (status, _, page) = parts(house.get("/readyz").send().await.unwrap()).await;
    assert_eq!((status, page), (200, json!({ "ready": true, "reasons": [] })));
    house.unready.lock().unwrap().push("the spool is full".to_owned());
    let (status, _, page) = parts(house.get("/readyz").send().await.unwrap()).await;
    assert_eq!((status, page), (503, json!({ "ready": false, "reasons": ["the spool is full"] })));
    assert_eq!(house.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn metrics_are_in_prometheus_text() {
    let house = open().await;
    let answer = house.get("/metrics").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let page = answer.text().await.unwrap();
    assert!(page.contains("# TYPE yizhan_taken_total counter\nyizhan_taken_total 7\n"), "{page}");
}

#[tokio::test]
async fn the_description_is_the_file_that_is_checked_in() {
    let house = open().await;
    let (status, kind, page) = parts(house.get("/openapi.json").send().await.unwrap()).await;
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    assert_eq!(page["openapi"], "3.1.0");
    let root = house.get("/").send().await.unwrap().text().await.unwrap();
    assert_eq!(root.lines().count(), 1);
    assert!(root.contains("/openapi.json"), "{root}");
}

#[tokio::test]
async fn a_search_for_what_cannot_be_says_which_member_is_wrong() {
    let house = open().await;
    let answer = house.get("/v1/messages?since=yesterday").send().await.unwrap();
    let (status, _, problem) = parts(answer).await;
    assert_eq!((status, &problem["code"]), (400, &json!("schema_invalid")));
    assert_eq!(problem["detail"], "query since: no such time");
}
