//! [`Attributes`]: what a CloudEvent says of itself, by name, values decoded.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use yizhan_schemas::reply::Refusal;

use super::asked::Place;
use super::headers::Headers;

/// Most attributes of one event.
const ATTRIBUTES_MAX: usize = 64;
/// Longest name, characters. The standard says that it should be at most 20.
const NAME_CHARS_MAX: usize = 64;
/// What attributes' headers begin with.
const PREFIX: &str = "ce-";
/// The version of CloudEvents that is read.
const SPECVERSION: &str = "1.0";

/// Attributes by name. None is empty, and none has a control character in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// The attributes in `ce-*` headers (binary mode): their values are percent-encoded UTF-8.
    /// Of several headers of one name, the first counts.
    ///
    /// # Errors
    /// `schema_invalid` with a pointer to the attribute.
    pub(super) fn of_headers(headers: &Headers) -> Result<Self, Refusal> {
        let mut attributes = Self::default();
        for (name, value) in headers.iter() {
            let (head, name) = name.split_at_checked(PREFIX.len()).unwrap_or_default();
            if !head.eq_ignore_ascii_case(PREFIX) {
                continue;
            }
            let name = name.to_ascii_lowercase();
            if attributes.get(&name).is_none() {
                let value = unquoted(value);
                let value = percent_decode_str(&value).decode_utf8().map_err(|_| {
                    Place::Attribute(&name).misshapen("not UTF-8 behind its percent encoding")
                })?;
                attributes.set(&name, &value)?;
            }
        }
        Ok(attributes)
    }

    /// Adds an attribute.
    ///
    /// # Errors
    /// `schema_invalid` with a pointer to the attribute.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let cut: String = name.chars().take(NAME_CHARS_MAX).collect();
        let place = Place::Attribute(&cut);
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(plain) {
            return Err(place.misshapen(format!(
                "not a name; valid are 1 to {NAME_CHARS_MAX} lower-case letters and digits"
            )));
        }
        if value.is_empty() {
            return Err(place.misshapen("empty; leave it away or give it a value"));
        }
        if value.contains(char::is_control) {
            return Err(place.misshapen("has a control character in it, such as a line break"));
        }
        if self.0.len() == ATTRIBUTES_MAX {
            return Err(place.misshapen(format!("more than {ATTRIBUTES_MAX} attributes")));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// An attribute's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Takes an attribute out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// An attribute that every event must have.
    ///
    /// # Errors
    /// `schema_invalid` with a pointer to the attribute.
    pub(super) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            Place::Attribute(name).misshapen(format!(
                "missing; every CloudEvent has id, source, type and specversion (as headers: \
                 ce-{name})"
            ))
        })
    }

    /// Checks the version, if one is said.
    ///
    /// # Errors
    /// `schema_invalid` with a pointer to the attribute.
    pub(super) fn check_version(&self) -> Result<(), Refusal> {
        match self.get("specversion") {
            None | Some(SPECVERSION) => Ok(()),
            Some(other) => {
                let cut: String = other.chars().take(20).collect();
                let why = format!("`{cut}` is not read here; valid is {SPECVERSION}");
                Err(Place::Attribute("specversion").misshapen(why))
            }
        }
    }

    /// Bytes of all names and values.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// What has not been taken out.
    pub(super) fn rest(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// A header's value without the quotes of RFC 9110 around it: some HTTP clients write them.
fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return value.to_owned() };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Attributes, Refusal> {
        Attributes::of_headers(&pairs.iter().copied().collect())
    }

    #[test]
    fn headers_are_decoded_once_and_named_without_case() {
        let attributes = read(&[
            ("CE-Id", "a%2Fb%2520"),
            ("ce-subject", "%E9%81%93%e8%b7%AF"),
            ("ce-note", r#""say \"yes\"""#),
            ("Yz-To", "up"),
            ("ce-id", "second"),
            ("三台", "x"),
        ])
        .unwrap();
        assert_eq!(attributes.get("id"), Some("a/b%20"));
        assert_eq!(attributes.get("subject"), Some("道路"));
        assert_eq!(attributes.get("note"), Some(r#"say "yes""#));
        assert_eq!(attributes.rest().len(), 3);
    }

    #[test]
    fn a_bad_attribute_is_refused_by_name() {
        let many: Vec<_> = (0..65).map(|n| (format!("ce-a{n:02}"), "x".to_owned())).collect();
        let many: Headers = many.into_iter().collect();
        for (refused, message, pointer) in [
            (
                read(&[("ce-subject", "%ff")]),
                "attribute subject: not UTF-8 behind its percent encoding",
                "/subject",
            ),
            (
                read(&[("ce-a_b", "x")]),
                "attribute a_b: not a name; valid are 1 to 64 lower-case letters and digits",
                "/a_b",
            ),
            (
                read(&[("ce-id", "")]),
                "attribute id: empty; leave it away or give it a value",
                "/id",
            ),
            (
                read(&[("ce-id", "a%0d%0ab")]),
                "attribute id: has a control character in it, such as a line break",
                "/id",
            ),
            (Attributes::of_headers(&many), "attribute a64: more than 64 attributes", "/a64"),
        ] {
            let refusal = refused.unwrap_err();
            assert_eq!(refusal.message, message);
            assert_eq!(refusal.pointer.as_deref(), Some(pointer));
        }
    }
}
