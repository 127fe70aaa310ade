//! [`serve`]: who may connect, how many at once, and how slowly.
//!
//! A head that does not come within [`HEAD_READ`] ends its connection, also when it is idle
//! between two requests; a body has its own time limit. hyper itself answers heads that are too
//! long or no HTTP, with a bare 431 or 400.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::guard::Peer;
use super::routes;
use super::site::Site;

/// Most connections at once; further ones wait in the listener's backlog.
pub const CONNECTIONS_MAX: usize = 1024;
/// Longest head of a request, bytes: CloudEvents attributes are headers in binary mode.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Longest time for a head to come, and for a connection to be idle.
pub const HEAD_READ: Duration = Duration::from_secs(15);
/// Longest time that requests under way are given when the station stops.
pub const STOP_GRACE: Duration = Duration::from_secs(10);
/// Pause after the system refused a connection (out of file descriptors), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is nothing served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Everybody could come in.
    #[error(
        "http.listen is {0}, which others than this machine can reach, and http.tokens is empty; \
         valid is a loopback address such as 127.0.0.1:8080, or at least one token"
    )]
    Open(
        /// The address.
        SocketAddr,
    ),
    /// Everybody on the way could read it.
    #[error(
        "http.listen is {0}, which others than this machine can reach, and there is no TLS: set \
         tls.ca, tls.cert and tls.key (`yizhan topology render` makes them), or listen on \
         loopback, such as 127.0.0.1:8080"
    )]
    Plain(
        /// The address.
        SocketAddr,
    ),
    /// The listener has no address.
    #[error("the HTTP listener cannot be used: {0}")]
    Listener(
        /// What the system says.
        #[from]
        io::Error,
    ),
}

/// Serves a site until `stop` resolves; then requests under way are ended, streams at once.
///
/// # Errors
/// If the listener can be reached from elsewhere and there are no tokens, or if it has no address.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let here = listener.local_addr()?;
    if !here.ip().to_canonical().is_loopback() {
        if site.tokens.is_empty() {
            return Err(ServeError::Open(here));
        }
        if site.tls.is_none() {
            return Err(ServeError::Plain(here));
        }
    }
    let tls = site.tls.clone();
    let (stopping, told) = watch::channel(false);
    let router = routes::router(site, told);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            // the semaphore is never closed, so a place always comes
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((socket, peer)) => {
                // an answer is small and ready at once: waiting for more to send only delays it
                let _ = socket.set_nodelay(true);
                let (watcher, router, tls) = (graceful.watcher(), router.clone(), tls.clone());
                connections.spawn(async move {
                    let Some(tls) = tls else {
                        let _ = watcher.watch(connection(socket, peer, router)).await;
                        return drop(place);
                    };
                    match tls.accept(socket, HEAD_READ).await {
                        Ok(socket) => _ = watcher.watch(connection(socket, peer, router)).await,
                        Err(fault) => {
                            metrics::counter!("yizhan_tls_handshakes_failed_total").increment(1);
                            tracing::debug!(%fault, %peer, "no TLS connection came about");
                        }
                    }
                    drop(place);
                });
            }
            Err(fault) => {
                tracing::warn!(%fault, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    if tokio::time::timeout(STOP_GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = connections.len(), "HTTP requests were cut off at the end");
    }
    Ok(())
}

fn connection<S>(
    socket: S,
    peer: SocketAddr,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer.ip().to_canonical()));
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service)
}
