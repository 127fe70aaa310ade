//! A request on `yz.submit.<family>.<name>` becomes a draft.
//!
//! | header | meaning |
//! |---|---|
//! | `Yz-To` | whom it is for: a selector |
//! | `Yz-Precedence` | `flash`, `immediate`, `priority`, `routine` |
//! | `Yz-Ttl` | time to live: `30s`, `5m` |
//! | `Yz-Wait` | see [`super::wait`] |
//! | `Nats-Msg-Id` | idempotency key, within the `ce-source`, else within the publisher's user |
//! | `Content-Type` | of the body: JSON if absent, `application/msgpack`, `application/cloudevents+json` |
//! | `ce-*` | CloudEvents attributes, percent-encoded; all are optional here |
//! | `traceparent` | W3C trace context; ignored if it has not the shape of one |
//!
//! Names compare without case. A `Yz-` header goes before the CloudEvents extension of the same
//! meaning (`yzto`, `yzprecedence`, `yzttl`), `Nats-Msg-Id` before `ce-id`.

use bytes::Bytes;
use serde::Deserialize;
use yizhan_core::draft::Draft;
use yizhan_schemas::Kind;
use yizhan_schemas::reply::{ErrorCode, Refusal};

use super::asked::{self, Place};
use super::attributes::Attributes;
use super::body::Bodies;
use super::event::Event;
use super::headers::Headers;
use super::media::Form;
use super::parts::{At, Parts};
use super::wait::Wait;

/// What a kind stands behind in the subject.
pub const SUBJECT_PREFIX: &str = "yz.submit.";
/// Longest headers of a request, names and values together, bytes: as long as those of a request
/// over HTTP may be.
pub const HEADERS_BYTES_MAX: usize = 32 * 1024;
/// What the server stamps: who published.
const REQUEST_INFO: &str = "Nats-Request-Info";

/// A message and what its publisher waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The message.
    pub draft: Draft,
    /// What is waited for before the answer.
    pub wait: Wait,
}

/// Reads a request.
///
/// # Errors
/// Every code of the contract that does not need a station to be asked: `unknown_kind`,
/// `bad_selector`, `schema_invalid`, `bad_json`, `too_large`, `unsupported_type`.
pub fn read(
    subject: &str,
    headers: &Headers,
    body: Bytes,
    bodies: &Bodies,
) -> Result<Submission, Refusal> {
    if headers.bytes() > HEADERS_BYTES_MAX {
        let found = headers.bytes();
        let why = format!("headers of {found} bytes; at most {HEADERS_BYTES_MAX} are read");
        return Err(Refusal::new(ErrorCode::TooLarge, why));
    }
    let kind = subject.strip_prefix(SUBJECT_PREFIX).unwrap_or(subject);
    let kind = Kind::parse(kind).map_err(|bad| {
        Refusal::new(ErrorCode::UnknownKind, format!("subject {SUBJECT_PREFIX}<kind>: {bad}"))
    })?;
    let said = |name: &'static str| {
        headers.get(name).filter(|text| !text.is_empty()).map(|text| (Place::Header(name), text))
    };
    let wait = said("Yz-Wait").map(|(place, text)| place.wait(text)).transpose()?;
    let (to, precedence) = (said("Yz-To"), said("Yz-Precedence"));
    let (attributes, payload, at) = match Form::of(headers.get("Content-Type"))? {
        Form::Payload(_) => (Attributes::of_headers(headers)?, body, At::Body),
        Form::Event => {
            let event = Event::read(&body)?;
            (event.attributes, event.payload, event.at)
        }
        Form::Batch => {
            return Err(Refusal::new(
                ErrorCode::UnsupportedType,
                "batches are read over HTTP only; over NATS each event is a request of its own",
            ));
        }
    };
    attributes.check_version()?;
    same_kind(&kind, &attributes)?;
    let content_type = content_type(headers, &attributes, at)?;
    let parts = Parts {
        to: to.map(|(place, text)| place.selector(text)).transpose()?,
        precedence: precedence.map(|(place, text)| place.precedence(text)).transpose()?,
        ttl_ms: said("Yz-Ttl").map(|(place, text)| place.ttl_ms(text)).transpose()?,
        content_type,
        traceparent: headers.get("traceparent").and_then(asked::traceparent),
        key: key(headers, &attributes),
        kind,
        attributes,
        payload,
        at,
    };
    let draft = parts.with_extensions()?.draft(bodies)?;
    Ok(Submission { draft, wait: wait.unwrap_or(Wait::ACCEPTED) })
}

/// The subject routes and is what permissions speak of: a `type` beside it may only agree.
fn same_kind(kind: &Kind, attributes: &Attributes) -> Result<(), Refusal> {
    match attributes.get("type") {
        Some(other) if other != kind.as_str() => {
            let cut: String = other.chars().take(80).collect();
            Err(Place::Attribute("type").misshapen(format!(
                "`{cut}` is not the kind that the subject says; valid is {kind}, or none"
            )))
        }
        _ => Ok(()),
    }
}

/// In this binding `datacontenttype` stands apart from `Content-Type`; two words for one thing
/// may only agree.
fn content_type(
    headers: &Headers,
    attributes: &Attributes,
    at: At,
) -> Result<Option<String>, Refusal> {
    let inner = attributes.get("datacontenttype");
    let outer = headers.get("Content-Type").filter(|_| at == At::Body);
    match (outer, inner) {
        (Some(outer), Some(inner)) if !outer.eq_ignore_ascii_case(inner) => {
            Err(Place::Attribute("datacontenttype").misshapen(
                "not what the header Content-Type says; valid is one of them, or both the same",
            ))
        }
        (outer, inner) => Ok(outer.or(inner).map(str::to_owned)),
    }
}

fn key(headers: &Headers, attributes: &Attributes) -> Option<(String, String)> {
    let own = headers.get("Nats-Msg-Id").filter(|text| !text.is_empty());
    let key = own.or(attributes.get("id"))?;
    let scope = attributes.get("source").map_or_else(|| user(headers), str::to_owned);
    Some((scope, key.to_owned()))
}

#[derive(Deserialize)]
struct RequestInfo {
    user: Option<String>,
    acc: Option<String>,
}

/// The publisher as the server stamped it: its user, else its account, else nobody.
fn user(headers: &Headers) -> String {
    let info = headers.stamped(REQUEST_INFO);
    let info = info.and_then(|json| serde_json::from_str::<RequestInfo>(json).ok());
    info.and_then(|info| info.user.or(info.acc)).unwrap_or_default()
}
