//! [`Acceptor`]: the server's side of a connection, with whichever certificate is in force.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::files::provider;

/// A connection under TLS.
pub type Stream = tokio_rustls::server::TlsStream<TcpStream>;

/// The certificate that is shown to new connections.
#[derive(Debug)]
pub(super) struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    pub(super) fn new(certified: Arc<CertifiedKey>) -> Self {
        Self(RwLock::new(certified))
    }

    pub(super) fn replace(&self, certified: Arc<CertifiedKey>) {
        // the value is whole even if somebody panicked beside it
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Turns connections into ones under TLS. Clients need no certificate of their own: over HTTP,
/// bearer tokens say who they are.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

impl Acceptor {
    pub(super) fn new(shown: Arc<Shown>) -> Result<Self, rustls::Error> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(shown);
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// The handshake.
    ///
    /// # Errors
    /// It failed, or took longer than `within`.
    pub async fn accept(&self, socket: TcpStream, within: Duration) -> io::Result<Stream> {
        let done = tokio::time::timeout(within, self.0.accept(socket)).await;
        done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}
