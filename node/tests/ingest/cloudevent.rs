//! Posts of CloudEvents: binary and batched mode.

use yizhan::ingest::cloudevent::{BATCH_BYTES_MAX, EVENTS_MAX, Post, read};
use yizhan_core::draft::Draft;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::reply::ErrorCode::*;
use yizhan_schemas::reply::Refusal;
use yizhan_schemas::{Lane, Selector};

use super::{REPORT, bodies, headers, refusal};

const BINARY: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "e%2F1"),
    ("ce-source", "/grid/%E6%BD%BC%E5%B7%9D"),
    ("ce-type", "incident.report"),
];

fn binary(pairs: &[(&str, &str)]) -> Result<Draft, Refusal> {
    match read(&headers(pairs), REPORT.into(), &bodies())? {
        Post::One(draft) => Ok(*draft),
        Post::Batch(_) => panic!("not a batch"),
    }
}

fn batch(body: impl Into<bytes::Bytes>) -> Result<Vec<Result<Draft, Refusal>>, Refusal> {
    let headers = headers(&[
        ("content-type", "application/cloudevents-batch+json"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ]);
    match read(&headers, body.into(), &bodies())? {
        Post::Batch(drafts) => Ok(drafts),
        Post::One(_) => panic!("not one event"),
    }
}

#[test]
fn a_binary_event_is_headers_and_body() {
    let more = [
        ("content-type", "application/json;charset=utf-8"),
        ("ce-yzto", "510722"),
        ("ce-yzprecedence", "flash"),
        ("ce-yzttl", "30s"),
        ("ce-subject", "\"quoted\""),
    ];
    let draft = binary(&[&BINARY[..], &more].concat()).unwrap();
    assert_eq!(draft.payload, REPORT);
    assert_eq!(draft.kind.as_str(), "incident.report");
    assert_eq!(draft.to, Some(Selector::parse("510722").unwrap()));
    assert_eq!((draft.precedence, draft.ttl_ms), (Some(Lane::Flash), Some(30_000)));
    assert_eq!(draft.content_type.as_deref(), Some("application/json;charset=utf-8"));
    assert_eq!(draft.ce_id.as_deref(), Some("e/1"));
    assert_eq!(draft.ce_source.as_deref(), Some("/grid/潼川"));
    let extensions: Vec<_> = draft.ce_extensions.into_iter().collect();
    assert_eq!(extensions, [("subject".to_owned(), "quoted".to_owned())]);
    let body = Digest::of(REPORT.as_bytes());
    let (scope, key) = ("/grid/潼川".to_owned(), "e/1".to_owned());
    assert_eq!(draft.key, Some(PublisherKey { scope, key, body }));
}

#[test]
fn a_missing_attribute_is_named() {
    for (name, header) in BINARY.map(|(header, _)| (&header[3..], header)) {
        let rest: Vec<_> = BINARY.into_iter().filter(|(other, _)| *other != header).collect();
        let message = format!(
            "attribute {name}: missing; every CloudEvent has id, source, type and specversion (as \
             headers: {header})"
        );
        let pointer = format!("/{name}");
        assert_eq!(binary(&rest), Err(refusal(SchemaInvalid, &message, Some(&pointer))));
    }
}

#[test]
fn what_is_no_event_at_all_is_told_how_to_be_one() {
    assert_eq!(
        binary(&[("content-type", "application/json")]),
        Err(refusal(
            SchemaInvalid,
            "not a CloudEvent: valid are the headers ce-id, ce-source, ce-type and ce-specversion \
             with the payload as body, or the whole event as body with Content-Type: \
             application/cloudevents+json",
            Some("/id")
        ))
    );
    let plain = binary(&[&BINARY[..], &[("content-type", "text/plain")]].concat());
    assert_eq!(plain.unwrap_err().code, UnsupportedType);
    let twice = [("ce-datacontenttype", "application/msgpack")];
    assert_eq!(
        binary(&[&BINARY[..], &twice].concat()),
        Err(refusal(
            SchemaInvalid,
            "attribute datacontenttype: in binary mode over HTTP it is the header Content-Type",
            Some("/datacontenttype")
        ))
    );
}

fn event(id: usize, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"incident.report","data":{data}}}"#
    )
}

#[test]
fn a_batch_keeps_its_order_and_its_bad_events_to_themselves() {
    let events = [event(1, REPORT), event(2, "{}"), "7".to_owned(), event(4, REPORT)];
    let drafts = batch(format!(" [{}] ", events.join(" ,\n"))).unwrap();
    assert_eq!(drafts.len(), 4);
    let first = drafts[0].as_ref().unwrap();
    assert_eq!((first.ce_id.as_deref(), &first.payload[..]), (Some("1"), REPORT.as_bytes()));
    assert!(first.traceparent.is_some(), "the request's trace context is that of each event");
    let second = drafts[1].as_ref().unwrap_err();
    assert_eq!(second.pointer.as_deref(), Some("/data/category"));
    assert_eq!(drafts[2].as_ref().unwrap_err().code, SchemaInvalid);
    assert_eq!(drafts[3].as_ref().unwrap().ce_id.as_deref(), Some("4"));
    assert_eq!(batch("[]"), Ok(vec![]));
}

#[test]
fn a_batch_has_its_limits() {
    assert_eq!(
        batch(format!("[{}7]", "7,".repeat(EVENTS_MAX))),
        Err(refusal(
            TooLarge,
            "there are 1001 events in the batch; at most 1000 are taken: send several",
            None
        ))
    );
    let long = batch(vec![b' '; BATCH_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(
        long,
        refusal(
            TooLarge,
            "the batch is 4194305 bytes long; at most 4194304 are taken: send several",
            None
        )
    );
    assert_eq!(
        batch("{}"),
        Err(refusal(
            SchemaInvalid,
            "the body is not a batch (a JSON array of CloudEvents): invalid type: map, expected a \
             sequence at line 1 column 0",
            Some("")
        ))
    );
    assert_eq!(batch("[{]").unwrap_err().code, BadJson);
}
