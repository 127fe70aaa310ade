//! The typed settings, one struct a section of `yizhan.toml`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use yizhan_schemas::Code;

use super::value::{self, LogFormat, OtlpProtocol, Share, StationKey, Token};
use crate::tls::TlsFiles;

/// `[station]`: which station this is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Station {
    /// Its place in the tree.
    pub code: Code,
    /// The topology file of the whole tree.
    pub topology: PathBuf,
    /// Its nkey, with which it logs in on its parent's bus and signs.
    #[serde(default, deserialize_with = "value::station_key")]
    pub key: Option<StationKey>,
    /// Codes that it had before it moved or was renamed, whose data it may open.
    #[serde(default, deserialize_with = "value::codes")]
    pub formerly: Vec<Code>,
}

/// `[data]`: where everything durable lives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Data {
    /// The data directory.
    pub dir: PathBuf,
}

/// Who runs this station's NATS server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BusMode {
    /// The node starts and watches its own `nats-server`.
    Managed,
    /// Somebody else does; it is at `bus.url`.
    External,
}

/// `[bus]`: the NATS server of this station.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Bus {
    /// Who runs it.
    pub mode: BusMode,
    /// Where a managed bus listens; port 0 is chosen by the system once and then kept.
    #[serde(deserialize_with = "value::listen")]
    pub listen: SocketAddr,
    /// Where an external bus is; empty for a managed one.
    #[serde(default, deserialize_with = "value::nats_urls")]
    pub url: Vec<String>,
    /// The `nats-server` to start; else the one on PATH, else `$XDG_DATA_HOME/yizhan/bin`.
    pub server_path: Option<PathBuf>,
    /// Credentials for an external bus: a directory with `link` and `app`, or one file for both.
    pub credentials: Option<PathBuf>,
    /// The most connections of a managed bus; half of them for children, half for applications.
    #[serde(deserialize_with = "value::small_count")]
    pub max_connections: u32,
    /// Used by `yizhan demo` only: a connection without credentials, on loopback, is an
    /// application, so that a newcomer's first script works.
    pub demo_open: bool,
}

/// `[spool]`: the custody log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Spool {
    /// The most it may hold, in bytes or of the volume's free space plus what it holds already.
    #[serde(deserialize_with = "value::share")]
    pub max_bytes: Share,
    /// How long a record is kept after the hop beyond has it.
    #[serde(deserialize_with = "value::span")]
    pub retain: Duration,
    /// The most that such records may take, in bytes or of `max_bytes`.
    #[serde(deserialize_with = "value::share")]
    pub two_hop_max_bytes: Share,
    /// Length of a segment, in bytes.
    #[serde(deserialize_with = "value::bytes")]
    pub segment_bytes: u64,
}

/// `[dedup]`: the sets of sequences that were seen.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Dedup {
    /// The most they may take, in bytes; above it the oldest collapse to a watermark.
    #[serde(deserialize_with = "value::bytes")]
    pub max_bytes: u64,
}

/// `[ingest]`: what publishers may do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Ingest {
    /// How long a publisher's retry is recognised.
    #[serde(deserialize_with = "value::span")]
    pub dedup_window: Duration,
    /// The most publishers' keys that are kept for that.
    #[serde(deserialize_with = "value::count")]
    pub dedup_max_keys: u64,
    /// The longest payload that is taken, in bytes.
    #[serde(deserialize_with = "value::bytes")]
    pub max_payload: u64,
    /// The most messages a second that one publisher may hand in on the bus; as many may come at
    /// once.
    #[serde(deserialize_with = "value::small_count")]
    pub rate: u32,
}

/// `[inbox]`: the stream `YZ_INBOX`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Inbox {
    /// The most it holds, in bytes; delivery waits when it is full.
    #[serde(deserialize_with = "value::bytes")]
    pub max_bytes: u64,
    /// How long it holds a message.
    #[serde(deserialize_with = "value::span")]
    pub max_age: Duration,
}

/// `[http]`: the HTTP interface and the console.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Http {
    /// Where it listens; port 0 is chosen by the system.
    #[serde(deserialize_with = "value::listen")]
    pub listen: SocketAddr,
    /// Bearer tokens and what each may do; required unless `listen` is loopback.
    #[serde(default, deserialize_with = "value::tokens")]
    pub tokens: Vec<Token>,
}

/// `[tls]`: certificates. If they are set, every listener and every connection is under TLS.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Tls {
    /// The certificate of the county's authority, by which others are known.
    pub ca: Option<PathBuf>,
    /// This station's own certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl Tls {
    /// All three, if they are set.
    pub fn files(&self) -> Option<TlsFiles> {
        let (ca, cert, key) = (self.ca.clone()?, self.cert.clone()?, self.key.clone()?);
        Some(TlsFiles { ca, cert, key })
    }
}

/// `[catalogue]`: the devices that this station knows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Catalogue {
    /// The file that lists them; without one, commands are judged by their origin alone.
    pub path: Option<PathBuf>,
    /// The most devices that are taken from it.
    #[serde(deserialize_with = "value::count")]
    pub max_devices: u64,
}

/// `[roster]`: the people of this station.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Roster {
    /// The file that lists them; without one, who is meant by a post is for applications to know.
    pub path: Option<PathBuf>,
    /// The most posts and grid workers together that are taken from it.
    #[serde(deserialize_with = "value::count")]
    pub max_entries: u64,
}

/// `[link]`: the way to parent and children.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Link {
    /// The expected rate until there is a measured one, in bits per second; `None` = measure only.
    #[serde(deserialize_with = "value::rate")]
    pub rate_hint: Option<u64>,
}

/// `[telemetry]`: where spans go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Telemetry {
    /// The collector; `None` = no export. `OTEL_EXPORTER_OTLP_ENDPOINT` says the same.
    #[serde(default, deserialize_with = "value::http_url")]
    pub otlp_endpoint: Option<String>,
    /// How to speak to it.
    pub otlp_protocol: OtlpProtocol,
    /// Share of the traces that is kept, 0 to 1.
    #[serde(deserialize_with = "value::fraction")]
    pub sample: f64,
    /// Share of the link to the parent that spans may take where they go that way, 0 to 1.
    #[serde(deserialize_with = "value::fraction")]
    pub link_share: f64,
}

impl Telemetry {
    /// The same share in whole percent.
    pub fn link_percent(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let percent = (self.link_share.clamp(0.0, 1.0) * 100.0).round() as u64;
        percent
    }
}

/// `[stats]`: what is counted of incidents and cases.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stats {
    /// The parent is told so long after something happened, with all that happened meanwhile.
    #[serde(deserialize_with = "value::span")]
    pub interval: Duration,
}

/// `[audit]`: the log of who did what and who was refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Audit {
    /// How long a line is kept at least.
    #[serde(deserialize_with = "value::span")]
    pub retain: Duration,
    /// From how many bytes on as little as possible is written; nothing goes early for that.
    #[serde(deserialize_with = "value::bytes")]
    pub max_bytes: u64,
}

/// `[log]`: this process's own log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Log {
    /// Its form.
    pub format: LogFormat,
}
