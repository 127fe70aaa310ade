//! [`Child`] and [`Application`]: who gets a user on a station's bus.

use yizhan_schemas::Code;
use yizhan_topology::{Right, Topology};

use crate::bus::BusError;

/// A child station and the public keys it may come with (the first is the current one).
#[derive(Debug, Clone)]
pub struct Child {
    /// Its place, directly below the bus's station.
    pub code: Code,
    /// Public user nkeys.
    pub keys: Vec<String>,
}

/// A local application that has a key.
#[derive(Debug, Clone)]
pub struct Application {
    /// Letters, digits, `_`, `-`; its inboxes are below `_INBOX_app_<name>`.
    pub name: String,
    /// Public user nkeys.
    pub keys: Vec<String>,
    /// What it may do.
    pub rights: Vec<Right>,
}

impl Child {
    /// The children of a station, with those of their keys that are believed.
    pub fn all_of(topology: &Topology, code: &Code) -> Vec<Self> {
        let children = topology.children(code).iter().filter_map(|child| topology.station(child));
        let child = |station: &yizhan_topology::Station| Self {
            code: station.code.clone(),
            keys: topology.believed(&station.keys).cloned().collect(),
        };
        children.map(child).collect()
    }
}

impl Application {
    /// The applications of a station, with those of their keys that are believed.
    pub fn all_of(topology: &Topology, code: &Code) -> Vec<Self> {
        let application = |one: &yizhan_topology::Application| Self {
            name: one.name.clone(),
            keys: topology.believed(&one.keys).cloned().collect(),
            rights: one.rights.clone(),
        };
        topology.applications_of(code).iter().map(application).collect()
    }

    /// Where answers to this application's requests come back.
    pub fn inbox_prefix(&self) -> Result<String, BusError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if self.name.is_empty() || !self.name.bytes().all(good) {
            return Err(BusError::BadApplicationName { name: self.name.clone() });
        }
        Ok(format!("_INBOX_app_{}", self.name))
    }
}
