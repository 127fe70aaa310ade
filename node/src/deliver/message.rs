//! A delivered message: subject, headers and body as applications read them (design §7).

use bytes::Bytes;
use jiff::Timestamp;
use yizhan_core::fill::HeldLeg;
use yizhan_core::time::BootId;
use yizhan_schemas::{Envelope, Header};

use crate::bus::{Headers, subjects};
use crate::clock;

/// One message for the stream.
pub(super) struct Out {
    pub(super) subject: String,
    pub(super) headers: Headers,
    pub(super) payload: Bytes,
}

/// The message of a leg.
pub(super) fn of(leg: &HeldLeg, boot: BootId) -> Result<Out, String> {
    let envelope = Envelope::read(leg.envelope.clone()).map_err(|fault| fault.to_string())?;
    let header = envelope.header();
    let (age_ms, _) = leg.age(clock::now(), boot);
    let mut headers = Headers::new();
    for (name, value) in all(header, leg.hops, age_ms) {
        headers.set(&name, &value).map_err(|fault| fault.to_string())?;
    }
    Ok(Out {
        subject: subjects::inbox(&header.kind, &header.origin),
        headers,
        payload: envelope.payload().clone(),
    })
}

fn all(header: &Header, hops: u32, age_ms: u64) -> Vec<(String, String)> {
    let id = header.id().to_string();
    let mut all = vec![
        // JetStream's own window: a second line only, it forgets across a long power cut
        ("Nats-Msg-Id".to_owned(), id.clone()),
        ("Yz-Id".to_owned(), id.clone()),
        ("Yz-Origin".to_owned(), header.origin.to_string()),
        ("Yz-To".to_owned(), encoded(&header.to.to_string())),
        ("Yz-Precedence".to_owned(), header.lane.to_string()),
        ("Yz-Hops".to_owned(), hops.to_string()),
        ("Yz-Age-Ms".to_owned(), age_ms.to_string()),
        ("ce-specversion".to_owned(), "1.0".to_owned()),
        ("ce-type".to_owned(), header.kind.to_string()),
        ("ce-id".to_owned(), encoded(header.ce_id.as_deref().unwrap_or(&id))),
        ("ce-source".to_owned(), source(header)),
        ("ce-time".to_owned(), encoded(&time(header))),
    ];
    let named = header.ce_extensions.iter();
    all.extend(named.map(|(name, value)| (format!("ce-{name}"), encoded(value))));
    all.extend(header.traceparent.iter().map(|value| ("traceparent".to_owned(), value.clone())));
    all.extend(header.content_type.iter().map(|value| ("Content-Type".to_owned(), value.clone())));
    all
}

fn source(header: &Header) -> String {
    header.ce_source.as_deref().map_or_else(|| format!("yz:{}", header.origin), encoded)
}

fn time(header: &Header) -> String {
    header.ce_time.clone().unwrap_or_else(|| {
        let accepted = i64::try_from(header.accepted_ms).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(accepted).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
    })
}

/// Header values hold printable ASCII; the rest is percent-encoded, as the CloudEvents binding
/// for NATS has it (space, double quote, percent sign, and all outside U+0021 to U+007E).
fn encoded(value: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const PLAIN: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
    utf8_percent_encode(value, PLAIN).to_string()
}
