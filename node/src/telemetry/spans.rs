//! Spans: what OpenTelemetry hears of a message, hop by hop.
//!
//! They are made from durable records, behind custody and never in its way: what becomes too much
//! is dropped and counted. A trace needs no bytes of its own on a link: the ids of its spans follow
//! from the message's id and the stations' codes, so that every hop names the same trace, and the
//! span before its own, by itself. A station with `telemetry.otlp_endpoint` exports; another one
//! sends its spans to its parent, if somebody above collects them.
//!
//! | module | noun |
//! |---|---|
//! | `context` | the ids, and who is sampled |
//! | `glimpse` | what a commit shows |
//! | `owed` | legs that are not handed over yet |
//! | `tracer` | the thread that makes spans |
//! | `shelf` | spans on their way out |
//! | `otel` | a span in OpenTelemetry's words |
//! | `export` | the way to a collector |
//! | `ride` | the way to the parent |

mod context;
mod export;
mod glimpse;
mod otel;
mod owed;
mod ride;
mod shelf;
#[cfg(test)]
mod tests;
mod tracer;

pub use self::context::is_followed;
pub use self::export::{Exporter, ExporterError};
pub use self::glimpse::SpanFeed;
pub use self::ride::Ride;
pub use self::shelf::Shelf;
pub use self::tracer::{TracerPlan, start};
