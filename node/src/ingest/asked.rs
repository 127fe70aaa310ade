//! Single values that a publisher asks for, each refused with its place and what would be valid.

use std::fmt::Display;

use percent_encoding::percent_decode_str;
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Kind, Lane, Selector};

use super::wait::Wait;

/// Longest time to live, milliseconds: ten years. Longer is the same as none.
pub(super) const TTL_MS_MAX: u64 = 10 * 366 * 24 * 3600 * 1000;
/// Longest trace context, bytes: later versions may append fields to the 55 of version 00.
const TRACEPARENT_BYTES_MAX: usize = 256;

/// Where a value stood.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// A header of the request.
    Header(&'a str),
    /// A CloudEvents attribute: `ce-<name>` in binary mode, a member in structured mode.
    Attribute(&'a str),
}

impl Place<'_> {
    /// A refusal that names the place.
    pub(super) fn refuse(self, code: ErrorCode, why: impl Display) -> Refusal {
        match self {
            Self::Header(name) => Refusal::new(code, format!("header {name}: {why}")),
            Self::Attribute(name) => Refusal {
                code,
                message: format!("attribute {name}: {why}"),
                pointer: Some(format!("/{name}")),
            },
        }
    }

    /// A refusal of a value that does not have the form it must have.
    pub(super) fn misshapen(self, why: impl Display) -> Refusal {
        self.refuse(ErrorCode::SchemaInvalid, why)
    }

    /// Reads a kind.
    pub(super) fn kind(self, text: &str) -> Result<Kind, Refusal> {
        Kind::parse(text).map_err(|bad| self.refuse(ErrorCode::UnknownKind, bad))
    }

    /// Reads a selector; names in a header may be percent-encoded, as attributes' are.
    pub(super) fn selector(self, text: &str) -> Result<Selector, Refusal> {
        let text = match self {
            Self::Header(_) => percent_decode_str(text).decode_utf8_lossy(),
            Self::Attribute(_) => text.into(),
        };
        Selector::parse(&text).map_err(|bad| self.refuse(ErrorCode::BadSelector, bad))
    }

    /// Reads a precedence.
    pub(super) fn precedence(self, text: &str) -> Result<Lane, Refusal> {
        text.trim().parse().map_err(|bad| self.misshapen(bad))
    }

    /// Reads a time to live as milliseconds.
    pub(super) fn ttl_ms(self, text: &str) -> Result<u64, Refusal> {
        let fault = |why: &dyn Display| {
            let cut: String = text.chars().take(80).collect();
            self.misshapen(format!(
                "`{cut}` is not a time to live: {why}; valid is 1ms to 3660days, as in 30s or 5m"
            ))
        };
        let time = humantime::parse_duration(text.trim()).map_err(|bad| fault(&bad))?;
        match u64::try_from(time.as_millis()) {
            Ok(ms @ 1..=TTL_MS_MAX) => Ok(ms),
            Ok(0) => Err(fault(&"it would be over at once")),
            _ => Err(fault(&"it is too long")),
        }
    }

    /// Reads what a publisher waits for.
    pub(super) fn wait(self, text: &str) -> Result<Wait, Refusal> {
        text.parse().map_err(|bad| self.misshapen(bad))
    }
}

/// A trace context, if it has the shape of one. A bad one is no reason to refuse a report:
/// W3C says to go on without it.
pub(super) fn traceparent(text: &str) -> Option<String> {
    let text = text.trim();
    let hex = |part: &str, chars: usize| {
        part.len() == chars && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let mut parts = text.split('-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let (flags, more) = (parts.next()?, parts.next().is_some());
    let shape = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    let forbidden = version == "ff" || zero(trace) || zero(span) || (version == "00" && more);
    (shape && !forbidden && text.len() <= TRACEPARENT_BYTES_MAX).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_read_in_milliseconds_and_bounded() {
        let place = Place::Header("Yz-Ttl");
        for (text, ms) in [("30s", 30_000), ("5m", 300_000), ("1h 30m", 5_400_000), ("1ms", 1)] {
            assert_eq!(place.ttl_ms(text), Ok(ms), "{text}");
        }
        for (text, why) in [
            ("30", "time unit needed, for example 30sec or 30ms"),
            ("0s", "it would be over at once"),
            ("10us", "it would be over at once"),
            ("20years", "it is too long"),
            ("soon", "expected number at 0"),
        ] {
            assert_eq!(
                place.ttl_ms(text).unwrap_err(),
                Refusal::new(
                    ErrorCode::SchemaInvalid,
                    format!(
                        "header Yz-Ttl: `{text}` is not a time to live: {why}; valid is 1ms to \
                         3660days, as in 30s or 5m"
                    )
                )
            );
        }
    }

    #[test]
    fn a_trace_context_is_kept_if_it_has_the_shape_of_one() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(traceparent(good).as_deref(), Some(good));
        let later = format!("cc{}-what-comes-later", &good[2..]);
        assert_eq!(traceparent(&later), Some(later.clone()));
        for bad in [
            "",
            "00",
            &good.to_uppercase(),
            &good.replace("0af7", "0ag7"),
            &format!("{good}-more"),
            &format!("ff{}", &good[2..]),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            &format!("cc{}-{}", &good[2..], "x".repeat(256)),
        ] {
            assert_eq!(traceparent(bad), None, "{bad}");
        }
    }
}
