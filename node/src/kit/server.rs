//! `nats-server.conf`: the bus of a station, for those who run the server themselves.

use super::identity::Identity;
use super::places::Places;
use super::{Given, KitError};
use crate::bus::{Application, Child, Listen, ServerConfig};
use crate::tls::TlsFiles;

/// Default of `bus.max_connections`.
const CONNECTIONS_MAX: u32 = 4096;
/// Default of `inbox.max_bytes`, which the kit leaves as it is.
const INBOX_BYTES_MAX: u64 = 1 << 30;

pub(super) fn text(
    given: &Given<'_>,
    places: &Places,
    identity: &Identity,
) -> Result<String, KitError> {
    let [link_key, app_key] = identity.bus_keys.clone();
    let config = ServerConfig {
        station: given.code.clone(),
        listen: Listen { host: places.bus.ip().to_string(), port: places.bus.port() },
        store_dir: "jetstream".into(),
        log_file: "nats-server.log".into(),
        link_key,
        app_key,
        watch_key: None,
        children: Child::all_of(given.topology, given.code),
        applications: Application::all_of(given.topology, given.code),
        open_password: None,
        inbox_bytes_max: INBOX_BYTES_MAX,
        connections_max: CONNECTIONS_MAX,
        tls: Some(TlsFiles {
            ca: "tls/ca.crt".into(),
            cert: "tls/station.crt".into(),
            key: "tls/station.key".into(),
        }),
    };
    Ok(format!(
        "# Written by `yizhan topology render`. A managed bus (bus.mode, the default) does not read\n\
         # this: the station makes the same at each start, with keys of its own in place of the two\n\
         # in keys/bus. To run the server yourself: nats-server -c nats-server.conf in this directory,\n\
         # and [bus] of yizhan.toml as it says there.\n{}",
        config.body()?
    ))
}
