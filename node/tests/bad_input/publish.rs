//! What publishers get wrong, at a running station.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::ground::Ground;

const REPORT: &str = r#"{"category":"积水","severity":"general","description":"路口积水","occurred_at":"2026-11-23T08:30:00+08:00"}"#;
const DIRECTIVE: &str = r#"{"title":"t","text":"x","requires":"delivered"}"#;

struct Event<'a> {
    id: &'a str,
    kind: &'a str,
    to: Option<&'a str>,
    body: String,
}

fn event<'a>(id: &'a str, kind: &'a str, to: Option<&'a str>, body: &str) -> Event<'a> {
    Event { id, kind, to, body: body.to_owned() }
}

async fn post(url: &str, event: Event<'_>) -> (u16, Value) {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    };
    set("content-type", "application/json");
    set("ce-specversion", "1.0");
    set("ce-source", "/desk");
    set("ce-id", event.id);
    set("ce-type", event.kind);
    if let Some(to) = event.to {
        set("ce-yzto", to);
    }
    let request = reqwest::Client::new().post(format!("{url}/v1/events"));
    let answer = request.headers(headers).body(event.body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[test]
fn each_wrong_event_is_refused_by_its_code_and_what_was_accepted_stays() {
    let ground = Ground::new();
    let (running, url) = ground.start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (status, accepted) =
        runtime.block_on(post(&url, event("good", "incident.report", None, REPORT)));
    assert_eq!((status, &accepted["status"]), (202, &json!("accepted")), "{accepted}");
    runtime.block_on(refusals(&url));
    drop(running);
    let (_again, url) = ground.start();
    let (status, repeated) =
        runtime.block_on(post(&url, event("good", "incident.report", None, REPORT)));
    assert_eq!((status, &repeated["duplicate"]), (202, &json!(true)), "{repeated}");
    assert_eq!(repeated["id"], accepted["id"]);
}

async fn refusals(url: &str) {
    let (report, directive) = ("incident.report", "directive.issue");
    let here = "510722.101.002";
    let large = format!("{{\"category\":\"{}\"}}", "x".repeat(300_000));
    let table = [
        (
            event("1", report, None, "{bad"),
            (
                400,
                "bad_json",
                "the body is not JSON: key must be a string at line 1 column 2".into(),
            ),
        ),
        (
            event("2", "weather.report", None, REPORT),
            (
                400,
                "unknown_kind",
                "kinds of family `weather` are not allowed by this county's policy".into(),
            ),
        ),
        (
            event("3", report, Some("510722.102"), REPORT),
            (
                400,
                "bad_selector",
                "`510722.102` names 510722.102, which is no station of this topology".into(),
            ),
        ),
        (
            event("4", report, Some("510722.101.>"), REPORT),
            (
                403,
                "forbidden",
                format!(
                    "{here} may not send incident.report to `510722.101.>`; it may send it to up, \
                     a station above, or {here} itself"
                ),
            ),
        ),
        (
            event("5", directive, Some("510722"), DIRECTIVE),
            (
                403,
                "forbidden",
                format!(
                    "{here} may not send directive.issue to `510722`; it may send it to {here} \
                     itself or a selector within {here}.>"
                ),
            ),
        ),
        (
            event("6", directive, None, DIRECTIVE),
            (
                400,
                "to_missing",
                "directive.issue has no default address; say whom it is for (header Yz-To, \
                 extension yzto), for example 510722.101 or 510722.>"
                    .into(),
            ),
        ),
        (
            event("7", report, None, &large),
            (
                413,
                "too_large",
                format!(
                    "the body is {} bytes long; at most 262144 are taken (ingest.max_payload): \
                     send large things by reference",
                    large.len()
                ),
            ),
        ),
        (
            event("good", report, None, &REPORT.replace("general", "major")),
            (409, "id_conflict", String::new()),
        ),
    ];
    for (event, (status, code, detail)) in table {
        let id = event.id;
        let (got, problem) = post(url, event).await;
        assert_eq!((got, &problem["code"]), (status, &json!(code)), "event {id}: {problem}");
        let said = problem["detail"].as_str().unwrap();
        assert!(detail.is_empty() || said == detail, "event {id}: {said}");
    }
}
