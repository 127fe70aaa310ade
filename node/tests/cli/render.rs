//! `yizhan topology render`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use super::{err, out, yizhan_in};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../topology/examples");

fn run(dir: &Path, args: &[&str]) -> Output {
    yizhan_in(dir, &[&["topology"], args].concat(), &[])
}

/// A topology file with keys, in a directory of its own.
fn desk(example: &str, more: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(format!("{EXAMPLES}/{example}")).unwrap();
    fs::write(dir.path().join("t.toml"), text + more).unwrap();
    let made = run(dir.path(), &["keys", "t.toml", "--out", "keys"]);
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    dir
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_whole_county_is_rendered_in_a_moment_and_every_secret_is_private() {
    let dir = desk("santai.toml", "");
    let dir = dir.path();
    let start = Instant::now();
    let done = run(dir, &["render", "t.toml", "--all", "--out", "kits"]);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert_eq!(out(&done), "kits: 496 stations, 496 new certificates\n", "{}", err(&done));
    assert!(err(&done).contains("and 31 more: children, but no `bus`"), "{}", err(&done));
    let kits: Vec<_> = fs::read_dir(dir.join("kits")).unwrap().map(|kit| kit.unwrap()).collect();
    assert_eq!(kits.len(), 496);
    for kit in kits {
        let kit = kit.path();
        for file in [
            "yizhan.toml",
            "topology.toml",
            "nats-server.conf",
            "yizhan.service",
            "README.txt",
            "tls/ca.crt",
            "tls/station.crt",
        ] {
            assert_eq!(mode(&kit.join(file)), 0o644, "{file} of {}", kit.display());
        }
        for file in ["keys/station.nk", "tls/station.key", "keys/bus/link", "keys/bus/app"] {
            assert_eq!(mode(&kit.join(file)), 0o600, "{file} of {}", kit.display());
        }
        assert_eq!(mode(&kit.join("keys")), 0o700);
        assert!(!kit.join("tls/ca.key").exists());
    }
    assert_eq!(mode(&dir.join("keys/ca.key")), 0o600);
    let again = run(dir, &["render", "t.toml", "--all", "--out", "kits"]);
    assert_eq!(out(&again), "kits: 496 stations, 0 new certificates\n");
}

#[test]
fn one_station_is_rendered_with_its_applications_and_its_settings_hold() {
    let desk_app =
        "\n[[application]]\nstation = \"510722\"\nname = \"desk\"\nrights = [\"subscriber\"]\n";
    let dir = desk("demo.toml", desk_app);
    let dir = dir.path();
    let done =
        run(dir, &["render", "t.toml", "--station", "510722", "--out", "box", "--ca", "safe/ca"]);
    assert_eq!(out(&done), "box: 1 station, 2 new certificates\n", "{}", err(&done));
    for end in ["nk", "key"] {
        assert_eq!(mode(&dir.join(format!("box/keys/apps/desk.{end}"))), 0o600);
    }
    assert_eq!(mode(&dir.join("safe/ca/ca.key")), 0o600);
    let checked = yizhan_in(dir, &["config", "check", "--config", "box/yizhan.toml"], &[]);
    assert_eq!(out(&checked), "ok: box/yizhan.toml\n", "{}", err(&checked));
    // another station's kit has nothing of the application
    run(dir, &["render", "t.toml", "--station", "510722.101", "--out", "other", "--ca", "safe/ca"]);
    assert!(!dir.join("other/keys/apps").exists());
}

#[test]
fn a_missing_or_wrong_seed_is_named_and_nothing_is_written() {
    let dir = desk("demo.toml", "");
    let dir = dir.path();
    let render = |more: &[&str]| run(dir, &[&["render", "t.toml", "--out", "kits"], more].concat());
    fs::rename(dir.join("keys/510722.101.nk"), dir.join("away")).unwrap();
    let refused = render(&["--all"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        err(&refused),
        "error: keys/510722.101.nk is not there, so 510722.101 has no seed: `yizhan topology keys \
         FILE --out DIR` makes it; if it is elsewhere, say so with --keys DIR\n"
    );
    fs::copy(dir.join("keys/510722.nk"), dir.join("keys/510722.101.nk")).unwrap();
    assert!(err(&render(&["--all"])).contains("does not fit the current key of 510722.101"));
    assert!(!dir.join("kits").exists());
    assert!(err(&render(&["--station", "510722.9"])).contains("no station 510722.9"));
    assert_eq!(render(&[]).status.code(), Some(2), "whose kit?");
    fs::write(dir.join("keys/ca.crt"), "torn").unwrap();
    let refused = err(&render(&["--station", "510722"]));
    assert!(refused.contains("ca.key"), "{refused}");
}
