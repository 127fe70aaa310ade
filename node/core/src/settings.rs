//! [`Settings`]: the bounds and delays of the core, each with its unit.

/// Bounds and delays. The defaults are those of the configuration's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The newest frame version spoken: older than [`yizhan_schemas::frame::VERSION`] only to try
    /// what happens between old and new stations.
    pub version: u8,
    /// Largest payload taken from a publisher, bytes (`ingest.max_payload`).
    pub payload_bytes_max: u64,
    /// Bytes a second that the link to the parent carries, if the operator says so
    /// (`link.rate_hint`).
    pub uplink_rate_hint: Option<u64>,
    /// Dictionaries that the driver can pack and unpack bodies with; empty if it cannot.
    pub dictionaries: Vec<u32>,
    /// Most bytes of bulk lanes in flight on one link.
    pub in_flight_bytes_max: u64,
    /// Most bytes asked for in one [`crate::effect::Send`]; flash pre-empts between them.
    pub send_bytes_max: u64,
    /// Longest wait for progress of what was sent, before it is sent again, when the round trip is
    /// short: the wait is max(this, 4 round trips). Milliseconds.
    pub resend_ms_min: u64,
    /// An idle session shows life this often, milliseconds.
    pub beat_ms: u64,
    /// A neighbour that showed no life for max(this, 8 round trips) is away, milliseconds.
    pub liveness_ms_min: u64,
    /// A hello without an answer is said again after this long, milliseconds.
    pub hello_retry_ms: u64,
    /// Share of `Disk::max_bytes` that ordinary messages may not use, in percent: flash and what
    /// comes from neighbours may.
    pub flash_reserve_percent: u64,
    /// Share of it that is guaranteed to each direction (up, down, this station), in percent.
    pub share_percent: u64,
    /// Share of it that what has been handed over may take before the oldest goes, in percent
    /// (`spool.two_hop_max_bytes`).
    pub two_hop_percent: u64,
    /// True if loudspeakers hang at this station: broadcasts for it go to their adapter instead of
    /// the inbox. [`crate::input::Input::Loudspeakers`] changes it.
    pub loudspeakers: bool,
    /// What is durable one hop further is kept so long, milliseconds (`spool.retain`).
    pub retain_ms: u64,
    /// So long after something happened to matters the parent is told, with all that happened
    /// meanwhile, milliseconds (`stats.interval`).
    pub stats_every_ms: u64,
    /// True if this station hands spans to a collector (`telemetry.otlp_endpoint`).
    pub collects: bool,
    /// Most of what the link to the parent carries that spans may take, in percent
    /// (`telemetry.link_percent`).
    pub spans_percent: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: yizhan_schemas::frame::VERSION,
            payload_bytes_max: 256 * 1024,
            uplink_rate_hint: None,
            dictionaries: yizhan_schemas::dictionary::KNOWN.to_vec(),
            in_flight_bytes_max: 1024 * 1024,
            send_bytes_max: 256 * 1024,
            resend_ms_min: 1000,
            beat_ms: 3000,
            liveness_ms_min: 10_000,
            hello_retry_ms: 1000,
            flash_reserve_percent: 5,
            share_percent: 25,
            two_hop_percent: 20,
            loudspeakers: false,
            retain_ms: 7 * 86_400_000,
            stats_every_ms: 1_800_000,
            collects: false,
            spans_percent: 5,
        }
    }
}
