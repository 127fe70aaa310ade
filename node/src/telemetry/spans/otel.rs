//! A span in OpenTelemetry's words: the semantic conventions for messaging, 1.44.
//!
//! All spans of a message are of one trace. What took a message from a neighbour links to the span
//! in which the neighbour handed it over, and every one to the context in which the message was
//! made, which is its parent too: a trace is one tree, of which no span lasts as long as a wait.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use yizhan_schemas::Code;
use yizhan_schemas::payload::spans::{Operation, Span};
use yizhan_schemas::query::Wait;

use super::context::{Context, own};

/// What the spans of a station have in common.
pub(super) fn resource(station: &Code, tier: &str, version: &str) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "yizhan"),
            KeyValue::new("service.version", version.to_owned()),
            KeyValue::new("service.instance.id", station.to_string()),
            KeyValue::new("yizhan.station", station.to_string()),
            KeyValue::new("yizhan.tier", tier.to_owned()),
        ])
        .build()
}

/// The span as it is exported.
pub(super) fn data(span: &Span, station: &Code) -> SpanData {
    let (context, here) = own(span, station);
    let creation = context.creation(&span.id);
    let mut links = SpanLinks::default();
    links.links = links_of(span, station, &context, &creation);
    let start_time = at(span.at_ms);
    SpanData {
        parent_span_id: parent(span, station, &context, &creation),
        parent_span_is_remote: span.op != Operation::Commit,
        span_context: here,
        span_kind: kind(span.op),
        name: Cow::Borrowed(span.op.word()),
        start_time,
        end_time: start_time + Duration::from_millis(span.took_ms),
        attributes: attributes(span, station),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.error.clone().map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("yizhan").build(),
    }
}

fn at(unix_ms: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms)).unwrap_or(UNIX_EPOCH)
}

fn kind(op: Operation) -> SpanKind {
    match op {
        Operation::Ingest => SpanKind::Producer,
        Operation::Commit => SpanKind::Internal,
        Operation::Send | Operation::Receive | Operation::Deliver | Operation::Settle => {
            SpanKind::Client
        }
    }
}

/// The span in which the station took the message, where that is known.
fn entry(span: &Span, station: &Code, context: &Context) -> Option<SpanContext> {
    if span.id.origin == *station {
        return Some(context.span(&span.id, station, Operation::Ingest, None));
    }
    let from = span.peer.as_ref().filter(|_| span.op == Operation::Commit)?;
    Some(context.span(&span.id, station, Operation::Receive, Some(from)))
}

fn parent(span: &Span, station: &Code, context: &Context, creation: &SpanContext) -> SpanId {
    match span.op {
        Operation::Ingest => context.publisher().map_or(SpanId::INVALID, |of| of.span_id()),
        Operation::Commit => {
            entry(span, station, context).map_or(creation.span_id(), |of| of.span_id())
        }
        _ => creation.span_id(),
    }
}

fn links_of(span: &Span, station: &Code, context: &Context, creation: &SpanContext) -> Vec<Link> {
    let before = match (span.op, &span.peer) {
        (Operation::Receive, Some(peer)) => {
            Some(context.span(&span.id, peer, Operation::Send, Some(station)))
        }
        (Operation::Send | Operation::Deliver, _) => entry(span, station, context),
        _ => None,
    };
    // what an origin does itself has the one before it as its parent already
    let made = match span.op {
        Operation::Ingest | Operation::Commit => None,
        _ => Some(creation.clone()),
    };
    let before = before.filter(|before| before != creation);
    made.into_iter().chain(before).map(Link::with_context).collect()
}

/// What is sent, received or settled: operation, its type, the subject's template.
fn operation(span: &Span, station: &Code) -> Option<(&'static str, &'static str, String, String)> {
    let kind = span.kind.as_ref().map_or("", |kind| kind.as_str());
    let of = |name, kind: &'static str, subject: String, template: &str| {
        Some((name, kind, subject, template.to_owned()))
    };
    let peer = span.peer.as_ref();
    let goes_up = peer.is_some_and(|peer| station.is_within(peer));
    // a link's subject is named for its child, whichever way a frame goes
    match span.op {
        Operation::Ingest => {
            of("publish", "create", format!("yz.submit.{kind}"), "yz.submit.{kind}")
        }
        Operation::Commit => None,
        Operation::Send if goes_up => {
            of("send", "send", format!("yz.up.{station}"), "yz.up.{child}")
        }
        Operation::Receive if !goes_up => {
            of("receive", "receive", format!("yz.up.{}", peer?), "yz.up.{child}")
        }
        Operation::Send => of("send", "send", format!("yz.down.{}", peer?), "yz.down.{child}"),
        Operation::Receive => {
            of("receive", "receive", format!("yz.down.{station}"), "yz.down.{child}")
        }
        Operation::Deliver => of(
            "deliver",
            "send",
            format!("yz.inbox.{kind}.{}", span.id.origin),
            "yz.inbox.{kind}.{origin}",
        ),
        Operation::Settle => of("settle", "settle", format!("yz.ack.{}", span.id), "yz.ack.{id}"),
    }
}

fn attributes(span: &Span, station: &Code) -> Vec<KeyValue> {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut all = vec![
        KeyValue::new("messaging.system", "nats"),
        KeyValue::new("messaging.message.id", span.id.to_string()),
        KeyValue::new("yizhan.lane", span.id.lane.word()),
    ];
    if let Some((name, kind, subject, template)) = operation(span, station) {
        all.push(KeyValue::new("messaging.operation.name", name));
        all.push(KeyValue::new("messaging.operation.type", kind));
        all.push(KeyValue::new("messaging.destination.name", subject));
        all.push(KeyValue::new("messaging.destination.template", template));
    }
    if let Some(kind) = &span.kind {
        all.push(KeyValue::new("yizhan.kind", kind.to_string()));
    }
    if let Some(peer) = &span.peer {
        all.push(KeyValue::new("yizhan.peer", peer.to_string()));
    }
    if span.batch > 0 {
        all.push(KeyValue::new("messaging.batch.message_count", number(span.batch)));
    }
    if span.held_ms > 0 {
        all.push(KeyValue::new("yizhan.held_ms", number(span.held_ms)));
    }
    for Wait { why, ms } in &span.why {
        all.push(KeyValue::new(format!("yizhan.waited.{}_ms", why.word()), number(*ms)));
    }
    if let Some(error) = &span.error {
        all.push(KeyValue::new("error.type", error.clone()));
    }
    all
}
