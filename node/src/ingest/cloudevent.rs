//! A `POST` of CloudEvents 1.0 becomes drafts: binary, structured and batched mode of the HTTP
//! binding.
//!
//! `type` is the kind, (`source`, `id`) the idempotency key, and the extensions `yzto`,
//! `yzprecedence` and `yzttl` say what the `Yz-` headers say over NATS. In binary mode
//! `datacontenttype` *is* the `Content-Type`; in the other modes it is a member of the event.

use bytes::Bytes;
use serde_json::value::RawValue;
use yizhan_core::draft::Draft;
use yizhan_schemas::reply::{ErrorCode, Refusal};

use super::asked::{self, Place};
use super::attributes::Attributes;
use super::body::Bodies;
use super::event::{self, Event};
use super::headers::Headers;
use super::media::Form;
use super::parts::{At, Parts};

/// Most events in one batch.
pub const EVENTS_MAX: usize = 1000;
/// Longest batch, bytes.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Post {
    /// One event, in binary or structured mode.
    One(Box<Draft>),
    /// Many; each is good or bad by itself.
    Batch(Vec<Result<Draft, Refusal>>),
}

/// Reads a request.
///
/// # Errors
/// Every code of the contract that does not need a station to be asked, for the request as a
/// whole; what is wrong with one event of a batch is in the batch.
pub fn read(headers: &Headers, body: Bytes, bodies: &Bodies) -> Result<Post, Refusal> {
    let trace = headers.get("traceparent").and_then(asked::traceparent);
    match Form::of(headers.get("Content-Type"))? {
        Form::Payload(_) => {
            let draft = binary(headers, body, trace)?.with_extensions()?.draft(bodies)?;
            Ok(Post::One(Box::new(draft)))
        }
        Form::Event => Ok(Post::One(Box::new(structured(&body, trace, bodies)?))),
        Form::Batch => {
            let events = events(&body)?.into_iter();
            let drafts = events.map(|raw| structured(raw.get().as_bytes(), trace.clone(), bodies));
            Ok(Post::Batch(drafts.collect()))
        }
    }
}

fn binary(headers: &Headers, body: Bytes, trace: Option<String>) -> Result<Parts, Refusal> {
    let attributes = Attributes::of_headers(headers)?;
    if attributes.bytes() == 0 {
        return Err(Refusal {
            code: ErrorCode::SchemaInvalid,
            message: "not a CloudEvent: valid are the headers ce-id, ce-source, ce-type and \
                      ce-specversion with the payload as body, or the whole event as body with \
                      Content-Type: application/cloudevents+json"
                .to_owned(),
            pointer: Some("/id".to_owned()),
        });
    }
    attributes.check_version()?;
    attributes.require("specversion")?;
    if attributes.get("datacontenttype").is_some() {
        return Err(Place::Attribute("datacontenttype")
            .misshapen("in binary mode over HTTP it is the header Content-Type"));
    }
    let content_type = headers.get("Content-Type").map(str::to_owned);
    parts(attributes, content_type, body, At::Body, trace)
}

fn structured(json: &[u8], trace: Option<String>, bodies: &Bodies) -> Result<Draft, Refusal> {
    let Event { attributes, payload, at } = Event::read(json)?;
    let content_type = attributes.get("datacontenttype").map(str::to_owned);
    parts(attributes, content_type, payload, at, trace)?.with_extensions()?.draft(bodies)
}

fn parts(
    attributes: Attributes,
    content_type: Option<String>,
    payload: Bytes,
    at: At,
    traceparent: Option<String>,
) -> Result<Parts, Refusal> {
    let (id, source) = (attributes.require("id")?, attributes.require("source")?);
    let key = Some((source.to_owned(), id.to_owned()));
    let kind = Place::Attribute("type").kind(attributes.require("type")?)?;
    let (to, precedence, ttl_ms) = (None, None, None);
    Ok(Parts {
        kind,
        to,
        precedence,
        ttl_ms,
        content_type,
        traceparent,
        key,
        attributes,
        payload,
        at,
    })
}

fn events(body: &[u8]) -> Result<Vec<&RawValue>, Refusal> {
    if body.len() > BATCH_BYTES_MAX {
        return Err(Refusal::new(
            ErrorCode::TooLarge,
            format!(
                "the batch is {} bytes long; at most {BATCH_BYTES_MAX} are taken: send several",
                body.len()
            ),
        ));
    }
    let events: Vec<&RawValue> = serde_json::from_slice(body).map_err(|fault| {
        let mut refusal = event::unreadable(&fault);
        refusal.message = refusal.message.replace(
            "the body is not a CloudEvent (a JSON object)",
            "the body is not a batch (a JSON array of CloudEvents)",
        );
        refusal
    })?;
    if events.len() > EVENTS_MAX {
        return Err(Refusal::new(
            ErrorCode::TooLarge,
            format!(
                "there are {} events in the batch; at most {EVENTS_MAX} are taken: send several",
                events.len()
            ),
        ));
    }
    Ok(events)
}
