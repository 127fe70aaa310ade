//! [`Key`]: every setting there is, with its default and what may be written.
//!
//! This table is the contract: a key that is not here is refused, and the text under `valid` is
//! what a person is told. The types behind the keys are in `section`.

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Section and name, as in `bus.mode`.
    pub name: &'static str,
    /// What holds where nobody says anything; read like a value from a file.
    pub default: Option<&'static str>,
    /// What may be written, for people.
    pub valid: &'static str,
    /// True if a relative path in a file counts from that file's directory.
    pub path: bool,
}

const SIZE: &str = "a size such as 8MiB or 1GiB";
const TIME: &str = "a time such as 30s, 12h or 7d";

const fn key(name: &'static str, default: &'static str, valid: &'static str) -> Key {
    Key { name, default: Some(default), valid, path: false }
}

const fn bare(name: &'static str, valid: &'static str) -> Key {
    Key { name, default: None, valid, path: false }
}

const fn path(name: &'static str, valid: &'static str) -> Key {
    Key { name, default: None, valid, path: true }
}

/// All keys, in the order in which they are shown.
pub const KEYS: [Key; 41] = [
    bare("station.code", "a station code in quotes, such as \"510722.101.002\""),
    path("station.topology", "the path of the topology file"),
    path("station.key", "the path of the station's nkey seed file, or the seed itself (SU...)"),
    bare("station.formerly", "one or more station codes in quotes, such as [\"510722.101.009\"]"),
    Key { path: true, ..key("data.dir", "./data", "the path of the data directory") },
    key("bus.mode", "managed", "managed or external"),
    key("bus.listen", "127.0.0.1:4222", "an address such as 127.0.0.1:4222; port 0 = any"),
    bare("bus.url", "one or more URLs such as nats://10.72.0.1:4222 or tls://bus.example:4222"),
    path("bus.server_path", "the path of a nats-server 2.10 or newer"),
    path("bus.credentials", "the path of a directory with `link` and `app`, or of one file"),
    key("bus.max_connections", "4096", "a whole number from 16 to 65536"),
    key("bus.demo_open", "false", "true or false"),
    key("spool.max_bytes", "80%", "a size such as 40GiB, or 1% to 100% of the free space"),
    key("spool.retain", "7d", TIME),
    key("spool.two_hop_max_bytes", "20%", "a size such as 4GiB, or 0% to 100% of spool.max_bytes"),
    key("spool.segment_bytes", "8MiB", "a size from 1MiB to 64MiB"),
    key("dedup.max_bytes", "64MiB", "a size from 1MiB to 16GiB"),
    key("ingest.dedup_window", "30d", TIME),
    key("ingest.dedup_max_keys", "10000000", "a whole number from 1000 to 1000000000"),
    key("ingest.max_payload", "256KiB", "a size from 1KiB to 960KiB"),
    key("ingest.rate", "50000", "messages a second of one publisher, from 1 to 1000000"),
    key("inbox.max_bytes", "1GiB", SIZE),
    key("inbox.max_age", "30d", "a time from 1m up, such as 12h or 30d"),
    key("http.listen", "127.0.0.1:8080", "an address such as 127.0.0.1:8080; port 0 = any"),
    bare(
        "http.tokens",
        "[[http.tokens]] tables with role (operator, publisher or reader), token (16 to 256 \
         visible ASCII characters, or sha256: and the hash of such a token in hex) and optionally \
         name; in the environment role:token,role:token",
    ),
    path("tls.ca", "the path of the PEM certificate of the county's authority"),
    path("tls.cert", "the path of this station's PEM certificate"),
    path("tls.key", "the path of that certificate's PEM key"),
    path("catalogue.path", "the path of the catalogue of devices, a .csv or .toml file"),
    key("catalogue.max_devices", "200000", "a whole number from 1 to 1000000"),
    path("roster.path", "the path of the roster of posts and grid workers, a TOML file"),
    key("roster.max_entries", "4096", "a whole number from 1 to 100000"),
    key("link.rate_hint", "measured", "measured, or a rate such as 256kbit/s or 2Mbit/s"),
    bare("telemetry.otlp_endpoint", "a URL such as http://10.72.0.9:4318"),
    key("telemetry.otlp_protocol", "http/protobuf", "http/protobuf or grpc"),
    key("telemetry.sample", "0.1", "a number from 0 to 1"),
    key("telemetry.link_share", "0.05", "a number from 0 to 1"),
    key("stats.interval", "30m", TIME),
    key("audit.retain", "180d", "a time of at least 180d, such as 180d or 2y"),
    key("audit.max_bytes", "1GiB", "a size from 32MiB to 1TiB"),
    key("log.format", "auto", "human, json, or auto (human on a terminal, else json)"),
];

/// The key of that name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// All sections, each once, in order.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    KEYS.iter().filter_map(move |key| {
        let section = key.name.split('.').next().unwrap_or_default();
        (section != std::mem::replace(&mut last, section)).then_some(section)
    })
}

/// The known name that `text` was probably meant to be.
pub(super) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // three edits in a long name is a slip of the hand; in a short one it is another word
    let near = |name: &str| strsim::damerau_levenshtein(text, name);
    let best = known.min_by_key(|name| near(name))?;
    (near(best) <= 1 + text.chars().count() / 6).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_recognised_and_another_word_is_not() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("bus.mod", names()), Some("bus.mode"));
        assert_eq!(nearest("ingest.dedupwindow", names()), Some("ingest.dedup_window"));
        assert_eq!(nearest("spool.colour", names()), None);
        assert_eq!(nearest("buss", sections()), Some("bus"));
        assert_eq!(nearest("kafka", sections()), None);
    }
}
