//! [`Context`]: the trace that a message belongs to, and the ids of its spans.
//!
//! A publisher's W3C `traceparent` names the trace, if there is one; else it follows from the
//! message's id. Span ids follow from message, station, operation and peer. So two stations that
//! never spoke of it name the same span alike, and a span that is made twice is the same.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use sha2::{Digest as _, Sha256};
use yizhan_schemas::payload::spans::{Operation, Span};
use yizhan_schemas::{Code, MessageId};

/// Share of traces that are followed where nothing else is said (`telemetry.sample`).
const SAMPLE: f64 = 0.1;

/// The trace of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context {
    trace: TraceId,
    /// The publisher's span, and whether it said to sample.
    publisher: Option<(SpanId, bool)>,
}

impl Context {
    /// That of a message with this `traceparent`.
    pub(super) fn of(id: &MessageId, traceparent: Option<&str>) -> Self {
        traceparent.and_then(read).unwrap_or_else(|| {
            let [a, b] = halves(&[&id.to_string()]);
            let trace = (u128::from(a) << 64) | u128::from(b);
            Self { trace: TraceId::from(trace.max(1)), publisher: None }
        })
    }

    /// True if it is to be followed: the publisher said so, or said nothing and it is among the
    /// share of all traces that are (`telemetry.sample`, from 0 to 1).
    pub(super) fn is_sampled(&self, share: f64) -> bool {
        match self.publisher {
            Some((_, sampled)) => sampled,
            None => {
                // as OpenTelemetry's TraceIdRatioBased: the lower 63 bits against the share
                let [.., a, b, c, d, e, f, g, h] = self.trace.to_bytes();
                let low = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
                #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
                let at = low as f64 / (1_u64 << 63) as f64;
                at < share
            }
        }
    }

    /// The publisher's span.
    pub(super) fn publisher(&self) -> Option<SpanContext> {
        self.publisher.map(|(span, _)| self.context(span))
    }

    /// What the message was made in: the publisher's span, or that in which its origin took it.
    pub(super) fn creation(&self, id: &MessageId) -> SpanContext {
        self.publisher()
            .unwrap_or_else(|| self.context(span_id(id, &id.origin, Operation::Ingest, None)))
    }

    /// A span of this trace.
    pub(super) fn span(
        &self,
        id: &MessageId,
        station: &Code,
        op: Operation,
        peer: Option<&Code>,
    ) -> SpanContext {
        self.context(span_id(id, station, op, peer))
    }

    fn context(&self, span: SpanId) -> SpanContext {
        SpanContext::new(self.trace, span, TraceFlags::SAMPLED, true, TraceState::default())
    }
}

/// The trace of a message whose publisher gave none, if it is followed at the default share.
pub fn is_followed(id: &MessageId) -> Option<String> {
    let context = Context::of(id, None);
    context.is_sampled(SAMPLE).then(|| context.trace.to_string())
}

/// The id of the span in which a station did this with a message.
fn span_id(id: &MessageId, station: &Code, op: Operation, peer: Option<&Code>) -> SpanId {
    let peer = peer.map_or("", Code::as_str);
    let [a, _] = halves(&[&id.to_string(), station.as_str(), op.word(), peer]);
    SpanId::from(a.max(1))
}

/// The context of a span of this station.
pub(super) fn own(span: &Span, station: &Code) -> (Context, SpanContext) {
    let context = Context::of(&span.id, span.traceparent.as_deref());
    let peer = span.peer.as_ref();
    (context, context.span(&span.id, station, span.op, peer))
}

fn halves(words: &[&str]) -> [u64; 2] {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word);
        hash.update([0]);
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = <[u8; 32]>::from(hash.finalize());
    [u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes([i, j, k, l, m, n, o, p])]
}

/// A `traceparent` whose shape was checked when the message was taken.
fn read(text: &str) -> Option<Context> {
    let mut parts = text.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok().filter(|id| *id != TraceId::INVALID)?;
    let span = SpanId::from_hex(parts.next()?).ok().filter(|id| *id != SpanId::INVALID)?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    Some(Context { trace, publisher: Some((span, flags & 1 == 1)) })
}
