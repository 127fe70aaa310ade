//! [`Ends`]: where reports go into a chain and where they come out, whoever made it.

use crate::real::until::{SOON, until};

/// The two ends of a chain.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The village's server.
    pub village: String,
    /// The county's server.
    pub county: String,
    /// What both are spoken to in.
    pub speaks: Speaks,
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

/// A connection to a NATS server, which must be there soon.
pub async fn connect(url: &str) -> async_nats::Client {
    until(SOON, format!("a connection to {url}"), || async { async_nats::connect(url).await.ok() })
        .await
}

/// True if these bytes are somewhere in those.
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
