//! What a person is told about a configuration: problems, layers, sources.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use yizhan::config::{BusMode, Config, Flag, Layers, Place, Problems, Share, StationKey};

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const STATION: &str = "[station]\ncode = \"510722.101\"\ntopology = \"tree.toml\"\n";

/// A file with a station and what else is given, in a directory of its own.
fn file(more: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("yizhan.toml");
    fs::write(&path, format!("{STATION}{more}")).unwrap();
    (dir, path)
}

fn read(path: &Path, pairs: &[(&str, &str)]) -> Result<Config, Problems> {
    Layers::read(Some(path), env(pairs), &[]).config()
}

/// The expected text is beside each file; `YIZHAN_BLESS=1 cargo test` writes it anew.
#[test]
fn every_broken_file_is_answered_with_all_its_problems() {
    let mut seen = 0;
    for entry in fs::read_dir("tests/bad_config").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let text = read(&path, &[]).unwrap_err().to_string() + "\n";
        let expected = path.with_extension("txt");
        if std::env::var_os("YIZHAN_BLESS").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&expected).unwrap_or_default(), "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 8);
}

#[test]
fn a_secret_is_never_echoed_by_a_problem() {
    let (_dir, path) = file("[http]\ntokens = [{ role = \"x\", token = \"hush-hush-hush-hush\" }]");
    let text = read(&path, &[("YIZHAN__BUS__URL", "nats://me:hush@")]).unwrap_err().to_string();
    assert!(!text.contains("hush"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    let (_dir, path) = file("[http]\ntokens = [{ token = \"hush-hush-hush-hush\" ");
    let text = read(&path, &[]).unwrap_err().to_string();
    assert!(text.contains(":5: not TOML") && !text.contains("hush"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let text = read(Path::new("nowhere/yizhan.toml"), &[]).unwrap_err().to_string();
    let expected = "nowhere/yizhan.toml: cannot be read: No such file or directory (os error 2)";
    assert_eq!(text, expected);
}

#[test]
fn what_nobody_wrote_has_the_default_of_the_contract() {
    let (_dir, path) = file("");
    let config = read(&path, &[]).unwrap();
    assert_eq!(config.station.code.as_str(), "510722.101");
    assert_eq!((config.station.key, config.station.formerly), (None, vec![]));
    assert_eq!(config.data.dir, Path::new("./data"));
    assert_eq!(config.bus.mode, BusMode::Managed);
    assert_eq!(config.bus.listen.to_string(), "127.0.0.1:4222");
    assert_eq!((config.bus.url, config.bus.server_path), (vec![], None));
    assert!(!config.bus.demo_open);
    assert_eq!(config.spool.max_bytes, Share::Percent(80));
    assert_eq!(config.spool.two_hop_max_bytes, Share::Percent(20));
    assert_eq!(config.spool.retain, Duration::from_secs(7 * 86_400));
    assert_eq!(config.spool.segment_bytes, 8 << 20);
    assert_eq!(config.dedup.max_bytes, 64 << 20);
    assert_eq!(config.ingest.dedup_window, Duration::from_secs(30 * 86_400));
    assert_eq!(config.ingest.dedup_max_keys, 10_000_000);
    assert_eq!(config.ingest.max_payload, 256 << 10);
    assert_eq!(config.inbox.max_bytes, 1 << 30);
    assert_eq!(config.inbox.max_age, Duration::from_secs(30 * 86_400));
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.audit.retain.as_secs(), config.audit.max_bytes), (180 * 86_400, 1 << 30));
    assert_eq!((config.http.tokens, config.link.rate_hint), (vec![], None));
    assert_eq!((config.telemetry.otlp_endpoint, config.telemetry.sample), (None, 0.1));
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_the_default() {
    let (dir, path) = file("[data]\ndir = \"from-file\"\n[inbox]\nmax_age = \"2d\"\n");
    let of = |pairs: &[(&str, &str)], flags: &[Flag]| {
        Layers::read(Some(&path), env(pairs), flags).config().unwrap()
    };
    assert_eq!(of(&[], &[]).data.dir, dir.path().join("from-file"));
    let variables = [("YIZHAN__DATA__DIR", "from-env"), ("YIZHAN__INBOX__MAX_AGE", "")];
    assert_eq!(of(&variables, &[]).data.dir, Path::new("from-env"));
    // an empty variable says nothing
    assert_eq!(of(&variables, &[]).inbox.max_age, Duration::from_secs(2 * 86_400));
    let flag = Flag { flag: "--data", key: "data.dir", value: "from-flag".to_owned() };
    assert_eq!(of(&variables, &[flag]).data.dir, Path::new("from-flag"));
}

#[test]
fn relative_paths_in_a_file_count_from_that_file() {
    let more = "key = \"keys/a.nk\"\n[bus]\nserver_path = \"/usr/bin/nats-server\"\n";
    let (dir, path) = file(more);
    let config = read(&path, &[]).unwrap();
    assert_eq!(config.station.topology, dir.path().join("tree.toml"));
    assert_eq!(config.station.key, Some(StationKey::File(dir.path().join("keys/a.nk"))));
    assert_eq!(config.bus.server_path, Some(PathBuf::from("/usr/bin/nats-server")));
}

#[test]
fn everything_can_be_said_by_the_environment_alone() {
    let seed = format!("SU{}", "A".repeat(56));
    let pairs = [
        ("YIZHAN__STATION__CODE", "510722.101.002"),
        ("YIZHAN__STATION__TOPOLOGY", "/etc/tree.toml"),
        ("YIZHAN__STATION__KEY", seed.as_str()),
        ("YIZHAN__STATION__FORMERLY", "510722.9, 510722.8"),
        ("YIZHAN__BUS__MODE", "external"),
        ("YIZHAN__BUS__URL", "nats://a:4222, tls://b:4222"),
        ("YIZHAN__SPOOL__MAX_BYTES", "40 GiB"),
        ("YIZHAN__SPOOL__TWO_HOP_MAX_BYTES", "30 %"),
        ("YIZHAN__HTTP__LISTEN", "[::]:80"),
        ("YIZHAN__HTTP__TOKENS", "reader:0123456789abcdef,operator:fedcba9876543210"),
        ("YIZHAN__TLS__CA", "/etc/ca.crt"),
        ("YIZHAN__TLS__CERT", "/etc/station.crt"),
        ("YIZHAN__TLS__KEY", "/run/station.key"),
        ("YIZHAN__LINK__RATE_HINT", "256kbit/s"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
        ("PATH", "/bin"),
    ];
    let config = Layers::read(Some(Path::new("/dev/null")), env(&pairs), &[]).config().unwrap();
    assert!(matches!(&config.station.key, Some(StationKey::Seed(text)) if text.reveal() == seed));
    assert_eq!(config.station.formerly.len(), 2);
    assert_eq!(config.bus.url, ["nats://a:4222", "tls://b:4222"]);
    assert_eq!(config.spool.max_bytes, Share::Bytes(40 << 30));
    assert_eq!(config.spool.two_hop_max_bytes.of(1000), 300);
    assert_eq!((config.http.tokens.len(), config.http.listen.port()), (2, 80));
    assert_eq!(config.tls.files().unwrap().key, Path::new("/run/station.key"));
    assert_eq!(config.link.rate_hint, Some(256_000));
    assert_eq!(config.telemetry.otlp_endpoint.as_deref(), Some("http://c:4318"));
}

#[test]
fn certificates_are_set_all_together_or_not_at_all() {
    let (_dir, path) = file("[tls]\ncert = \"a.crt\"\n");
    let text = read(&path, &[]).unwrap_err().to_string();
    assert!(text.contains(":5: `tls.cert` is set, but `tls.ca` and `tls.key` are not"), "{text}");
    let pairs = [("YIZHAN__TLS__CA", "b"), ("YIZHAN__TLS__KEY", "c")];
    assert!(read(&path, &pairs).unwrap().tls.files().is_some());
}

#[test]
fn a_misspelt_variable_is_refused_with_the_right_name() {
    let (_dir, path) = file("");
    let pairs = [("YIZHAN__BUS__MOD", "x"), ("YIZHAN__KAFKA", "x"), ("YIZHAN__LOG__FORMAT", "x")];
    assert_eq!(
        read(&path, &pairs).unwrap_err().to_string(),
        "env YIZHAN__BUS__MOD: there is no key `bus.mod`; did you mean YIZHAN__BUS__MODE?\n\
         env YIZHAN__KAFKA: there is no key `kafka`; valid is YIZHAN__SECTION__KEY with a key of \
         `yizhan config show`\n\
         env YIZHAN__LOG__FORMAT: `log.format` is \"x\"; valid is human, json, or auto (human on \
         a terminal, else json)"
    );
}

#[test]
fn each_value_is_shown_with_its_source_and_secrets_are_masked() {
    let more =
        "[[http.tokens]]\nname = \"console\"\nrole = \"reader\"\ntoken = \"0123456789abcdef\"";
    let (_dir, path) = file(more);
    let pairs = [("YIZHAN__BUS__URL", "nats://a:b@c:4222"), ("YIZHAN__BUS__MODE", "external")];
    let flag = Flag { flag: "--data", key: "data.dir", value: "/srv".to_owned() };
    let settings = Layers::read(Some(&path), env(&pairs), &[flag]).settings();
    let of = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key).unwrap();
        (setting.value.as_deref(), setting.place.clone())
    };
    assert_eq!(
        of("http.tokens"),
        (Some("[reader console ****]"), Place::File(path.clone(), Some(4)))
    );
    assert_eq!(of("station.code"), (Some("510722.101"), Place::File(path, Some(2))));
    assert_eq!(of("bus.url").0, Some("nats://****@c:4222"));
    assert_eq!(of("bus.mode"), (Some("external"), Place::Env("YIZHAN__BUS__MODE".to_owned())));
    assert_eq!(of("data.dir"), (Some("/srv"), Place::Flag("--data".to_owned())));
    assert_eq!(of("spool.retain"), (Some("7d"), Place::Default));
    assert_eq!(of("station.key"), (None, Place::Default));
}
