//! [`Headers`]: the headers of a message, made so that nothing from outside can panic or break a
//! line in them.

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};

use crate::bus::BusError;

/// Names and values of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub(super) HeaderMap);

impl Headers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more, or another value for it. Wrong are line breaks, and names that are not
    /// printable ASCII or hold a colon.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), BusError> {
        let bad = || BusError::BadHeader { name: name.chars().take(80).collect() };
        if name.is_empty() {
            return Err(bad());
        }
        let header: HeaderName = name.parse().map_err(|_| bad())?;
        let value: HeaderValue = value.parse().map_err(|_| bad())?;
        self.0.insert(header, value);
        Ok(())
    }

    /// The same under a name of our own.
    pub fn set_own(&mut self, name: &'static str, value: String) -> Result<(), BusError> {
        if value.contains(['\r', '\n']) {
            return Err(BusError::BadHeader { name: name.to_owned() });
        }
        self.0.insert(HeaderName::from_static(name), HeaderValue::from(value));
        Ok(())
    }

    /// The value under a name, whatever its case; the last if there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        let same = |known: &HeaderName| {
            let known: &str = known.as_ref();
            known.eq_ignore_ascii_case(name)
        };
        let exact = name.parse::<HeaderName>().ok().and_then(|header| self.0.get_last(header));
        let value = exact.or_else(|| {
            self.0.iter().find(|(known, _)| same(known)).and_then(|(_, values)| values.last())
        });
        value.map(HeaderValue::as_str)
    }

    /// Every name with every value, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values.iter().map(move |value| (name, value.as_str()))
        })
    }

    pub(in crate::bus) fn into_map(self) -> HeaderMap {
        self.0
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_whatever_their_case() {
        let mut headers = Headers::new();
        headers.set("Yz-To", "510722").unwrap();
        headers.set("traceparent", "00-1").unwrap();
        headers.set("Nats-Msg-Id", "a").unwrap();
        for (name, value) in [
            ("yz-to", "510722"),
            ("Traceparent", "00-1"),
            ("nats-msg-id", "a"),
            ("Nats-Msg-Id", "a"),
        ] {
            assert_eq!(headers.get(name), Some(value), "{name}");
        }
        assert_eq!(headers.get("Yz-Ttl"), None);
        assert_eq!(headers.iter().count(), 3);
    }

    #[test]
    fn a_value_cannot_bring_a_header_of_its_own() {
        let mut headers = Headers::new();
        for (name, value) in [
            ("A", "b\r\nC: d"),
            ("A", "b\nC: d"),
            ("A", "b\rc"),
            ("A: b", "c"),
            ("", "a"),
            ("名", "a"),
        ] {
            assert!(headers.set(name, value).is_err(), "{name:?} {value:?}");
        }
        assert!(headers.is_empty());
    }
}
