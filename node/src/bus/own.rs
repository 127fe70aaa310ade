//! [`OwnBus`]: the bus of this station, whether we run its server or others do.

use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::client::{Client, Dial};
use super::inbox::{Inbox, InboxLimits};
use super::managed::{Managed, ManagedPlan, Tail};
use super::render::{Application, Child};
use super::{BusError, StationKeys};
use crate::tls::TlsFiles;

/// `bus.mode`.
#[derive(Debug)]
pub enum OwnBus {
    /// A server of our own.
    Managed(Box<Managed>),
    /// One that others run.
    External {
        /// `bus.url`.
        url: String,
        /// From `bus.credentials`.
        keys: StationKeys,
        /// From `tls.*`.
        tls: Option<TlsFiles>,
    },
}

impl OwnBus {
    /// Starts a server.
    pub async fn managed(plan: ManagedPlan) -> Result<Self, BusError> {
        Ok(Self::Managed(Box::new(Managed::start(plan).await?)))
    }

    /// Uses one that others run; nothing is connected yet.
    pub fn external(url: &str, keys: StationKeys, tls: Option<TlsFiles>) -> Self {
        Self::External { url: url.to_owned(), keys, tls }
    }

    /// Where this station's own clients connect.
    pub fn url(&self) -> &str {
        match self {
            Self::Managed(managed) => managed.url(),
            Self::External { url, .. } => url,
        }
    }

    fn keys(&self) -> &StationKeys {
        match self {
            Self::Managed(managed) => managed.keys(),
            Self::External { keys, .. } => keys,
        }
    }

    fn tls(&self) -> Option<TlsFiles> {
        match self {
            Self::Managed(managed) => managed.tls(),
            Self::External { tls, .. } => tls.clone(),
        }
    }

    /// A connection to the account of the links; connecting goes on in the background.
    pub async fn link(&self, station: &Code) -> Result<Client, BusError> {
        let dial = Dial::own(self.url(), &self.keys().link, station, "link");
        Client::dial(dial.with_tls(self.tls().as_ref())).await
    }

    /// A connection to the account of the applications; connecting goes on in the background.
    pub async fn app(&self, station: &Code) -> Result<Client, BusError> {
        let dial = Dial::own(self.url(), &self.keys().app, station, "app");
        Client::dial(dial.with_tls(self.tls().as_ref())).await
    }

    /// The stream of delivered messages, over a connection from [`OwnBus::app`] that stands.
    pub async fn inbox(&self, app: &Client, limits: InboxLimits) -> Result<Inbox, BusError> {
        let files = match self {
            Self::Managed(managed) => Some(managed.stream_files()),
            Self::External { .. } => None,
        };
        Inbox::open(app, limits, files).await
    }

    /// Has our own server stopped and started again ([`Managed::restart`]); `false` if the bus is
    /// run by others.
    pub fn restart(&self) -> bool {
        if let Self::Managed(managed) = self {
            managed.restart();
        }
        matches!(self, Self::Managed(_))
    }

    /// Has our own server let in the children and applications of this topology, and nobody else;
    /// `false` if the bus is run by others, who have to see to that themselves.
    ///
    /// # Errors
    /// See [`Managed::admit`].
    pub fn admit(&self, topology: &Topology, here: &Code) -> Result<bool, BusError> {
        let Self::Managed(managed) = self else { return Ok(false) };
        managed.admit(Child::all_of(topology, here), Application::all_of(topology, here))?;
        Ok(true)
    }

    /// The log of our own server, for the first who asks; a bus of others has one of its own.
    pub fn log(&self) -> Option<Tail> {
        match self {
            Self::Managed(managed) => managed.log(),
            Self::External { .. } => None,
        }
    }

    /// Has our own server read its certificates again; a bus of others is theirs to reload.
    pub fn reload(&self) {
        if let Self::Managed(managed) = self {
            managed.reload();
        }
    }

    /// Stops our own server and waits until it is gone; a bus of others runs on.
    pub async fn stop(self) {
        if let Self::Managed(managed) = self {
            managed.stop().await;
        }
    }
}
