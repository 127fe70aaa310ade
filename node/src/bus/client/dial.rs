//! [`Dial`]: how one connection is made, and how soon it is known to be broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::ConnectOptions;
use yizhan_schemas::Code;

use super::live::Ears;
use crate::bus::{BusError, Credential, subjects};
use crate::tls::TlsFiles;

/// async-nats gives up when a third ping finds two unanswered: a half-open connection to the
/// parent is found after three of these, within the ten seconds of the design.
const PARENT_PING: Duration = Duration::from_secs(3);
/// On this machine a broken connection shows by itself; a hang is the server's keeper's matter.
const LOCAL_PING: Duration = Duration::from_secs(20);
/// For the whole handshake, three round trips and about 1.5 kB: enough for a satellite, and for
/// 9.6 kbit/s (3 s) where the queue of a connection before is still in the modem (2 s). Linux
/// resends a lost first packet within it each second from 6.5 on, and after 1 s and 3 s before.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(7);
/// The first wait after a connection broke is at most this.
const RECONNECT_FIRST_MS: u64 = 50;
/// No wait is longer, unless the parent asks for it ([`super::Client::set_reconnect_cap`]).
pub(super) const RECONNECT_CAP_MS: u64 = 1000;
/// Messages that wait in one subscription for their reader; what comes beyond is dropped and
/// counted. Six seconds of ten thousand a second.
const SUBSCRIPTION_CAPACITY: usize = 64 * 1024;

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub struct Dial {
    /// `nats://host:port`.
    pub url: String,
    /// The identity.
    pub credential: Credential,
    /// Shown to operators of the server.
    pub name: String,
    /// Answers to requests come back below it; the server's permissions name it.
    pub inbox_prefix: String,
    /// A third of the time in which a half-open connection is found.
    pub ping_interval: Duration,
    /// If set, the connection is under TLS or there is none, and we show this certificate. The
    /// files are read anew for each attempt.
    pub tls: Option<TlsFiles>,
}

impl Dial {
    /// A connection of a station to its own bus; `role` is `link` or `app`.
    pub fn own(url: &str, credential: &Credential, station: &Code, role: &str) -> Self {
        Self {
            url: url.to_owned(),
            credential: credential.clone(),
            name: format!("yizhan {station} {role}"),
            inbox_prefix: subjects::inbox_prefix(station),
            ping_interval: LOCAL_PING,
            tls: None,
        }
    }

    /// The same under TLS, if there are files for it.
    pub fn with_tls(self, tls: Option<&TlsFiles>) -> Self {
        Self { tls: tls.cloned(), ..self }
    }

    /// The connection of a station to its parent's bus.
    pub fn parent(url: &str, credential: &Credential, station: &Code) -> Self {
        Self { ping_interval: PARENT_PING, ..Self::own(url, credential, station, "uplink") }
    }

    /// A connection without credentials, where the bus takes that for an application.
    pub fn open(url: &str, name: &str) -> Self {
        Self {
            url: url.to_owned(),
            credential: Credential::Open,
            name: name.to_owned(),
            inbox_prefix: "_INBOX".to_owned(),
            ping_interval: LOCAL_PING,
            tls: None,
        }
    }

    /// Starts connecting; returns at once, and tries for ever.
    pub(super) async fn start(
        &self,
        ears: Ears,
        cap_ms: Arc<AtomicU64>,
    ) -> Result<async_nats::Client, BusError> {
        let wrong = |why: String| BusError::BadUrl { url: self.url.clone(), why };
        let options = match &self.credential {
            Credential::Seed { seed, .. } => ConnectOptions::with_nkey(seed.clone()),
            Credential::Creds(text) => {
                ConnectOptions::with_credentials(text).map_err(|e| wrong(e.to_string()))?
            }
            Credential::Open => ConnectOptions::new(),
        };
        let options = match &self.tls {
            // required also where the server does not ask for it: somebody on the way could take
            // that out of its words
            Some(TlsFiles { ca, cert, key }) => options
                .require_tls(true)
                .add_root_certificates(ca.clone())
                .add_client_certificate(cert.clone(), key.clone()),
            None => options,
        };
        let ears = Arc::new(ears);
        options
            .name(&self.name)
            .custom_inbox_prefix(&self.inbox_prefix)
            .no_echo()
            .retry_on_initial_connect()
            .max_reconnects(None)
            .ignore_discovered_servers()
            .connection_timeout(HANDSHAKE_WITHIN)
            .ping_interval(self.ping_interval)
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .reconnect_delay_callback(move |attempt| delay(attempt, cap_ms.load(Ordering::Relaxed)))
            .event_callback(move |event| {
                ears.hear(&event);
                std::future::ready(())
            })
            .connect(&self.url)
            .await
            .map_err(|error| wrong(error.to_string()))
    }
}

/// Full jitter: neighbours that lost the same parent must not come back in step.
pub(super) fn delay(attempt: usize, cap_ms: u64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let most = RECONNECT_FIRST_MS.saturating_mul(1 << doublings).min(cap_ms);
    Duration::from_millis(rand::random_range(0..=most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnect_waits_grow_from_fifty_milliseconds_to_the_cap_with_full_jitter() {
        let most = |attempt, cap| (0..500).map(|_| delay(attempt, cap)).max().unwrap();
        assert!(most(1, RECONNECT_CAP_MS) <= Duration::from_millis(50));
        assert!(most(3, RECONNECT_CAP_MS) <= Duration::from_millis(200));
        let (late, raised) = (most(1000, RECONNECT_CAP_MS), most(1000, 30_000));
        assert!(late <= Duration::from_secs(1) && late > Duration::from_millis(500), "{late:?}");
        assert!(raised > Duration::from_secs(2), "{raised:?}");
    }
}
