//! [`Headers`]: names and values as a carrier received them, in their order.

/// The headers of one request. Any carrier's headers can be collected into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of a name, whatever its case: clients disagree on how to write names.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The last value of a name written exactly so. A nats-server that stamps a header takes away
    /// the client's own of the same case only and puts its own last, so this is the one reading
    /// that cannot be forged (tried on 2.15.1: a client's `nats-request-info` stays).
    pub fn stamped(&self, name: &str) -> Option<&str> {
        self.iter().filter(|(found, _)| *found == name).map(|(_, value)| value).last()
    }

    /// Bytes of all names and values.
    pub fn bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// All names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_except_where_the_server_stamps_them() {
        let headers: Headers = [
            ("yz-to", "up"),
            ("Yz-To", "510722"),
            ("Nats-Request-Info", "forged"),
            ("nats-request-info", "forged too"),
            ("Nats-Request-Info", "stamped"),
            ("NATS-REQUEST-INFO", "forged as well"),
        ]
        .into_iter()
        .collect();
        assert_eq!(headers.get("YZ-TO"), Some("up"));
        assert_eq!(headers.stamped("Nats-Request-Info"), Some("stamped"));
        assert_eq!(headers.get("Yz-Ttl"), None);
    }
}
