//! Events go in, in all three modes.

use serde_json::json;
use yizhan_schemas::Answer;

use super::house::{REPORT, event, id, open, parts};

fn receipt(sequence: u64) -> serde_json::Value {
    json!({
        "id": format!("510722-b7k2qf-r{sequence}"),
        "status": "accepted", "station": "510722", "duplicate": false,
    })
}

#[tokio::test]
async fn a_binary_event_is_taken_byte_for_byte() {
    let house = open().await;
    let answer = house
        .binary("e%201", REPORT)
        .header("ce-subject", "%E9%81%93%E8%B7%AF")
        .header("ce-yzto", "up")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["location"], "/v1/messages/510722-b7k2qf-r1");
    assert_eq!(parts(answer).await, (202, "application/json".to_owned(), receipt(1)));
    let taken = house.taken.lock().unwrap();
    assert_eq!(taken[0].payload, REPORT);
    assert_eq!(taken[0].ce_id.as_deref(), Some("e 1"));
    assert_eq!(taken[0].ce_extensions["subject"], "道路");
}

#[tokio::test]
async fn the_data_of_a_structured_event_is_taken_byte_for_byte() {
    let house = open().await;
    let answer = house.post("application/cloudevents+json", event("1", REPORT)).send().await;
    let parts = parts(answer.unwrap()).await;
    assert_eq!(parts, (202, "application/json".to_owned(), receipt(1)));
    assert_eq!(house.taken.lock().unwrap()[0].payload, REPORT);
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_with_receipts_and_problems() {
    let house = open().await;
    let events =
        [event("1", REPORT), event("2", "{}"), event("spool_full", REPORT), event("4", REPORT)];
    let batch = format!("[{}]", events.join(",\n "));
    let answer = house.post("application/cloudevents-batch+json", batch).send().await;
    let (status, kind, answers) = parts(answer.unwrap()).await;
    assert_eq!((status, kind.as_str()), (202, "application/json"));
    assert_eq!((&answers[0], &answers[3]), (&receipt(1), &receipt(3)));
    assert_eq!(answers[1]["code"], "schema_invalid");
    assert_eq!(answers[1]["pointer"], "/data/category");
    assert_eq!(
        answers[2],
        json!({
            "type": "urn:yizhan:problem:spool_full", "title": "No room to keep the message",
            "status": 507, "detail": "as the station says", "code": "spool_full",
        })
    );
    let ids: Vec<_> =
        house.taken.lock().unwrap().iter().map(|draft| draft.ce_id.clone().unwrap()).collect();
    assert_eq!(ids, ["1", "spool_full", "4"]);
}

#[tokio::test]
async fn a_large_batch_keeps_its_order() {
    let house = open().await;
    let events: Vec<_> = (1..=60).map(|n| event(&n.to_string(), REPORT)).collect();
    let batch = format!("[{}]", events.join(","));
    let answer = house.post("application/cloudevents-batch+json", batch).send().await;
    let (status, _, answers) = parts(answer.unwrap()).await;
    assert_eq!(status, 202);
    assert_eq!(answers, (1..=60).map(receipt).collect::<serde_json::Value>());
    let taken = house.taken.lock().unwrap();
    let ids: Vec<_> = taken.iter().map(|draft| draft.ce_id.clone().unwrap()).collect();
    assert_eq!(ids, (1..=60).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_application_answers_a_message_that_was_delivered_here_and_no_other() {
    let house = open().await;
    let completed = r#"{"status":"completed","note":"已处置"}"#;
    let answer = house.ack("510722-b7k2qf-r1", completed).send().await.unwrap();
    assert_eq!(parts(answer).await, (200, "application/json".to_owned(), json!({ "ok": true })));
    let said = (id(1), Answer::Completed, Some("已处置".to_owned()));
    assert_eq!(*house.said.lock().unwrap(), [said]);
    for (message, body, (status, code, pointer)) in [
        ("510722-b7k2qf-r2", completed, (404, "not_found", json!(null))),
        ("nothing", completed, (404, "not_found", json!(null))),
        ("510722-b7k2qf-r1", "done", (400, "bad_json", json!(null))),
        ("510722-b7k2qf-r1", "{}", (400, "schema_invalid", json!("/status"))),
        ("510722-b7k2qf-r1", r#"{"status":"seen"}"#, (400, "schema_invalid", json!("/status"))),
        (
            "510722-b7k2qf-r1",
            r#"{"status":"failed","note":7}"#,
            (400, "schema_invalid", json!("/note")),
        ),
    ] {
        let answer = house.ack(message, body).send().await.unwrap();
        let (got, _, problem) = parts(answer).await;
        let problem = (got, &problem["code"], &problem["pointer"]);
        assert_eq!(problem, (status, &json!(code), &pointer), "{message} {body}");
    }
}
