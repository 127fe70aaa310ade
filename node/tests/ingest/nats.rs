//! Requests over NATS.

use bytes::Bytes;
use yizhan::ingest::nats::{Submission, read};
use yizhan::ingest::{Goal, Wait};
use yizhan_core::draft::Draft;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::reply::ErrorCode::*;
use yizhan_schemas::reply::Refusal;
use yizhan_schemas::{Code, Lane, Selector};

use super::{REPORT, bodies, headers, refusal};

const INFO: (&str, &str) = ("Nats-Request-Info", r#"{"acc":"APP","user":"grid","rtt":7,"id":3}"#);

fn submit(pairs: &[(&str, &str)]) -> Result<Submission, Refusal> {
    read("yz.submit.incident.report", &headers(pairs), Bytes::from(REPORT), &bodies())
}

fn draft(pairs: &[(&str, &str)]) -> Draft {
    submit(pairs).unwrap().draft
}

fn key(scope: &str, key: &str) -> Option<PublisherKey> {
    let body = Digest::of(REPORT.as_bytes());
    Some(PublisherKey { scope: scope.to_owned(), key: key.to_owned(), body })
}

#[test]
fn a_bare_request_asks_for_nothing_but_the_defaults() {
    let submission = submit(&[]).unwrap();
    assert_eq!(submission.wait, Wait::ACCEPTED);
    let draft = submission.draft;
    assert_eq!(draft.kind.as_str(), "incident.report");
    assert_eq!(draft.payload, REPORT, "the payload is what was published, white space and all");
    assert_eq!(draft.severity.as_deref(), Some("major"));
    assert_eq!((draft.to, draft.precedence, draft.ttl_ms), (None, None, None));
    assert_eq!((draft.content_type, draft.traceparent, draft.key), (None, None, None));
    assert_eq!((draft.ce_id, draft.ce_source, draft.ce_time), (None, None, None));
    assert!(draft.ce_extensions.is_empty());
}

#[test]
fn every_header_is_understood_whatever_its_case() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let submission = submit(&[
        ("yz-to", "up:510722"),
        ("YZ-PRECEDENCE", "flash"),
        ("Yz-Ttl", "5m"),
        ("Yz-Wait", "relayed:510722.101;3s"),
        ("traceparent", trace),
        ("content-type", "application/json; charset=utf-8"),
        ("Nats-Msg-Id", "grid-7/1"),
        ("Ce-Id", "e%201"),
        ("ce-source", "/grid/7"),
        ("ce-time", "2026-11-23T08:30:00+08:00"),
        ("ce-type", "incident.report"),
        ("ce-specversion", "1.0"),
        ("ce-subject", "%E9%81%93%E8%B7%AF"),
        INFO,
    ])
    .unwrap();
    let goal = Goal::Relayed(Code::parse("510722.101").unwrap());
    assert_eq!(submission.wait, Wait { goal, within: std::time::Duration::from_secs(3) });
    let draft = submission.draft;
    assert_eq!(draft.to, Some(Selector::parse("up:510722").unwrap()));
    assert_eq!((draft.precedence, draft.ttl_ms), (Some(Lane::Flash), Some(300_000)));
    assert_eq!(draft.traceparent.as_deref(), Some(trace));
    assert_eq!(draft.content_type.as_deref(), Some("application/json; charset=utf-8"));
    assert_eq!(draft.key, key("/grid/7", "grid-7/1"));
    assert_eq!(draft.ce_id.as_deref(), Some("e 1"));
    assert_eq!(draft.ce_source.as_deref(), Some("/grid/7"));
    assert_eq!(draft.ce_time.as_deref(), Some("2026-11-23T08:30:00+08:00"));
    let extensions: Vec<_> = draft.ce_extensions.into_iter().collect();
    assert_eq!(extensions, [("subject".to_owned(), "道路".to_owned())]);
}

#[test]
fn a_key_is_scoped_by_source_else_by_the_user_that_the_server_stamped() {
    assert_eq!(draft(&[("Nats-Msg-Id", "1"), INFO]).key, key("grid", "1"));
    assert_eq!(draft(&[("Nats-Msg-Id", "1"), ("ce-source", "/s"), INFO]).key, key("/s", "1"));
    assert_eq!(draft(&[("ce-id", "1"), INFO]).key, key("grid", "1"));
    assert_eq!(draft(&[("ce-id", "1"), ("Nats-Msg-Id", "2"), INFO]).key, key("grid", "2"));
    assert_eq!(draft(&[("Nats-Msg-Id", "1")]).key, key("", "1"));
    let account = ("Nats-Request-Info", r#"{"acc":"APP","rtt":7}"#);
    assert_eq!(draft(&[("Nats-Msg-Id", "1"), account]).key, key("APP", "1"));
    let forged = ("nats-request-info", r#"{"user":"mayor"}"#);
    assert_eq!(draft(&[forged, ("Nats-Msg-Id", "1"), INFO, forged]).key, key("grid", "1"));
    assert_eq!(draft(&[("ce-source", "/s"), INFO]).key, None);
}

#[test]
fn a_trace_context_without_the_shape_of_one_is_left_away() {
    assert_eq!(draft(&[("traceparent", "not a trace")]).traceparent, None);
}

#[test]
fn extensions_say_what_headers_do_not() {
    let pairs = [("ce-yzto", "510722"), ("ce-yzprecedence", "特急"), ("ce-yzttl", "30s")];
    let said = draft(&pairs);
    assert_eq!(said.to, Some(Selector::parse("510722").unwrap()));
    assert_eq!((said.precedence, said.ttl_ms), (Some(Lane::Immediate), Some(30_000)));
    assert!(said.ce_extensions.is_empty());
    let both = draft(&[&pairs[..], &[("Yz-To", "up"), ("Yz-Ttl", "1s")]].concat());
    assert_eq!((both.to, both.ttl_ms), (Some(Selector::up()), Some(1000)));
}

#[test]
fn message_pack_is_kept_with_its_content_type() {
    let value: serde_json::Value = serde_json::from_str(REPORT).unwrap();
    let packed = Bytes::from(rmp_serde::to_vec_named(&value).unwrap());
    for name in ["Content-Type", "ce-datacontenttype"] {
        let headers = headers(&[(name, "application/msgpack")]);
        let read = read("yz.submit.incident.report", &headers, packed.clone(), &bodies()).unwrap();
        assert_eq!(read.draft.content_type.as_deref(), Some("application/msgpack"));
        assert_eq!(read.draft.payload, packed);
    }
}

#[test]
fn every_header_that_is_wrong_is_named_with_what_would_be_valid() {
    let selectors = "valid are up, up:<code>, <code>, <code>.*, <code>.>, tier:<name>@<code>, \
                     tag:<name>@<code>, role:<post>@<code>, worker:<id>@<code>, several joined by commas";
    let waits = "valid are accepted, relayed:<code> and delivered, each with an optional time of \
                 at most 300s behind it, as in delivered;30s";
    let media = "valid are application/json in UTF-8, application/msgpack, and CloudEvents as \
                 application/cloudevents+json or (HTTP only) application/cloudevents-batch+json";
    for (pair, code, message, pointer) in [
        (("Yz-To", "up,,"), BadSelector, format!("header Yz-To: `` is not a selector: it is empty; {selectors}"), None),
        (("ce-yzto", "*"), BadSelector, format!("attribute yzto: `*` is not a selector: a token has a character other than letters, digits, `_` and `-`; {selectors}"), Some("/yzto")),
        (("Yz-Precedence", "urgent"), SchemaInvalid, "header Yz-Precedence: `urgent` is not a precedence; valid are flash, immediate, priority and routine".to_owned(), None),
        (("Yz-Ttl", "30"), SchemaInvalid, "header Yz-Ttl: `30` is not a time to live: time unit needed, for example 30sec or 30ms; valid is 1ms to 3660days, as in 30s or 5m".to_owned(), None),
        (("Yz-Wait", "seen"), SchemaInvalid, format!("header Yz-Wait: `seen` is not a wait: there is no such grade; {waits}"), None),
        (("ce-time", "yesterday"), SchemaInvalid, "attribute time: `yesterday` is not an RFC 3339 time with offset, as in 2026-11-23T08:30:00+08:00".to_owned(), Some("/time")),
        (("ce-specversion", "0.3"), SchemaInvalid, "attribute specversion: `0.3` is not read here; valid is 1.0".to_owned(), Some("/specversion")),
        (("ce-type", "incident.update"), SchemaInvalid, "attribute type: `incident.update` is not the kind that the subject says; valid is incident.report, or none".to_owned(), Some("/type")),
        (("Content-Type", "text/plain"), UnsupportedType, format!("content type `text/plain` is not read here; {media}"), None),
        (("Content-Type", "application/cloudevents-batch+json"), UnsupportedType, "batches are read over HTTP only; over NATS each event is a request of its own".to_owned(), None),
    ] {
        assert_eq!(submit(&[pair]), Err(refusal(code, &message, pointer)));
    }
    assert_eq!(
        submit(&[
            ("Content-Type", "application/json"),
            ("ce-datacontenttype", "application/msgpack")
        ]),
        Err(refusal(
            SchemaInvalid,
            "attribute datacontenttype: not what the header Content-Type says; valid is one of \
             them, or both the same",
            Some("/datacontenttype")
        ))
    );
    assert_eq!(
        submit(&[("ce-subject", &"x".repeat(8192))]),
        Err(refusal(
            TooLarge,
            "address, key and attributes are 8199 bytes long; at most 8192 are taken: what is \
             longer belongs into the payload",
            None
        ))
    );
}

#[test]
fn a_subject_without_a_kind_is_refused() {
    for (subject, kind) in [
        ("yz.submit.incident", "incident"),
        ("yz.submit.incident.report.x", "incident.report.x"),
        ("yz.submit.Incident.report", "Incident.report"),
    ] {
        let refused = read(subject, &headers(&[]), Bytes::from(REPORT), &bodies());
        let message = format!(
            "subject yz.submit.<kind>: `{kind}` is not a kind; valid is <family>.<name> in lower \
             case, as in incident.report"
        );
        assert_eq!(refused, Err(refusal(UnknownKind, &message, None)));
    }
}

#[test]
fn a_structured_event_is_read_and_its_data_kept_as_published() {
    let event = format!(
        r#"{{"specversion":"1.0","id":"e1","source":"/grid/7","type":"incident.report","yzto":"510722","data":{REPORT}}}"#
    );
    let pairs = [("content-type", "application/cloudevents+json; charset=utf-8"), INFO];
    let read = |subject: &str, pairs: &[(&str, &str)]| {
        read(subject, &headers(pairs), Bytes::from(event.clone()), &bodies())
    };
    let draft = read("yz.submit.incident.report", &pairs).unwrap().draft;
    assert_eq!(draft.payload, REPORT);
    assert_eq!(draft.key, key("/grid/7", "e1"));
    assert_eq!(draft.content_type, None, "the envelope's content type is not the payload's");
    assert_eq!(draft.to, Some(Selector::parse("510722").unwrap()));
    let keyed = read("yz.submit.incident.report", &[&pairs[..], &[("Nats-Msg-Id", "m")]].concat());
    assert_eq!(keyed.unwrap().draft.key, key("/grid/7", "m"));
    let other = read("yz.submit.incident.update", &pairs).unwrap_err();
    assert_eq!((other.code, other.pointer.as_deref()), (SchemaInvalid, Some("/type")));
}
