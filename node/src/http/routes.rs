//! [`Route`]: the table of all routes. One that is not in it is not there, and none is without an
//! answer to the question whose it is.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use tokio::sync::{Semaphore, watch};

use super::body::BODIES_BYTES_MAX;
use super::peers::Peers;
use super::site::Site;
use super::tokens::Role;
use super::{events, guard, health, pages, stream};

/// What every handler has at hand.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) site: Arc<Site>,
    /// Turns true when the station stops: streams end.
    pub(super) stopping: watch::Receiver<bool>,
    /// Bytes of bodies that may be read at once.
    pub(super) room: Arc<Semaphore>,
    /// What each address does.
    pub(super) peers: Arc<Peers>,
    /// Streams that may be open at once.
    pub(super) streams: Arc<Semaphore>,
}

/// Everything that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Root,
    Alive,
    Ready,
    Metrics,
    Description,
    Events,
    Messages,
    Message,
    Ack,
    Stations,
    Station,
    Device,
    Roster,
    Stats,
    Matters,
    Trace,
    Reconcile,
    Stream,
}

impl Route {
    pub(super) const ALL: [Self; 18] = [
        Self::Root,
        Self::Alive,
        Self::Ready,
        Self::Metrics,
        Self::Description,
        Self::Events,
        Self::Messages,
        Self::Message,
        Self::Ack,
        Self::Stations,
        Self::Station,
        Self::Device,
        Self::Roster,
        Self::Stats,
        Self::Matters,
        Self::Trace,
        Self::Reconcile,
        Self::Stream,
    ];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::Alive => "/healthz",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Description => "/openapi.json",
            Self::Events => "/v1/events",
            Self::Messages => "/v1/messages",
            Self::Message => "/v1/messages/{id}",
            Self::Ack => "/v1/messages/{id}/ack",
            Self::Stations => "/v1/stations",
            Self::Station => "/v1/stations/{code}",
            Self::Device => "/v1/devices/{id}",
            Self::Roster => "/v1/roster",
            Self::Stats => "/v1/stats",
            Self::Matters => "/v1/matters",
            Self::Trace => "/v1/trace/{id}",
            Self::Reconcile => "/v1/reconcile",
            Self::Stream => "/v1/stream",
        }
    }

    pub(super) fn method(self) -> Method {
        match self {
            Self::Events | Self::Ack => Method::POST,
            _ => Method::GET,
        }
    }

    /// Whose it is, beside the operator's.
    pub(super) fn roles(self) -> &'static [Role] {
        match self {
            Self::Root | Self::Alive | Self::Ready | Self::Description | Self::Message => {
                &[Role::Publisher, Role::Reader]
            }
            Self::Events | Self::Ack => &[Role::Publisher],
            Self::Metrics
            | Self::Messages
            | Self::Stations
            | Self::Station
            | Self::Device
            | Self::Roster
            | Self::Stats
            | Self::Matters
            | Self::Trace
            | Self::Reconcile
            | Self::Stream => &[Role::Reader],
        }
    }

    fn handler(self) -> MethodRouter<Desk> {
        match self {
            Self::Root => get(pages::root),
            Self::Alive => get(health::alive),
            Self::Ready => get(health::ready),
            Self::Metrics => get(health::metrics),
            Self::Description => get(pages::description),
            Self::Events => post(events::take),
            Self::Messages => get(pages::messages),
            Self::Message => get(pages::message),
            Self::Ack => post(events::ack),
            Self::Stations => get(pages::stations),
            Self::Station => get(pages::station),
            Self::Device => get(pages::device),
            Self::Roster => get(pages::roster),
            Self::Stats => get(pages::stats),
            Self::Matters => get(pages::matters),
            Self::Trace => get(pages::trace),
            Self::Reconcile => get(pages::reconcile),
            Self::Stream => get(stream::follow),
        }
    }
}

/// The desk of a site.
pub(super) fn desk(site: Site, stopping: watch::Receiver<bool>) -> Desk {
    Desk {
        site: Arc::new(site),
        stopping,
        peers: Arc::default(),
        room: Arc::new(Semaphore::new(BODIES_BYTES_MAX)),
        streams: Arc::new(Semaphore::new(stream::STREAMS_MAX)),
    }
}

/// The router of a desk.
pub(super) fn router(desk: Desk) -> Router {
    let full = Route::ALL.into_iter().fold(Router::new(), |router, route| {
        let guard = from_fn_with_state((desk.clone(), route), guard::check);
        router.route(route.path(), route.handler().route_layer(guard))
    });
    // the second fallback reaches only routes that are there already
    full.fallback(pages::nothing_here)
        .method_not_allowed_fallback(pages::no_such_method)
        .with_state(desk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(pages::DESCRIPTION).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut described: Vec<_> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone()))
            })
            .collect();
        let mut served: Vec<_> = Route::ALL
            .into_iter()
            .map(|route| (route.path().to_owned(), route.method().as_str().to_lowercase()))
            .collect();
        described.sort();
        served.sort();
        assert_eq!(described, served, "schemas/openapi.json and http/routes.rs must agree");
    }
}
