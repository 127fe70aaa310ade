//! The station's own key, and the seals that follow from it.

use yizhan_topology::Topology;

use super::RunError;
use crate::bus::{BusError, Credential};
use crate::config::{Config, StationKey};
use crate::seal::Seals;

/// `station.key`, if it is configured. Looks at files only, so that what is wrong with them is said
/// before anything is started.
pub(super) fn own_key(config: &Config) -> Result<Option<Credential>, RunError> {
    Ok(match &config.station.key {
        Some(StationKey::File(path)) => Some(Credential::load(path)?),
        Some(StationKey::Seed(seed)) => Some(Credential::of_seed(seed.reveal())?),
        None => None,
    })
}

/// What is sealed with that, and what others' seals are known by. Says once what is not covered.
pub(super) fn of(
    config: &Config,
    key: Option<&Credential>,
    topology: &Topology,
) -> Result<Seals, RunError> {
    let here = &config.station.code;
    let keyless = topology.stations().filter(|station| station.keys.is_empty()).count();
    if keyless > 0 {
        let file = config.station.topology.display();
        tracing::warn!(
            event = "keyless_stations",
            stations = keyless,
            "{file} lists no key for {keyless} stations: what they send is taken without a seal; \
             `yizhan topology keys` makes keys"
        );
    }
    let listed = topology.station(here).is_some_and(|station| !station.keys.is_empty());
    if key.is_none() && listed {
        tracing::error!(
            event = "no_seal",
            "the topology lists a key for {here} and station.key is not set: other stations will \
             refuse what this one sends, as it is not sealed"
        );
    }
    let bad = |why| BusError::BadCredential { path: "station.key".into(), why };
    Ok(Seals::of(key, topology).map_err(bad)?)
}
