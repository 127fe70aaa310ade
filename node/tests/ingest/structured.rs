//! CloudEvents in JSON: what is wrong with one is named by its member.

use yizhan::ingest::cloudevent::{Post, read};
use yizhan_core::draft::Draft;
use yizhan_schemas::reply::ErrorCode::*;
use yizhan_schemas::reply::Refusal;

use super::{REPORT, bodies, headers, refusal};

fn post(event: &str) -> Result<Draft, Refusal> {
    let headers = headers(&[("content-type", "application/cloudevents+json")]);
    match read(&headers, event.to_owned().into(), &bodies())? {
        Post::One(draft) => Ok(*draft),
        Post::Batch(_) => panic!("not a batch"),
    }
}

/// An event of these members, each as JSON text; the four required ones need not be named.
fn event(members: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("specversion", "\"1.0\""),
        ("id", "\"e1\""),
        ("source", "\"/grid/7\""),
        ("type", "\"incident.report\""),
    ];
    all.retain(|(name, _)| members.iter().all(|(other, _)| name != other));
    all.extend(members.iter().filter(|(_, json)| !json.is_empty()));
    let all: Vec<_> = all.iter().map(|(name, json)| format!("\"{name}\": {json}")).collect();
    format!("{{{}}}", all.join(", "))
}

#[test]
fn data_is_kept_byte_for_byte_and_attributes_as_text() {
    let draft = post(&event(&[
        ("data", REPORT),
        ("time", "\"2026-11-23T08:30:00+08:00\""),
        ("subject", "\"道路\""),
        ("sampled", "true"),
        ("count", "-7"),
        ("unset", "null"),
        ("datacontenttype", "\"application/json\""),
        ("traceparent", "\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\""),
    ]))
    .unwrap();
    assert_eq!(draft.payload, REPORT);
    assert_eq!(draft.ce_time.as_deref(), Some("2026-11-23T08:30:00+08:00"));
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(draft.traceparent.as_deref(), Some(trace));
    let extensions: Vec<_> = draft.ce_extensions.into_iter().collect();
    let wanted =
        [("count", "-7"), ("sampled", "true"), ("subject", "道路"), ("traceparent", trace)];
    assert_eq!(extensions, wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

#[test]
fn data_in_base64_is_decoded_and_checked() {
    let encoded = format!("\"{}\"", data_encoding::BASE64.encode(REPORT.as_bytes()));
    let draft = post(&event(&[("data_base64", &encoded)])).unwrap();
    assert_eq!(draft.payload, REPORT);
    let value: serde_json::Value = serde_json::from_str(REPORT).unwrap();
    let packed = rmp_serde::to_vec_named(&value).unwrap();
    let encoded = format!("\"{}\"", data_encoding::BASE64.encode(&packed));
    let draft =
        post(&event(&[("data_base64", &encoded), ("datacontenttype", "\"application/msgpack\"")]))
            .unwrap();
    assert_eq!(
        (&draft.payload[..], draft.content_type.as_deref()),
        (&packed[..], Some("application/msgpack"))
    );
}

#[test]
fn an_explicit_null_is_a_payload() {
    let draft = post(&event(&[("type", "\"case.note\""), ("data", "null")])).unwrap();
    assert_eq!(draft.payload, "null");
}

#[test]
fn every_member_that_is_wrong_is_named() {
    let missing = |name: &str| {
        format!(
            "attribute {name}: missing; every CloudEvent has id, source, type and specversion (as \
             headers: ce-{name})"
        )
    };
    let scalar = "valid is a text, a whole number, true, false or null";
    let good = ("data", REPORT);
    for (members, code, message, pointer) in [
        (vec![good, ("id", "")], SchemaInvalid, missing("id"), "/id"),
        (vec![good, ("id", "null")], SchemaInvalid, missing("id"), "/id"),
        (vec![good, ("source", "")], SchemaInvalid, missing("source"), "/source"),
        (vec![good, ("type", "")], SchemaInvalid, missing("type"), "/type"),
        (vec![good, ("specversion", "")], SchemaInvalid, missing("specversion"), "/specversion"),
        (vec![good, ("specversion", "\"2.0\"")], SchemaInvalid, "attribute specversion: `2.0` is not read here; valid is 1.0".into(), "/specversion"),
        (vec![good, ("id", "\"\"")], SchemaInvalid, "attribute id: empty; leave it away or give it a value".into(), "/id"),
        (vec![good, ("id", "\"a\\nb\"")], SchemaInvalid, "attribute id: has a control character in it, such as a line break".into(), "/id"),
        (vec![good, ("count", "1.5")], SchemaInvalid, format!("attribute count: {scalar}"), "/count"),
        (vec![good, ("own", "{}")], SchemaInvalid, format!("attribute own: {scalar}"), "/own"),
        (vec![good, ("ownMember", "1")], SchemaInvalid, "attribute ownMember: not a name; valid are 1 to 64 lower-case letters and digits".into(), "/ownMember"),
        (vec![good, ("type", "\"cn.gov.Report\"")], UnknownKind, "attribute type: `cn.gov.Report` is not a kind; valid is <family>.<name> in lower case, as in incident.report".into(), "/type"),
        (vec![good, ("yzprecedence", "\"now\"")], SchemaInvalid, "attribute yzprecedence: `now` is not a precedence; valid are flash, immediate, priority and routine".into(), "/yzprecedence"),
        (vec![good, ("yzttl", "30")], SchemaInvalid, "attribute yzttl: `30` is not a time to live: time unit needed, for example 30sec or 30ms; valid is 1ms to 3660days, as in 30s or 5m".into(), "/yzttl"),
        (vec![], SchemaInvalid, "attribute data: missing; the payload is valid here, or in `data_base64`".into(), "/data"),
        (vec![good, ("data_base64", "\"\"")], SchemaInvalid, "attribute data_base64: there is `data` as well; one of the two is valid".into(), "/data_base64"),
        (vec![("data_base64", "\"a b\"")], SchemaInvalid, "attribute data_base64: valid is Base64 of RFC 4648 with padding".into(), "/data_base64"),
        (vec![("data_base64", "7")], SchemaInvalid, "attribute data_base64: valid is Base64 of RFC 4648 with padding".into(), "/data_base64"),
        (vec![("data_base64", "\"ew==\"")], BadJson, "the body is not JSON: EOF while parsing an object at line 1 column 1".into(), "/data_base64"),
        (vec![good, ("datacontenttype", "\"application/msgpack\"")], SchemaInvalid, "attribute data: MessagePack has no place in JSON; valid is `data_base64`".into(), "/data"),
        (vec![("data", "{}")], SchemaInvalid, "incident.report: `category`, `severity`, `description` and `occurred_at` are missing; `category` is a text of 1 to 200 characters".into(), "/data/category"),
        (vec![("data", "\"{}\"")], SchemaInvalid, "incident.report: the body is \"{}\"; valid is an object with category, severity, description, occurred_at".into(), "/data"),
    ] {
        assert_eq!(post(&event(&members)), Err(refusal(code, &message, Some(pointer))));
    }
}

#[test]
fn what_is_no_event_at_all_is_refused_as_a_whole() {
    assert_eq!(
        post("{\"id\": \n\"a\""),
        Err(refusal(
            BadJson,
            "the body is not JSON: EOF while parsing an object at line 2 column 3",
            None
        ))
    );
    assert_eq!(
        post("[]"),
        Err(refusal(
            SchemaInvalid,
            "the body is not a CloudEvent (a JSON object): invalid type: sequence, expected a map \
             at line 1 column 0",
            Some("")
        ))
    );
    let refused = post(&event(&[("data", REPORT), ("datacontenttype", "\"text/xml\"")]));
    assert_eq!(refused.unwrap_err().code, UnsupportedType);
}
