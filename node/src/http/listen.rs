//! [`serve`]: who may connect, how many at once, and how slowly.
//!
//! A head that does not come within [`HEAD_READ`] ends its connection, also when it is idle
//! between two requests; a body has its own time limit. hyper itself answers heads that are too
//! long or no HTTP, with a bare 431 or 400. An address has a part of all connections and no more;
//! one beyond that is closed at once. What ends here is counted and written down as well.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::guard::Peer;
use super::routes;
use super::site::Site;
use crate::audit::{Audit, Deed};

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
    let (stopping, told) = watch::channel(false);
    let desk = routes::desk(site, told);
    let (peers, audit) = (Arc::clone(&desk.peers), desk.site.audit.clone());
    let tls = desk.site.tls.clone();
    let router = routes::router(desk);
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
                let Some(seat) = peers.seat(peer.ip()) else {
                    refuse(&audit, peer, "connections", "it has too many connections");
                    continue;
                };
                let (watcher, router, tls) = (graceful.watcher(), router.clone(), tls.clone());
                let audit = audit.clone();
                connections.spawn(async move {
                    let served = Arc::new(AtomicBool::new(false));
                    let connection = Connection { peer, router, served: Arc::clone(&served) };
                    let ended = match tls {
                        None => watcher.watch(connection.over(socket)).await,
                        Some(tls) => match tls.accept(socket, HEAD_READ).await {
                            Ok(socket) => watcher.watch(connection.over(socket)).await,
                            Err(fault) => {
                                counter!("yizhan_tls_handshakes_failed_total").increment(1);
                                refuse(&audit, peer, "tls", &fault.to_string());
                                Ok(())
                            }
                        },
                    };
                    if let Err(fault) = ended {
                        let idle = served.load(Ordering::Relaxed);
                        if let Some(code) = code_of(&fault, idle) {
                            refuse(&audit, peer, code, &fault.to_string());
                        }
                    }
                    drop((place, seat));
                });
            }
            Err(fault) => {
                tracing::warn!(
                    event = "http_not_accepted",
                    %fault,
                    "a connection could not be accepted"
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    if tokio::time::timeout(STOP_GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            event = "http_cut_off",
            open = connections.len(),
            "HTTP requests were cut off at the end"
        );
    }
    Ok(())
}

/// Counts and writes down that somebody was refused before there was a request.
fn refuse(audit: &Audit, peer: SocketAddr, code: &'static str, why: &str) {
    counter!("yizhan_http_refused_total", "code" => code).increment(1);
    let peer = peer.ip().to_canonical().to_string();
    audit.note(Deed::refused("http_refused", &peer, code).detail(why));
}

/// What somebody did who broke the rules of HTTP; a connection that was idle or was cut broke none.
fn code_of(fault: &hyper::Error, served: bool) -> Option<&'static str> {
    if fault.is_parse_too_large() {
        Some("long_head")
    } else if fault.is_parse() {
        Some("bad_head")
    } else if fault.is_timeout() && !served {
        Some("slow_head")
    } else {
        None
    }
}

/// One connection and who is at its other end.
struct Connection {
    peer: SocketAddr,
    router: Router,
    /// A request came.
    served: Arc<AtomicBool>,
}

impl Connection {
    fn over<S>(self, socket: S) -> impl GracefulConnection<Error = hyper::Error> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { peer, router, served } = self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            served.store(true, Ordering::Relaxed);
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
}
