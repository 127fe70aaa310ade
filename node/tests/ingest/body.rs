//! Bodies: well formed, and fit for their kind.

use serde_json::json;
use yizhan::ingest::media::Media;
use yizhan_schemas::Kind;
use yizhan_schemas::reply::ErrorCode::{BadJson, SchemaInvalid, TooLarge};
use yizhan_schemas::reply::Refusal;

use super::{PAYLOAD_BYTES_MAX, REPORT, bodies, refusal, report_with};

const INSTANT: &str = "an RFC 3339 time with offset, as in 2026-11-23T08:30:00+08:00";

fn check(kind: &str, media: Media, body: &[u8]) -> Result<Option<String>, Refusal> {
    let kind = Kind::parse(kind).unwrap();
    bodies().check(&kind, media, body).map(|checked| checked.severity)
}

fn report(body: &str) -> Result<Option<String>, Refusal> {
    check("incident.report", Media::Json, body.as_bytes())
}

#[test]
fn a_report_in_order_is_taken_and_its_severity_told() {
    assert_eq!(report(REPORT), Ok(Some("major".to_owned())));
}

#[test]
fn every_member_that_is_wrong_is_named_with_what_would_be_valid() {
    for (name, json, sentence) in [
        ("category", r#""""#, r#"is ""; valid is a text of 1 to 200 characters"#),
        ("category", "7", "is 7; valid is a text of 1 to 200 characters"),
        (
            "severity",
            r#""urgent""#,
            r#"is "urgent"; valid is one of critical, major, significant, general"#,
        ),
        ("severity", "null", "is null; valid is one of critical, major, significant, general"),
        ("description", "[1, 2]", "is a list of 2; valid is a text of at most 20000 characters"),
        ("occurred_at", r#""yesterday""#, &format!(r#"is "yesterday"; valid is {INSTANT}"#)),
        (
            "occurred_at",
            r#""2026-11-23T08:30:00""#,
            &format!(r#"is "2026-11-23T08:30:00"; valid is {INSTANT}"#),
        ),
        (
            "occurred_at",
            r#""2026-02-30T08:30:00Z""#,
            &format!(r#"is "2026-02-30T08:30:00Z"; valid is {INSTANT}"#),
        ),
        (
            "occurred_at",
            r#""2026-11-23T08:30:00+08:00[Asia/Shanghai]""#,
            &format!(r#"is "2026-11-23T08:30:00+08:00[Asia/Shanghai]"; valid is {INSTANT}"#),
        ),
        ("occurred_at", "1795393800", &format!("is 1795393800; valid is {INSTANT}")),
        (
            "lat",
            "91",
            "is a number (not shown: it may be personal); valid is a number from -90 to 90, or null",
        ),
        (
            "lng",
            r#""104""#,
            "is a text of 3 characters; valid is a number from -180 to 180, or null",
        ),
        ("address", "{}", "is an object; valid is a text, or null"),
        ("attachments", "{}", "is an object; valid is a list of at most 64 items"),
    ] {
        let message = format!("incident.report: `{name}` {sentence}");
        let pointer = format!("/{name}");
        assert_eq!(
            report(&report_with(name, Some(json))),
            Err(refusal(SchemaInvalid, &message, Some(&pointer)))
        );
    }
}

#[test]
fn what_is_missing_is_told_before_what_is_wrong() {
    assert_eq!(
        report(&report_with("severity", None)),
        Err(refusal(
            SchemaInvalid,
            "incident.report: `severity` is missing; `severity` is one of critical, major, \
             significant, general",
            Some("/severity")
        ))
    );
    assert_eq!(
        report(r#"{"category": 1, "lat": 91}"#),
        Err(refusal(
            SchemaInvalid,
            "incident.report: `severity`, `description` and `occurred_at` are missing; `severity` \
             is one of critical, major, significant, general",
            Some("/severity")
        ))
    );
}

#[test]
fn members_deep_inside_are_found_by_their_pointer() {
    let attachments = json!([
        { "reference": "a", "sha256": "0".repeat(64), "own": 1 },
        { "reference": "b", "sha256": "zz" },
    ]);
    assert_eq!(
        report(&report_with("attachments", Some(&attachments.to_string()))),
        Err(refusal(
            SchemaInvalid,
            "incident.report: `attachments/1/sha256` is \"zz\"; valid is a text like \
             ^[0-9a-fA-F]{64}$",
            Some("/attachments/1/sha256")
        ))
    );
    assert_eq!(
        report(&report_with("attachments", Some(r#"[{"reference": "a"}]"#))),
        Err(refusal(
            SchemaInvalid,
            "incident.report: in `attachments/0` `sha256` is missing; `sha256` is a text like ^[0-9a-fA-F]{64}$",
            Some("/attachments/0/sha256")
        ))
    );
    assert_eq!(
        report("[]"),
        Err(refusal(
            SchemaInvalid,
            "incident.report: the body is a list of 0; valid is an object with category, \
             severity, description, occurred_at",
            Some("")
        ))
    );
}

#[test]
fn long_texts_are_counted_and_not_repeated() {
    let long = serde_json::to_string(&"长".repeat(201)).unwrap();
    assert_eq!(
        report(&report_with("category", Some(&long))),
        Err(refusal(
            SchemaInvalid,
            "incident.report: `category` is a text of 201 characters; valid is a text of 1 to 200 \
             characters",
            Some("/category")
        ))
    );
}

#[test]
fn a_directive_is_held_to_its_own_schema() {
    let directive = |body: &str| check("directive.issue", Media::Json, body.as_bytes());
    assert_eq!(directive(r#"{"title":"汛期值守","text":"…","requires":"completed"}"#), Ok(None));
    assert_eq!(
        directive(r#"{"title":"汛期值守","text":"…","requires":"read"}"#),
        Err(refusal(
            SchemaInvalid,
            "directive.issue: `requires` is \"read\"; valid is one of delivered, acknowledged, \
             completed",
            Some("/requires")
        ))
    );
    assert_eq!(
        directive(
            r#"{"title":"a","text":"b","requires":"delivered","due":"2026-13-01T00:00:00Z"}"#
        ),
        Err(refusal(
            SchemaInvalid,
            &format!(
                "directive.issue: `due` is \"2026-13-01T00:00:00Z\"; valid is {INSTANT}, or null"
            ),
            Some("/due")
        ))
    );
}

#[test]
fn what_is_not_json_is_refused_with_line_and_column() {
    for (body, message) in [
        (&b""[..], "the body is empty; expected JSON"),
        (b"{\"a\": 1,\n \"b\" 2}", "the body is not JSON: expected `:` at line 2 column 6"),
        (b"{} x", "the body is not JSON: trailing characters at line 1 column 4"),
        (
            b"{\"a\": \"\xff\"}",
            "the body is not JSON: invalid unicode code point at line 1 column 8",
        ),
        (b"\xb5\xd8", "the body is not JSON: expected value at line 1 column 1"),
        (b"{\"a\"", "the body is not JSON: EOF while parsing an object at line 1 column 4"),
        (b"[1e999]", "the body is not JSON: number out of range at line 1 column 6"),
    ] {
        for kind in ["incident.report", "case.note"] {
            assert_eq!(check(kind, Media::Json, body), Err(refusal(BadJson, message, None)));
        }
    }
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    assert_eq!(
        check("case.note", Media::Json, deep.as_bytes()),
        Err(refusal(
            BadJson,
            "the body is not JSON: recursion limit exceeded at line 1 column 128",
            None
        ))
    );
}

#[test]
fn a_kind_without_a_schema_needs_only_be_well_formed() {
    for body in ["[]", "7", "null", r#""text""#, r#"{"severity": 7}"#] {
        assert_eq!(check("case.note", Media::Json, body.as_bytes()), Ok(None), "{body}");
    }
    let severity = check("incident.note", Media::Json, br#"{"severity": "critical"}"#);
    assert_eq!(severity, Ok(Some("critical".to_owned())));
    let endless = format!(r#"{{"severity": "{}"}}"#, "x".repeat(65));
    assert_eq!(check("case.note", Media::Json, endless.as_bytes()), Ok(None));
}

#[test]
fn a_body_over_the_limit_is_refused_with_both_sizes() {
    let body = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    assert_eq!(check("case.note", Media::Json, body(PAYLOAD_BYTES_MAX).as_bytes()), Ok(None));
    assert_eq!(
        check("case.note", Media::Json, body(PAYLOAD_BYTES_MAX + 1).as_bytes()),
        Err(refusal(
            TooLarge,
            "the body is 4097 bytes long; at most 4096 are taken (ingest.max_payload): send large \
             things by reference",
            None
        ))
    );
}

#[test]
fn message_pack_is_held_to_the_same_rules() {
    let value: serde_json::Value = serde_json::from_str(REPORT).unwrap();
    let packed = rmp_serde::to_vec_named(&value).unwrap();
    let severity = check("incident.report", Media::MessagePack, &packed);
    assert_eq!(severity, Ok(Some("major".to_owned())));
    let wrong: serde_json::Value =
        serde_json::from_str(&report_with("severity", Some("\"urgent\""))).unwrap();
    let refused = check("incident.report", Media::MessagePack, &rmp_serde::to_vec(&wrong).unwrap());
    assert_eq!(refused.unwrap_err().pointer.as_deref(), Some("/severity"));
}

#[test]
fn what_is_not_message_pack_is_refused_with_its_byte() {
    for (body, message) in [
        (
            &b""[..],
            "the body is not MessagePack: IO error while reading marker: failed to fill whole \
             buffer at byte 0",
        ),
        (
            b"\x82\xa1a\x01\xa1b",
            "the body is not MessagePack: IO error while reading marker: failed to fill whole \
             buffer at byte 6",
        ),
        (b"\x01\x02", "the body is not MessagePack: bytes left over behind the value at byte 1"),
        (
            b"\xdd\xff\xff\xff\xff",
            "the body is not MessagePack: IO error while reading marker: failed to fill whole \
             buffer at byte 5",
        ),
    ] {
        for kind in ["incident.report", "case.note"] {
            assert_eq!(check(kind, Media::MessagePack, body), Err(refusal(BadJson, message, None)));
        }
    }
    let deep = [&[0x91; 1000][..], &[0xc0]].concat();
    let refused = check("case.note", Media::MessagePack, &deep).unwrap_err();
    assert_eq!(refused.code, BadJson);
}

#[test]
fn message_pack_without_a_json_form_is_good_enough_for_kinds_without_a_schema() {
    let packed = b"\x82\xa1x\xc4\x02\xff\xfe\x01\xa1y";
    assert_eq!(check("case.note", Media::MessagePack, packed), Ok(None));
    assert_eq!(
        check("incident.report", Media::MessagePack, packed).unwrap_err().code,
        SchemaInvalid
    );
}
