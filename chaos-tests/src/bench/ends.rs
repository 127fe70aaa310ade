//! [`Ends`]: where reports go into a chain and where they come out, whoever made it.

use async_nats::{Client, ConnectOptions};

use crate::real::until::{SOON, until};

/// The two ends of a chain.
#[derive(Clone)]
pub struct Ends {
    /// The village's server.
    pub village: End,
    /// The county's server.
    pub county: End,
    /// What both are spoken to in.
    pub speaks: Speaks,
}

/// One of them.
#[derive(Clone)]
pub struct End {
    /// Where it is.
    pub url: String,
    /// As whom one comes there, where that is NATS.
    pub who: ConnectOptions,
}

impl Ends {
    /// Ends that let anybody in.
    pub fn open(village: String, county: String, speaks: Speaks) -> Self {
        let open = |url| End { url, who: ConnectOptions::new() };
        Self { village: open(village), county: open(county), speaks }
    }
}

/// A protocol, and the names in it.
#[derive(Debug, Clone, Copy)]
pub enum Speaks {
    /// NATS with JetStream.
    Nats {
        /// Where reports are handed in.
        subject: &'static str,
        /// The county's stream, where they end.
        stream: &'static str,
        /// Whether an answer says that a report was taken.
        taken: fn(&[u8]) -> bool,
    },
    /// AMQP 0.9.1: a durable queue of this name at either end.
    Amqp {
        /// The queue.
        queue: &'static str,
    },
    /// MQTT 3.1.1, QoS 1.
    Mqtt {
        /// The topic.
        topic: &'static str,
    },
}

impl Speaks {
    /// Our own stations.
    pub const OURS: Self = Self::Nats {
        subject: "yz.submit.incident.report",
        stream: "YZ_INBOX",
        taken: |answer| contains(answer, b"\"accepted\""),
    };
}

/// A connection to a NATS server, which must be there soon.
pub async fn connect(url: &str) -> Client {
    connect_as(&End { url: url.to_owned(), who: ConnectOptions::new() }).await
}

/// The same as somebody.
pub async fn connect_as(End { url, who }: &End) -> Client {
    until(SOON, format!("a connection to {url}"), || async { who.clone().connect(url).await.ok() })
        .await
}

/// True if these bytes are somewhere in those.
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
