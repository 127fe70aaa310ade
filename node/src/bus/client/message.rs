//! [`Message`]: what a subscription hands out, and [`Publisher`]: who sent it, as the server says.
//!
//! The server replaces `Nats-Request-Info` on requests that come through a shared service. But it
//! looks for whole lines ending in CR LF and appends its own line to whatever the client sent,
//! while async-nats also breaks lines at a bare LF. So a publisher can hide a header from the
//! server's eye, and can glue the server's line to one of its own (tried on 2.15.1). Therefore a
//! message counts as identified only if the name stands in its headers exactly once, as a name.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::Headers;

/// The header that the server stamps.
const REQUEST_INFO: &str = "Nats-Request-Info";

/// One received message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it was published.
    pub subject: String,
    /// Where an answer is wanted.
    pub reply: Option<String>,
    /// Its headers; empty if it has none.
    pub headers: Headers,
    /// Its body.
    pub payload: Bytes,
}

/// Who published a request, from the server's own knowledge of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Publisher {
    /// The user's name, or its public nkey.
    #[serde(default)]
    pub user: String,
    /// The account it connected to.
    #[serde(rename = "acc", default)]
    pub account: String,
    /// The name the client gave to its connection; the client chooses it.
    #[serde(default)]
    pub name: String,
    /// The address it connected from.
    #[serde(default)]
    pub host: String,
    /// The server's number of the connection.
    #[serde(default)]
    pub id: u64,
}

impl Message {
    /// Who sent it; `None` if the server did not say, or if the sender tampered with what it said.
    pub fn publisher(&self) -> Option<Publisher> {
        Publisher::of_stamp(self.stamp()?)
    }

    /// What the server says of the sender, if the sender did not tamper with it.
    fn stamp(&self) -> Option<&str> {
        let mut stamp = None;
        for (name, value) in self.headers.iter() {
            if name == REQUEST_INFO && stamp.is_none() && !mentions(value) {
                stamp = Some(value);
            } else if mentions(name) || mentions(value) {
                return None;
            }
        }
        stamp
    }
}

impl Publisher {
    fn of_stamp(stamp: &str) -> Option<Self> {
        serde_json::from_str(stamp).ok().filter(|who: &Self| !who.user.is_empty())
    }
}

/// The publisher met last: whoever sends on bears the same stamp, which need not be read again.
#[derive(Debug, Default)]
pub struct LastPublisher(Option<(String, Arc<Publisher>)>);

impl LastPublisher {
    /// Who sent a message, as [`Message::publisher`] says.
    pub fn of(&mut self, message: &Message) -> Option<Arc<Publisher>> {
        let stamp = message.stamp()?;
        if let Some((_, known)) = self.0.as_ref().filter(|(read, _)| read == stamp) {
            return Some(Arc::clone(known));
        }
        let publisher = Arc::new(Publisher::of_stamp(stamp)?);
        self.0 = Some((stamp.to_owned(), Arc::clone(&publisher)));
        Some(publisher)
    }
}

fn mentions(text: &str) -> bool {
    let (text, name) = (text.as_bytes(), REQUEST_INFO.as_bytes());
    // looked for at its one `q`: every request passes here, with a stamp of some hundred bytes
    const Q: usize = 7;
    let mut places = memchr::memchr2_iter(b'q', b'Q', text);
    places.any(|place| {
        let part = place.checked_sub(Q).and_then(|start| text.get(start..start + name.len()));
        part.is_some_and(|part| part.eq_ignore_ascii_case(name))
    })
}

impl From<async_nats::Message> for Message {
    fn from(message: async_nats::Message) -> Self {
        Self {
            subject: message.subject.to_string(),
            reply: message.reply.map(|reply| reply.to_string()),
            headers: Headers(message.headers.unwrap_or_default()),
            payload: message.payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: &str = r#"{"start":"…","host":"127.0.0.1","id":9,"acc":"APP","user":"demo"}"#;

    fn message(headers: &[(&str, &str)]) -> Message {
        let mut map = async_nats::HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, *value);
        }
        let (subject, payload) = ("yz.submit.a.b".to_owned(), Bytes::new());
        Message { subject, reply: None, headers: Headers(map), payload }
    }

    #[test]
    fn the_servers_stamp_names_the_publisher() {
        let who = message(&[("Yz-To", "up"), (REQUEST_INFO, STAMP)]).publisher().unwrap();
        assert_eq!((who.user.as_str(), who.account.as_str(), who.id), ("demo", "APP", 9));
    }

    #[test]
    fn another_stamp_is_another_publisher_and_a_forged_one_none_whoever_was_met_last() {
        let mut last = LastPublisher::default();
        let mut who = |headers: &[(&str, &str)]| last.of(&message(headers)).map(|who| who.id);
        let other = STAMP.replace("\"id\":9", "\"id\":10");
        assert_eq!(who(&[(REQUEST_INFO, STAMP)]), Some(9));
        assert_eq!(who(&[(REQUEST_INFO, STAMP)]), Some(9));
        assert_eq!(who(&[(REQUEST_INFO, &other)]), Some(10));
        assert_eq!(who(&[(REQUEST_INFO, &other), ("nats-request-info", STAMP)]), None);
        assert_eq!(who(&[(REQUEST_INFO, STAMP)]), Some(9));
    }

    #[test]
    fn a_stamp_that_stands_beside_another_or_inside_a_header_identifies_nobody() {
        let glued = format!("1{REQUEST_INFO}: {STAMP}");
        let glued_name = format!("Foo{REQUEST_INFO}");
        for headers in [
            vec![],
            vec![(REQUEST_INFO, STAMP), (REQUEST_INFO, STAMP)],
            vec![(REQUEST_INFO, STAMP), ("nats-request-info", STAMP)],
            vec![(REQUEST_INFO, STAMP), ("A", glued.as_str())],
            vec![(REQUEST_INFO, STAMP), (glued_name.as_str(), STAMP)],
            vec![(REQUEST_INFO, "not json")],
            vec![(REQUEST_INFO, r#"{"acc":"APP"}"#)],
        ] {
            assert_eq!(message(&headers).publisher(), None, "{headers:?}");
        }
    }
}
