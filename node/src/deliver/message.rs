//! A delivered message: subject, headers and body as applications read them (design §7).

use bytes::Bytes;
use yizhan_core::fill::HeldLeg;
use yizhan_core::time::{BootClock, Now};
use yizhan_schemas::{Envelope, Header, MessageId, Selector};

use super::addressees::Addressees;
use crate::bus::{BusError, Headers, subjects};
use crate::clock::rfc3339;

/// One message for the stream.
pub(super) struct Out {
    pub(super) id: MessageId,
    pub(super) subject: String,
    pub(super) headers: Headers,
    pub(super) payload: Bytes,
    /// What its origin is to hear beside that it was delivered.
    pub(super) remark: Option<String>,
}

/// Why a leg is no message for the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its time to live has run out.
    Stale,
    /// It is no envelope.
    Unreadable(String),
}

/// The message of a leg, for those whom `whom` finds at this station.
pub(super) fn of(
    leg: &HeldLeg,
    now: Now,
    clock: &BootClock,
    whom: impl Fn(&Selector) -> Addressees,
) -> Result<Out, Unfit> {
    let envelope = Envelope::read(leg.envelope.clone());
    let envelope = envelope.map_err(|fault| Unfit::Unreadable(fault.to_string()))?;
    let header = envelope.header();
    let age_ms = leg.age_within(now, clock, header.ttl_ms).ok_or(Unfit::Stale)?;
    let mut headers = Headers::new();
    if leg.late {
        let _ = headers.set("Yz-Late", "1");
    }
    let wrong = |set: Result<(), BusError>| {
        // another station let it in, ours would not have: the message goes before its ornament
        if let Err(fault) = set {
            tracing::warn!(
                event = "header_missing",
                id = %header.id(),
                %fault,
                "delivered without a header"
            );
        }
    };
    for (name, value) in own(header, leg.hops, age_ms) {
        wrong(headers.set_own(name, value));
    }
    let whom = whom(&header.to);
    for (name, value) in whom.headers() {
        wrong(headers.set_own(name, encoded(&value)));
    }
    for (name, value) in &header.ce_extensions {
        wrong(headers.set(&format!("ce-{name}"), &encoded(value)));
    }
    Ok(Out {
        id: header.id(),
        subject: subjects::inbox(&header.kind, &header.origin),
        headers,
        payload: envelope.payload().clone(),
        remark: whom.remark(),
    })
}

fn own(
    header: &Header,
    hops: u32,
    age_ms: u64,
) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let id = header.id().to_string();
    let always = [
        ("ce-id", header.ce_id.as_deref().map_or_else(|| id.clone(), encoded)),
        ("Yz-Id", id),
        ("Yz-Origin", header.origin.to_string()),
        ("Yz-To", encoded(&header.to.to_string())),
        ("Yz-Precedence", header.lane.to_string()),
        ("Yz-Hops", hops.to_string()),
        ("Yz-Age-Ms", age_ms.to_string()),
        ("ce-specversion", "1.0".to_owned()),
        ("ce-type", header.kind.to_string()),
        ("ce-source", source(header)),
        ("ce-time", encoded(&time(header))),
    ];
    let traceparent = header.traceparent.clone().map(|value| ("traceparent", value));
    let content_type = header.content_type.clone().map(|value| ("Content-Type", value));
    always.into_iter().chain(traceparent).chain(content_type)
}

fn source(header: &Header) -> String {
    header.ce_source.as_deref().map_or_else(|| format!("yz:{}", header.origin), encoded)
}

fn time(header: &Header) -> String {
    header.ce_time.clone().unwrap_or_else(|| rfc3339(header.accepted_ms))
}

/// Header values hold printable ASCII; the rest is percent-encoded, as the CloudEvents binding
/// for NATS has it (space, double quote, percent sign, and all outside U+0021 to U+007E).
fn encoded(value: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const PLAIN: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
    utf8_percent_encode(value, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use yizhan_core::time::BootId;
    use yizhan_schemas::{Code, Epoch, Kind, Lane};

    use super::*;
    use crate::clock;

    fn of(leg: &HeldLeg, boot: BootId) -> Result<Out, Unfit> {
        super::of(leg, clock::now(), &BootClock::of(boot), |_| Addressees::default())
    }

    const BOOT: BootId = BootId(1);

    fn leg(ttl_ms: Option<u64>, age_ms: u64, named: &[(&str, &str)]) -> HeldLeg {
        let named = named.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let header = Header {
            ttl_ms,
            ce_extensions: named.collect::<BTreeMap<_, _>>(),
            ..Header::plain(
                MessageId {
                    origin: Code::parse("510722.101").unwrap(),
                    epoch: Epoch::from_random(1),
                    lane: Lane::Flash,
                    sequence: 3,
                },
                Kind::parse("incident.report").unwrap(),
                Selector::up(),
                0,
            )
        };
        HeldLeg {
            sequence: 1,
            chain: Default::default(),
            envelope: Envelope::make(header, b"{}").unwrap().bytes().clone(),
            age_ms,
            age_unknown: false,
            hops: 1,
            late: false,
            own: false,
            under: None,
            boot: BOOT,
            taken_boot_ms: clock::now().boot_ms(),
        }
    }

    #[test]
    fn a_message_whose_time_is_over_or_unknown_is_none_for_the_stream() {
        assert!(of(&leg(Some(60_000), 1_000, &[]), BOOT).is_ok());
        assert_eq!(of(&leg(Some(60_000), 60_000, &[]), BOOT).err(), Some(Unfit::Stale));
        assert_eq!(of(&leg(Some(60_000), 0, &[]), BootId(2)).err(), Some(Unfit::Stale));
        assert!(of(&leg(None, u64::MAX, &[]), BootId(2)).is_ok(), "it has no time to live");
    }

    #[test]
    fn a_header_that_cannot_be_one_does_not_keep_a_message_out_of_the_inbox() {
        let out = of(&leg(None, 0, &[("a:b", "c"), ("fine", "c")]), BOOT).unwrap();
        assert_eq!(out.headers.get("ce-fine"), Some("c"));
        assert_eq!(out.headers.get("Yz-Precedence"), Some("flash"));
        assert!(out.headers.iter().all(|(name, _)| !name.contains(':')));
    }

    #[test]
    fn what_is_no_envelope_is_said_to_be_none() {
        let mut broken = leg(None, 0, &[]);
        broken.envelope = Bytes::from_static(b"\x01garbage");
        assert!(matches!(of(&broken, BOOT), Err(Unfit::Unreadable(_))));
    }
}
