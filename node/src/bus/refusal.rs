//! [`Refusal`]: what nats-server refused somebody, read from a line of its log.
//!
//! The server says so in its log and nowhere else. Names of clients, users and subjects in it are
//! whatever an attacker sent; the server quotes them as Go does (tried on 2.15.1), so a quote, a
//! line feed or another line's text inside a name cannot be taken for a part of the line:
//!
//! ```text
//! [pid] date time [ERR] <peer> - cid:7 - "v1:py:name" - "LINK/nkey:U…" - Publish Violation - Subject "a.b"
//! [pid] date time [ERR] <peer> - cid:9 - authentication error - Nkey "U…"
//! [pid] date time [ERR] <peer> - cid:8 - TLS handshake error: EOF
//! ```

/// Why somebody was refused; the words are the label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To publish on a subject.
    Publish,
    /// To subscribe to one.
    Subscribe,
    /// To log in.
    Auth,
    /// No TLS came about.
    Tls,
    /// There are too many connections.
    Connections,
    /// There are too many subscriptions.
    Subscriptions,
    /// A message is longer than allowed.
    Payload,
    /// What was sent is not the protocol.
    Protocol,
    /// A client that does not read what it asked for.
    Slow,
}

impl Reason {
    /// As it stands in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Auth => "auth",
            Self::Tls => "tls",
            Self::Connections => "connections",
            Self::Subscriptions => "subscriptions",
            Self::Payload => "payload",
            Self::Protocol => "protocol",
            Self::Slow => "slow",
        }
    }
}

/// Something that the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The server's number of the connection.
    pub connection: u64,
    /// The user: a name or a public nkey; none if nobody had logged in.
    pub user: Option<String>,
    /// The address that it came from, without the port.
    pub address: String,
    /// The subject, if it was about one.
    pub subject: Option<String>,
    /// What the server says, without what stands above.
    pub words: String,
}

/// What the server says, and what it means; the first that fits.
const WORDS: [(&str, Reason); 12] = [
    ("Publish Violation", Reason::Publish),
    ("Subscription Violation", Reason::Subscribe),
    ("authentication error", Reason::Auth),
    ("Authorization Violation", Reason::Auth),
    ("Authentication Timeout", Reason::Auth),
    ("TLS handshake error", Reason::Tls),
    ("maximum connections exceeded", Reason::Connections),
    ("maximum account active connections exceeded", Reason::Connections),
    ("maximum subscriptions exceeded", Reason::Subscriptions),
    ("maximum payload exceeded", Reason::Payload),
    ("maximum control line exceeded", Reason::Protocol),
    ("Client parser ERROR", Reason::Protocol),
];
/// The same where the server only informs.
const SLOW: &str = "Slow Consumer Detected";

impl Refusal {
    /// Reads a line; none if it says something else.
    pub fn of_line(line: &str) -> Option<Self> {
        let (_, said) = line.split_once("] ")?;
        let (level, said) = said.split_once(" [")?.1.split_once("] ")?;
        let (peer, said) = said.split_once(" - cid:")?;
        let (number, mut said) = said.split_once(" - ")?;
        let connection = number.parse().ok()?;
        // name and user stand in quotes before what it is about, once somebody has logged in
        let mut user = None;
        while let Some((quoted, rest)) = unquote(said) {
            said = rest.strip_prefix(" - ")?;
            user = user_of(&quoted).or(user);
        }
        let known = |(words, reason): &(&str, Reason)| said.starts_with(words).then_some(*reason);
        let reason = match level {
            "ERR" => WORDS.iter().find_map(known)?,
            _ if said.starts_with(SLOW) => Reason::Slow,
            _ => return None,
        };
        let after = |word: &str| said.split_once(word).and_then(|(_, rest)| unquote(rest));
        if reason == Reason::Auth && user.is_none() {
            user = after(" - Nkey ").or_else(|| after(" - User ")).map(|(text, _)| text);
        }
        let subject = matches!(reason, Reason::Publish | Reason::Subscribe);
        let subject = subject.then(|| after(" - Subject ")).flatten().map(|(text, _)| text);
        let (address, words) = (address_of(peer), said.to_owned());
        Some(Self { reason, connection, user, address, subject, words })
    }
}

/// `account/user:name` or `account/nkey:U…`, as the server writes who has logged in.
fn user_of(quoted: &str) -> Option<String> {
    let (_, who) = quoted.split_once('/')?;
    let user = who.strip_prefix("nkey:").or_else(|| who.strip_prefix("user:"));
    user.map(str::to_owned)
}

/// The address of `127.0.0.1:4711` or `[::1]:4711`.
fn address_of(peer: &str) -> String {
    let address = peer.rsplit_once(':').map_or(peer, |(address, _)| address);
    address.trim_start_matches('[').trim_end_matches(']').to_owned()
}

/// The text in quotes that a line begins with, as Go's `%q` writes it, and what follows. Its
/// escapes are left as they are: they are for people, and harmless.
fn unquote(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.char_indices().find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    let (at, _) = end?;
    Some((inside.get(..at)?.to_owned(), inside.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nats-server 2.15.1 wrote them.
    const HEAD: &str = "[24506] 2026/11/26 18:55:55.167709 [ERR] 127.0.0.1:40938 - cid:7 - ";
    const WHO: &str = r#""v1:py:evil \"name\"\n[INF] x" - "LINK/nkey:UAAQS7" - "#;

    fn read(rest: &str) -> Refusal {
        Refusal::of_line(&format!("{HEAD}{rest}")).unwrap()
    }

    #[test]
    fn what_somebody_who_has_logged_in_may_not_do_is_read_with_its_user_and_subject() {
        let refusal = read(&format!("{WHO}Publish Violation - Subject \"yz.down.510722\""));
        assert_eq!(refusal.reason, Reason::Publish);
        assert_eq!(refusal.user.as_deref(), Some("UAAQS7"));
        assert_eq!(refusal.address, "127.0.0.1");
        assert_eq!(refusal.subject.as_deref(), Some("yz.down.510722"));
        let refusal =
            read(&format!("{WHO}Subscription Violation - Subject \"foo.*\", Queue: \"q\", SID 3"));
        assert_eq!(
            (refusal.reason, refusal.subject.as_deref()),
            (Reason::Subscribe, Some("foo.*"))
        );
        let refusal = read("\"v1\" - \"APP/user:demo\" - Publish Violation - Subject \"a\\\"b\"");
        assert_eq!(refusal.user.as_deref(), Some("demo"));
        assert_eq!(refusal.subject.as_deref(), Some("a\\\"b"));
        assert_eq!(read(&format!("{WHO}maximum payload exceeded: 9 vs 1")).reason, Reason::Payload);
        let protocol = "Client parser ERROR, state=0, i=299: proto='\"FOO bar\\r\"...'";
        assert_eq!(read(&format!("{WHO}{protocol}")).reason, Reason::Protocol);
    }

    #[test]
    fn who_is_not_let_in_is_read_with_what_they_claim_to_be() {
        let refusal = read("authentication error - Nkey \"UDZKHB\"");
        assert_eq!((refusal.reason, refusal.user.as_deref()), (Reason::Auth, Some("UDZKHB")));
        assert_eq!(read("authentication error - User \"demo\"").user.as_deref(), Some("demo"));
        assert_eq!(read("authentication error").user, None);
        assert_eq!(read("authentication error - Token \"[REDACTED]\"").user, None);
        assert_eq!(read("TLS handshake error: EOF").reason, Reason::Tls);
        assert_eq!(read("maximum connections exceeded").reason, Reason::Connections);
    }

    #[test]
    fn a_hostile_name_does_not_pass_for_another_line_or_user() {
        let forged = r#"a\"b\nc] [ERR] 127.0.0.1:1 - cid:1 - authentication error - Nkey \"UFAKE"#;
        let refusal = read(&format!("authentication error - User \"{forged}\""));
        assert_eq!(refusal.user.as_deref(), Some(forged));
        let named =
            format!("\"v1:{forged}\" - \"LINK/nkey:UREAL\" - Publish Violation - Subject \"x\"");
        assert_eq!(read(&named).user.as_deref(), Some("UREAL"));
        // a name that looks like an account: the later word is the server's
        let named =
            "\"v1:APP/nkey:UFAKE\" - \"LINK/nkey:UREAL\" - Publish Violation - Subject \"x\"";
        assert_eq!(read(named).user.as_deref(), Some("UREAL"));
        let open = "\"v1:never closed - Publish Violation - Subject \"";
        assert_eq!(Refusal::of_line(&format!("{HEAD}{open}")), None);
    }

    #[test]
    fn other_lines_are_nothing() {
        for line in [
            "",
            "no log",
            "[1] 2026/11/26 18:55:53.6 [INF] Starting nats-server",
            "[1] 2026/11/26 18:55:53.6 [INF] 127.0.0.1:1 - cid:7 - Publish Violation - Subject \"x\"",
            "[1] 2026/11/26 18:55:53.6 [ERR] 127.0.0.1:1 - cid:x - authentication error",
            "[1] 2026/11/26 18:55:53.6 [ERR] 127.0.0.1:1 - cid:7 - something new",
        ] {
            assert_eq!(Refusal::of_line(line), None, "{line}");
        }
    }
}
