//! [`Listen`]: where a bus can be reached, `host:port`, as in `bus.listen`.

use std::fmt;
use std::net::IpAddr;

/// A host and a port; port 0 leaves the choice to the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// An address, without brackets, or a name.
    pub host: String,
    /// 0 = any.
    pub port: u16,
}

/// Why a text is not an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address to listen on; valid is host:port, as in 127.0.0.1:4222 or \
         [::1]:4222, with :0 for any port"
)]
pub struct BadListen(
    /// The text that was given.
    pub String,
);

impl Listen {
    /// Reads `host:port`.
    pub fn parse(text: &str) -> Result<Self, BadListen> {
        let bad = || BadListen(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = inner.unwrap_or(host);
        let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let good = match host.parse() {
            Ok(IpAddr::V4(_)) => inner.is_none(),
            Ok(IpAddr::V6(_)) => inner.is_some(),
            Err(_) => inner.is_none() && !host.is_empty() && host.bytes().all(name),
        };
        let port = port.parse().map_err(|_| bad())?;
        if good { Ok(Self { host: host.to_owned(), port }) } else { Err(bad()) }
    }

    /// True if only this machine can connect.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host == "localhost",
        }
    }

    /// Where a client on this machine connects: a wildcard is no address to dial.
    pub fn local_url(&self) -> String {
        let host = match self.host.parse() {
            Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1".to_owned(),
            Ok(IpAddr::V6(address)) if address.is_unspecified() => "[::1]".to_owned(),
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.host.clone(),
        };
        format!("nats://{host}:{}", self.port)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_themselves_and_give_a_url_to_dial() {
        for (text, loopback, url) in [
            ("127.0.0.1:4222", true, "nats://127.0.0.1:4222"),
            ("0.0.0.0:4222", false, "nats://127.0.0.1:4222"),
            ("[::1]:0", true, "nats://[::1]:0"),
            ("[::]:4222", false, "nats://[::1]:4222"),
            ("localhost:1", true, "nats://localhost:1"),
            ("10.72.0.1:4222", false, "nats://10.72.0.1:4222"),
        ] {
            let listen = Listen::parse(text).unwrap();
            assert_eq!(listen.to_string(), text);
            assert_eq!(
                (listen.is_loopback(), listen.local_url().as_str()),
                (loopback, url),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "4222", ":4222", "::1:4222", "[127.0.0.1]:1", "host:", "host:70000", "a b:1"]
        {
            assert_eq!(Listen::parse(text), Err(BadListen(text.to_owned())), "{text}");
        }
    }
}
