//! Relations between keys: each value may be valid and the whole still not work.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::value::Share;
use super::{BusMode, Config};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The fewest segments that a spool can work with: room is given back by the segment, so with few
/// of them full neighbours may wait for each other (the simulator plays down to so many).
const SEGMENTS_MIN: u64 = 16;
/// Logs of who did what are kept for six months at least, by law.
const AUDIT_RETAIN_S_MIN: u64 = 180 * 86_400;
/// A segment holds at least so many of the longest payloads, its snapshot and its footer.
const PAYLOADS_PER_SEGMENT_MIN: u64 = 4;

/// A rule that does not hold.
pub(super) struct Broken {
    /// The key that should change; the problem is reported where it was written.
    pub(super) key: &'static str,
    /// What else the rule looks at: if one of these is itself wrong, the rule says nothing.
    pub(super) with: &'static [&'static str],
    /// What is wrong and what would be valid; `None`: what the table of keys says.
    pub(super) text: Option<String>,
}

/// Every rule that does not hold.
pub(super) fn broken(config: &Config) -> Vec<Broken> {
    let mut found = bounds(config);
    found.extend(bus(config));
    found.extend(sizes(config));
    found.extend(http(config));
    found.extend(tls(config));
    if config.station.formerly.contains(&config.station.code) {
        found.push(Broken {
            key: "station.formerly",
            with: &["station.code"],
            text: Some(
                "`station.formerly` names this station's own code; valid are codes that \
                        it had before"
                    .to_owned(),
            ),
        });
    }
    found
}

fn bounds(config: &Config) -> Vec<Broken> {
    let sizes: [(&str, u64, RangeInclusive<u64>); 11] = [
        ("spool.segment_bytes", config.spool.segment_bytes, MIB..=64 * MIB),
        ("dedup.max_bytes", config.dedup.max_bytes, MIB..=16 * GIB),
        ("ingest.dedup_max_keys", config.ingest.dedup_max_keys, 1_000..=1_000_000_000),
        ("bus.max_connections", config.bus.max_connections.into(), 16..=65_536),
        ("ingest.rate", config.ingest.rate.into(), 1..=1_000_000),
        ("ingest.max_payload", config.ingest.max_payload, KIB..=960 * KIB),
        ("inbox.max_age", config.inbox.max_age.as_secs(), 60..=u64::MAX),
        ("catalogue.max_devices", config.catalogue.max_devices, 1..=1_000_000),
        ("roster.max_entries", config.roster.max_entries, 1..=100_000),
        ("audit.retain", config.audit.retain.as_secs(), AUDIT_RETAIN_S_MIN..=u64::MAX),
        ("audit.max_bytes", config.audit.max_bytes, 32 * MIB..=1024 * GIB),
    ];
    let mut found: Vec<Broken> = sizes
        .into_iter()
        .filter(|(_, value, valid)| !valid.contains(value))
        .map(|(key, ..)| Broken { key, with: &[], text: None })
        .collect();
    if config.spool.max_bytes.of(100) == 0 {
        found.push(Broken { key: "spool.max_bytes", with: &[], text: None });
    }
    if config.ingest.dedup_window == Duration::ZERO {
        found.push(Broken { key: "ingest.dedup_window", with: &[], text: None });
    }
    found
}

fn bus(config: &Config) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut refuse = |key, with, text: &str| {
        found.push(Broken { key, with, text: Some(text.to_owned()) });
    };
    let bus = &config.bus;
    match bus.mode {
        BusMode::External if bus.url.is_empty() => refuse(
            "bus.mode",
            &["bus.url"][..],
            "`bus.mode` is external, but `bus.url` is missing; valid is a URL such as \
             nats://10.72.0.1:4222",
        ),
        BusMode::Managed if !bus.url.is_empty() => refuse(
            "bus.url",
            &["bus.mode"][..],
            "`bus.url` is for an external bus, but `bus.mode` is managed; leave it out, or set \
             bus.mode = \"external\"",
        ),
        _ => {}
    }
    match bus.mode {
        BusMode::External if bus.demo_open => refuse(
            "bus.demo_open",
            &["bus.mode"][..],
            "`bus.demo_open` is for a managed bus only; leave it out",
        ),
        BusMode::Managed if bus.demo_open && !bus.listen.ip().is_loopback() => refuse(
            "bus.demo_open",
            &["bus.listen"][..],
            "`bus.demo_open` lets anybody in, so `bus.listen` must be loopback, such as \
             127.0.0.1:4222",
        ),
        _ => {}
    }
    found
}

fn sizes(config: &Config) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut refuse = |key, with, text| found.push(Broken { key, with, text: Some(text) });
    let (spool, payload) = (&config.spool, config.ingest.max_payload);
    if spool.segment_bytes < payload.saturating_mul(PAYLOADS_PER_SEGMENT_MIN) {
        refuse(
            "spool.segment_bytes",
            &["ingest.max_payload"][..],
            format!(
                "`spool.segment_bytes` holds fewer than {PAYLOADS_PER_SEGMENT_MIN} payloads of \
                 `ingest.max_payload`; make it larger, or payloads smaller"
            ),
        );
    }
    if let Share::Bytes(max) = spool.max_bytes {
        if max < spool.segment_bytes.saturating_mul(SEGMENTS_MIN) {
            refuse(
                "spool.max_bytes",
                &["spool.segment_bytes"][..],
                format!(
                    "`spool.max_bytes` is less than {SEGMENTS_MIN} segments of \
                     `spool.segment_bytes`; make it larger"
                ),
            );
        }
        if spool.two_hop_max_bytes.of(max) > max {
            refuse(
                "spool.two_hop_max_bytes",
                &["spool.max_bytes"][..],
                "`spool.two_hop_max_bytes` is more than `spool.max_bytes`, of which it is a part; \
                 make it smaller"
                    .to_owned(),
            );
        }
    }
    if config.inbox.max_bytes < payload.saturating_mul(PAYLOADS_PER_SEGMENT_MIN) {
        refuse(
            "inbox.max_bytes",
            &["ingest.max_payload"][..],
            format!(
                "`inbox.max_bytes` holds fewer than {PAYLOADS_PER_SEGMENT_MIN} payloads of \
                 `ingest.max_payload`; make it larger"
            ),
        );
    }
    found
}

/// All three files or none; and without them nobody listens to other machines.
fn tls(config: &Config) -> Vec<Broken> {
    let files = &config.tls;
    let set = [("tls.ca", &files.ca), ("tls.cert", &files.cert), ("tls.key", &files.key)];
    let missing: Vec<_> = set.iter().filter(|(_, path)| path.is_none()).map(|it| it.0).collect();
    let first = set.iter().find(|(_, path)| path.is_some()).map(|it| it.0);
    if let (Some(first), false) = (first, missing.is_empty()) {
        let text = format!(
            "`{first}` is set, but `{}` {} not; valid are all three of tls.ca, tls.cert and tls.key \
             (`yizhan topology render` makes them), or none",
            missing.join("` and `"),
            if missing.len() == 1 { "is" } else { "are" },
        );
        return vec![Broken { key: first, with: &TLS, text: Some(text) }];
    }
    let managed = config.bus.mode == BusMode::Managed;
    let listeners = [
        ("bus.listen", managed && !config.bus.listen.ip().is_loopback(), "127.0.0.1:4222"),
        ("http.listen", !config.http.listen.ip().is_loopback(), "127.0.0.1:8080"),
    ];
    let open = listeners.into_iter().filter(|(_, open, _)| first.is_none() && *open);
    let broken = |(key, _, loopback)| {
        let text = format!(
            "`{key}` is open to other machines, so it needs TLS: set tls.ca, tls.cert and tls.key \
             (`yizhan topology render` makes them); or listen on loopback, such as {loopback}"
        );
        Broken { key, with: &TLS, text: Some(text) }
    };
    open.map(broken).collect()
}

const TLS: [&str; 3] = ["tls.ca", "tls.cert", "tls.key"];

fn http(config: &Config) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut refuse = |key, with, text: String| found.push(Broken { key, with, text: Some(text) });
    let (http, bus) = (&config.http, &config.bus);
    if !http.listen.ip().is_loopback() && http.tokens.is_empty() {
        refuse(
            "http.listen",
            &["http.tokens"][..],
            "`http.listen` is open to other machines, so `http.tokens` must name who may come in; \
             or listen on loopback, such as 127.0.0.1:8080"
                .to_owned(),
        );
    }
    let both = http.listen.port() != 0 && http.listen.port() == bus.listen.port();
    let same = http.listen.ip() == bus.listen.ip()
        || http.listen.ip().is_unspecified()
        || bus.listen.ip().is_unspecified();
    if both && same && bus.mode == BusMode::Managed {
        refuse(
            "http.listen",
            &["bus.listen", "bus.mode"][..],
            format!("`http.listen` and `bus.listen` are both port {}", http.listen.port())
                + "; give one of them another",
        );
    }
    let twice =
        http.tokens.iter().enumerate().any(|(n, token)| {
            http.tokens.iter().take(n).any(|earlier| earlier.token == token.token)
        });
    if twice {
        let text = "`http.tokens` holds the same token twice; valid is one role for each token";
        refuse("http.tokens", &[][..], text.to_owned());
    }
    found
}
