//! [`Ends`]: where reports go into a chain and where they come out, whoever made it.
//!
//! All peers measured here speak NATS, so one publisher and one reader serve them all.

use crate::real::until::{SOON, until};

/// The two ends of a chain.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The village's server.
    pub village: String,
    /// The county's server.
    pub county: String,
    /// Where reports are handed in.
    pub subject: &'static str,
    /// The county's stream, where they end.
    pub stream: &'static str,
    /// Whether an answer says that a report was taken.
    pub taken: fn(&[u8]) -> bool,
}

/// A connection to a server, which must be there soon.
pub async fn connect(url: &str) -> async_nats::Client {
    until(SOON, format!("a connection to {url}"), || async { async_nats::connect(url).await.ok() })
        .await
}

/// True if these bytes are somewhere in those.
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
