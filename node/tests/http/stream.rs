//! Server-sent events.

use serde_json::json;
use yizhan::http::stream::STREAMS_MAX;
use yizhan::http::{StreamEvent, Topic};

use super::house::{STREAM_EVENTS, open};

/// Reads until that many events are there.
async fn events(answer: &mut reqwest::Response, count: usize) -> Vec<String> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        text += std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap();
    }
    text.split_terminator("\n\n").map(str::to_owned).collect()
}

#[tokio::test]
async fn what_happens_is_heard_by_every_listener() {
    let house = open().await;
    let mut one = house.get("/v1/stream").send().await.unwrap();
    let mut two = house.get("/v1/stream").send().await.unwrap();
    assert_eq!(one.headers()["content-type"], "text/event-stream");
    for (topic, data) in [
        (Topic::Taken, json!({ "id": "510722-b7k2qf-r1", "text": "两\n行" })),
        (Topic::HandedOver, json!({})),
        (Topic::Delivered, json!({})),
        (Topic::Link, json!({ "up": true })),
    ] {
        house.stream.send(StreamEvent::new(topic, &data)).unwrap();
    }
    for listener in [&mut one, &mut two] {
        assert_eq!(
            events(listener, 4).await,
            [
                "event: taken\ndata: {\"id\":\"510722-b7k2qf-r1\",\"text\":\"两\\n行\"}",
                "event: handed_over\ndata: {}",
                "event: delivered\ndata: {}",
                "event: link\ndata: {\"up\":true}",
            ]
        );
    }
}

#[tokio::test]
async fn a_slow_reader_is_told_how_much_it_missed() {
    let house = open().await;
    let mut answer = house.get("/v1/stream").send().await.unwrap();
    // nothing else runs on this thread between these, so the reader cannot keep up
    for n in 0..STREAM_EVENTS + 6 {
        house.stream.send(StreamEvent::new(Topic::Taken, &json!(n))).unwrap();
    }
    let heard = events(&mut answer, 1 + STREAM_EVENTS).await;
    assert_eq!(heard[0], "event: lagged\ndata: {\"missed\":6}");
    assert_eq!(heard[1], "event: taken\ndata: 6");
    assert_eq!(heard.last().unwrap(), "event: taken\ndata: 9");
}

#[tokio::test]
async fn a_station_that_stops_ends_its_streams_and_is_gone() {
    let house = open().await;
    let mut answer = house.get("/v1/stream").send().await.unwrap();
    house.stop.send(()).unwrap();
    assert_eq!(answer.chunk().await.unwrap(), None);
    house.served.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(house.address).await.is_err());
}

#[tokio::test]
async fn a_stream_too_many_is_refused_until_another_ends() {
    let house = open().await;
    let mut open = Vec::new();
    for _ in 0..STREAMS_MAX {
        open.push(house.get("/v1/stream").send().await.unwrap());
    }
    let refused = house.get("/v1/stream").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    open.pop();
    // the station learns that a reader is gone when the connection closes, shortly after
    while house.get("/v1/stream").send().await.unwrap().status() != 200 {
        tokio::task::yield_now().await;
    }
}
