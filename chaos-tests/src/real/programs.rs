//! Where the programs under test are.
//!
//! This crate may not depend on the binary, so it is found where `cargo build --workspace` puts
//! it, beside the executable that asks; a missing or outdated one is said, never run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Sources that the binary is made from, below the repository's top.
const SOURCES: [&str; 4] = ["node/src", "node/core/src", "schemas/src", "topology/src"];

/// The repository's top.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository")
}

/// Prometheus's own checker, fetched if need be. None where `make test` found none and said that
/// its checks are left out (`YIZHAN_WITHOUT_PROMTOOL`).
///
/// # Panics
/// With the words of `get-promtool` on how to get one.
pub fn promtool() -> Option<PathBuf> {
    if std::env::var_os("YIZHAN_WITHOUT_PROMTOOL").is_some() {
        return None;
    }
    let got = Command::new(repository().join("ops/prometheus/get-promtool")).output();
    let got = got.expect("get-promtool starts");
    let [path, said] =
        [got.stdout, got.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(got.status.success(), "no promtool, so nothing is checked: {said}");
    Some(PathBuf::from(path.trim()))
}

/// The binary `yizhan`, newer than its sources.
pub fn yizhan() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let own = std::env::current_exe().expect("this program runs from a file");
        // a program lies in <target>/<profile>, a test in <target>/<profile>/deps
        let near = own.ancestors().skip(1).take(2).map(|directory| directory.join("yizhan"));
        let near: Vec<_> = near.collect();
        let found = near.iter().find(|binary| binary.is_file());
        let binary = found.or(near.last()).expect("a program has a directory").clone();
        let Ok(built) = binary.metadata().and_then(|meta| meta.modified()) else {
            panic!("{} is not there: run `cargo build --workspace` first", binary.display());
        };
        let (source, changed) = newest();
        assert!(
            changed <= built,
            "{} is older than {}: run `cargo build --workspace` first",
            binary.display(),
            source.display()
        );
        binary
    })
}

fn newest() -> (PathBuf, SystemTime) {
    let mut newest = (PathBuf::new(), SystemTime::UNIX_EPOCH);
    let mut directories: Vec<_> = SOURCES.iter().map(|at| repository().join(at)).collect();
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir().expect("sources are there").flatten() {
            let (path, meta) = (entry.path(), entry.metadata().expect("sources can be read"));
            let changed = meta.modified().expect("the file system keeps times");
            if meta.is_dir() {
                directories.push(path);
            } else if changed > newest.1 {
                newest = (path, changed);
            }
        }
    }
    newest
}
