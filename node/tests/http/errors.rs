//! Every code of the contract, as a problem.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::house::{
    self, BODY_BYTES_MAX, House, PUBLISHER, READER, REPORT, event, open, open_with, parts,
};

async fn problem(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let (_, kind, problem) = parts(answer).await;
    assert_eq!(kind, "application/problem+json", "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(
        problem["type"],
        format!("urn:yizhan:problem:{}", problem["code"].as_str().unwrap())
    );
    assert!(!problem["title"].as_str().unwrap().is_empty());
    problem
}

async fn refused(request: RequestBuilder, code: &str, status: u16, detail: &str, pointer: Value) {
    let problem = problem(request).await;
    assert_eq!(
        (&problem["code"], &problem["status"], &problem["detail"], &problem["pointer"]),
        (&json!(code), &json!(status), &json!(detail), &pointer),
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_told_with_code_status_and_pointer() {
    let house = open().await;
    let structured = |event: String| house.post("application/cloudevents+json", event);
    refused(
        house.binary("1", "{\n!"),
        "bad_json",
        400,
        "the body is not JSON: key must be a string at line 2 column 1",
        Value::Null,
    )
    .await;
    refused(
        house.binary("1", "{\"category\":\"road\",\"severity\":\"bad\",\"description\":\"\",\"occurred_at\":\"2026-11-23T08:30:00+08:00\"}"),
        "schema_invalid",
        400,
        "incident.report: `severity` is \"bad\"; valid is one of critical, major, significant, general",
        json!("/severity"),
    )
    .await;
    refused(
        structured(event("1", REPORT).replace("\"id\":\"1\",", "")),
        "schema_invalid",
        400,
        "attribute id: missing; every CloudEvent has id, source, type and specversion (as headers: ce-id)",
        json!("/id"),
    )
    .await;
    refused(
        structured(event("1", REPORT).replace("incident.report", "Incident")),
        "unknown_kind",
        400,
        "attribute type: `Incident` is not a kind; valid is <family>.<name> in lower case, as in incident.report",
        json!("/type"),
    )
    .await;
    refused(
        house.binary("1", REPORT).header("ce-yzto", "tier:village"),
        "bad_selector",
        400,
        "attribute yzto: `tier:village` is not a selector: what has a name needs `@<code>` behind it; valid are up, up:<code>, <code>, <code>.*, <code>.>, tier:<name>@<code>, tag:<name>@<code>, role:<post>@<code>, worker:<id>@<code>, several joined by commas",
        json!("/yzto"),
    )
    .await;
    refused(
        house.post("text/plain", REPORT),
        "unsupported_type",
        415,
        "content type `text/plain` is not read here; valid are application/json in UTF-8, application/msgpack, and CloudEvents as application/cloudevents+json or (HTTP only) application/cloudevents-batch+json",
        Value::Null,
    )
    .await;
    refused(
        house.binary("1", format!("\"{}\"", "x".repeat(5000))),
        "too_large",
        413,
        "the body is 5002 bytes long; at most 4096 are taken (ingest.max_payload): send large things by reference",
        Value::Null,
    )
    .await;
    assert!(house.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_station_refuses_is_told_as_it_says() {
    let house = open().await;
    for (code, status) in [
        ("unknown_kind", 400),
        ("bad_selector", 400),
        ("to_missing", 400),
        ("forbidden", 403),
        ("id_conflict", 409),
        ("rate_limited", 429),
        ("shutting_down", 503),
        ("spool_full", 507),
    ] {
        let request = house.binary(code, REPORT);
        refused(request, code, status, "as the station says", Value::Null).await;
    }
    let answer = house.binary("rate_limited", REPORT).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let house = open().await;
    refused(
        house.get("/v2/events"),
        "not_found",
        404,
        "there is nothing at /v2/events; see /openapi.json",
        Value::Null,
    )
    .await;
    refused(
        house.get("/v1/stations/510722.999"),
        "not_found",
        404,
        "there is no station 510722.999 in this topology: see /v1/stations",
        Value::Null,
    )
    .await;
    refused(
        house.get("/v1/messages/510722-b7k2qf-r2"),
        "not_found",
        404,
        "message 510722-b7k2qf-r2 is not known here; ask its origin, 510722",
        Value::Null,
    )
    .await;
    refused(
        house.get("/v1/messages/x"),
        "not_found",
        404,
        "`x` is not a message id; valid is, for example, 510722.101.002-b7k2qf-r1042",
        Value::Null,
    )
    .await;
    let request = house.get("/v1/events");
    refused(
        request,
        "method_not_allowed",
        405,
        "GET is not for /v1/events; see the header Allow",
        Value::Null,
    )
    .await;
    let answer = house.delete("/v1/stations").send().await.unwrap();
    assert_eq!(answer.headers()["allow"], "GET,HEAD");
}

#[tokio::test]
async fn a_bad_query_is_told_what_would_be_valid() {
    let house = open().await;
    for (query, detail) in [
        ("wait=accepted", "query wait: valid is delivered"),
        (
            "wait=delivered&timeout=10",
            "query timeout: time unit needed, for example 10sec or 10ms; valid is a time of at most 300s, as in 10s",
        ),
        (
            "wait=delivered&timeout=1h",
            "query timeout: too long; valid is a time of at most 300s, as in 10s",
        ),
    ] {
        let request = house.get(&format!("/v1/messages/510722-b7k2qf-r1?{query}"));
        refused(request, "schema_invalid", 400, detail, Value::Null).await;
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_answer_still_heard() {
    let house = open().await;
    for bytes in [BODY_BYTES_MAX + 1, 3 * BODY_BYTES_MAX] {
        let detail = format!(
            "the body is {bytes} bytes long; at most {BODY_BYTES_MAX} bytes are taken: send several requests"
        );
        refused(house.binary("1", vec![b' '; bytes]), "too_large", 413, &detail, Value::Null).await;
    }
    let chunks = futures::stream::iter((0..3).map(|_| Ok::<_, String>(vec![b' '; BODY_BYTES_MAX])));
    let detail = format!(
        "the body is longer than allowed; at most {BODY_BYTES_MAX} bytes are taken: send several requests"
    );
    let request = house.binary("1", reqwest::Body::wrap_stream(chunks));
    refused(request, "too_large", 413, &detail, Value::Null).await;
}

async fn guarded() -> House {
    open_with("127.0.0.1:0", house::tokens()).await
}

#[tokio::test]
async fn without_a_fitting_token_there_is_a_401_or_a_403() {
    let house = guarded().await;
    let wrong = house.get("/v1/stations").bearer_auth("guessed-0123456789");
    let answer = wrong.try_clone().unwrap().send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"yizhan\"");
    refused(
        wrong,
        "unauthorized",
        401,
        "the header Authorization holds no token of this station; valid is Bearer <token> with one of http.tokens",
        Value::Null,
    )
    .await;
    refused(
        house.get("/v1/stations").header("host", "yizhan.example"),
        "unauthorized",
        401,
        "a bearer token is needed: the request comes from this machine but asks for host yizhan.example; valid without a token is http://127.0.0.1 or http://localhost",
        Value::Null,
    )
    .await;
    refused(
        house.binary("1", REPORT).bearer_auth(READER),
        "forbidden",
        403,
        "the token of hall has the role reader; POST /v1/events is for: operator, publisher",
        Value::Null,
    )
    .await;
    assert!(house.taken.lock().unwrap().is_empty());
    let answer = house.binary("1", REPORT).bearer_auth(PUBLISHER).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let answer = house.get("/v1/stations").send().await.unwrap();
    assert_eq!(answer.status(), 200, "this machine needs no token");
}

#[tokio::test]
async fn without_tls_nobody_listens_to_the_world() {
    let house = open_with("0.0.0.0:0", house::tokens()).await;
    let fault = house.served.await.unwrap().unwrap_err().to_string();
    assert!(fault.contains("http.listen is 0.0.0.0:") && fault.contains("tls.cert"), "{fault}");
}

#[tokio::test]
async fn without_tokens_nobody_listens_to_the_world() {
    let house = open_with("0.0.0.0:0", vec![]).await;
    let fault = house.served.await.unwrap().unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!(
            "http.listen is {}, which others than this machine can reach, and http.tokens is empty; valid is a loopback address such as 127.0.0.1:8080, or at least one token",
            house.address
        )
    );
}
