//! [`Kit`]: everything that a station's box needs, as files.
//!
//! Promise: a station starts from nothing but its kit, wherever that is copied to, with
//! `yizhan run --config DIR/yizhan.toml`. Secrets are in files of mode 0600, each holder's in its
//! own. Making a kit again with what was made before at hand changes nothing but what has to
//! change: a certificate near its end, an address, the topology.
//!
//! | file | what | made by |
//! |---|---|---|
//! | `yizhan.toml` | the settings | `settings` |
//! | `topology.toml` | the whole tree | |
//! | `keys/`, `tls/` | seeds, tokens, certificates | `identity` |
//! | `nats-server.conf` | the bus, for those who run it themselves, and for reading | `server` |
//! | `yizhan.service`, `README.txt` | how it is installed | `unit`, `readme` |

mod identity;
mod places;
mod readme;
mod server;
mod settings;
mod unit;

use std::collections::BTreeMap;

use yizhan_schemas::Code;
use yizhan_topology::{Station, Topology};

use crate::bus::BusError;
use crate::tls::{Authority, Lasts, TlsError};
use identity::Identity;
use places::Places;

/// Everybody may read it.
const OPEN: u32 = 0o644;
/// Its owner alone may.
const PRIVATE: u32 = 0o600;

/// One file of a kit.
#[derive(Clone)]
pub struct KitFile {
    /// Where, below the kit's directory.
    pub path: String,
    /// Who may read it.
    pub mode: u32,
    /// What it holds.
    pub text: String,
}

/// What a kit is made from.
pub struct Given<'a> {
    /// The tree.
    pub topology: &'a Topology,
    /// Its file.
    pub topology_text: &'a str,
    /// The station.
    pub code: &'a Code,
    /// The station's seed.
    pub seed: &'a str,
    /// The seeds of its local applications, by name.
    pub application_seeds: &'a BTreeMap<String, String>,
    /// The county's authority.
    pub authority: &'a Authority,
    /// How long certificates last.
    pub lasts: Lasts,
    /// What an earlier kit of this station has in a file.
    pub before: &'a dyn Fn(&str) -> Option<String>,
}

/// All files of one station.
pub struct Kit {
    /// In no order.
    pub files: Vec<KitFile>,
    /// How many of its certificates are new.
    pub new_certificates: usize,
    /// True if it has children and the topology does not say where they find it.
    pub unreachable: bool,
}

/// Why there is no kit.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The topology does not know the station.
    #[error("there is no station {0}")]
    Unknown(
        /// The station.
        Code,
    ),
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No server configuration.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// No key.
    #[error("cannot make a key: {0}")]
    Key(
        /// What the library says.
        nkeys::error::Error,
    ),
}

impl Kit {
    /// Makes the kit of a station.
    ///
    /// # Errors
    /// The station is unknown, or a key or certificate cannot be made.
    pub fn of(given: &Given<'_>) -> Result<Self, KitError> {
        let unknown = || KitError::Unknown(given.code.clone());
        let station = given.topology.station(given.code).ok_or_else(unknown)?;
        let places = Places::of(station);
        let identity = Identity::of(given, &places)?;
        let mut files = vec![
            open("yizhan.toml", settings::text(station, &places, &identity.tokens)),
            open("topology.toml", given.topology_text.to_owned()),
            open("nats-server.conf", server::text(given, &places, &identity)?),
            open("yizhan.service", unit::text(station)),
            open("README.txt", readme::text(station, &places)),
        ];
        files.extend(identity.files);
        let parent = !given.topology.children(given.code).is_empty();
        Ok(Self {
            files,
            new_certificates: identity.new_certificates,
            unreachable: parent && station.bus.is_none(),
        })
    }
}

fn open(path: &str, text: String) -> KitFile {
    KitFile { path: path.to_owned(), mode: OPEN, text }
}

fn private(path: &str, text: String) -> KitFile {
    KitFile { path: path.to_owned(), mode: PRIVATE, text }
}

/// A station as a comment names it, on one line whatever its name is.
fn title(station: &Station) -> String {
    format!("{} {}", station.code, station.name)
}

#[cfg(test)]
mod tests;
