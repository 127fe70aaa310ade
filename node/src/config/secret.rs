//! [`Secret`]: a text that no log, error or `config show` ever prints.

use std::fmt;

use config::{Value, ValueKind};
use serde::Deserialize;

use super::value::is_seed;

/// What is printed in place of a secret.
pub const MASK: &str = "****";

/// A text that is only ever printed as `****`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A value as it may be shown to anybody.
pub(super) fn shown(key: &str, value: &Value) -> String {
    match (key, &value.kind) {
        ("http.tokens", ValueKind::Array(tokens)) => {
            let each = tokens.iter().map(|token| shown_token(&token.kind));
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        ("http.tokens", _) => MASK.to_owned(),
        (_, ValueKind::Array(values)) => {
            let each = values.iter().map(|value| shown(key, value));
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        (_, ValueKind::String(text)) => shown_text(text),
        (_, ValueKind::Table(_)) => "a table".to_owned(),
        (_, kind) => kind.to_string(),
    }
}

fn shown_token(token: &ValueKind) -> String {
    let ValueKind::Table(parts) = token else { return MASK.to_owned() };
    let part = |name: &str| parts.get(name).map(|value| value.kind.to_string());
    let who = part("role").into_iter().chain(part("name")).chain([MASK.to_owned()]);
    who.collect::<Vec<_>>().join(" ")
}

/// Seeds go whole; of each URL everything up to its last `@` goes, lest a password that holds odd
/// characters is half shown.
fn shown_text(text: &str) -> String {
    if is_seed(text.trim()) {
        return MASK.to_owned();
    }
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("://");
        match part.rsplit_once('@') {
            Some((_, host)) => shown.extend([MASK, "@", host]),
            None => shown.push_str(part),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_and_seeds_are_masked_and_other_texts_are_not() {
        assert_eq!(shown_text("nats://a:b@10.0.0.1:4222"), "nats://****@10.0.0.1:4222");
        assert_eq!(
            shown_text("nats://a:b@h1:4222,tls://c:d@h2:4222,nats://h3"),
            "nats://****@h1:4222,tls://****@h2:4222,nats://h3"
        );
        assert_eq!(shown_text("SUAB"), "SUAB");
        let seed = format!("SU{}", "A".repeat(56));
        assert_eq!(shown_text(&seed), "****");
        assert_eq!(format!("{:?}", Secret::from("abc")), "****");
    }
}
