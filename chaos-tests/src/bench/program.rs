//! [`find`]: where a peer's program is on this machine, if it is there at all.

use std::path::{Path, PathBuf};

/// A program on `PATH`, or where its package puts it.
///
/// Debian's `rabbitmq-server` on `PATH` changes to the service's user, and then writes where the
/// service does; what it starts lies beside it and does neither.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(std::env::split_paths(&path), name)
}

/// Where Debian has RabbitMQ's own scripts, seen from a folder of programs.
const RABBIT_BESIDE: &str = "../lib/rabbitmq/bin";

fn find_in(folders: impl Iterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    folders.filter(|folder| folder.join(name).is_file()).map(|folder| within(&folder, name)).next()
}

fn within(folder: &Path, name: &str) -> PathBuf {
    let own = folder.join(RABBIT_BESIDE).join(name);
    if own.is_file() { own } else { folder.join(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_script_beside_its_libraries_is_taken_before_the_one_that_changes_user() {
        let dir = tempfile::tempdir().unwrap();
        let (sbin, own) = (dir.path().join("sbin"), dir.path().join("lib/rabbitmq/bin"));
        fs::create_dir_all(&sbin).unwrap();
        fs::create_dir_all(&own).unwrap();
        let folders = || [dir.path().join("none"), sbin.clone()].into_iter();
        assert_eq!(find_in(folders(), "rabbitmq-server"), None);
        fs::write(sbin.join("rabbitmq-server"), "").unwrap();
        assert_eq!(find_in(folders(), "rabbitmq-server"), Some(sbin.join("rabbitmq-server")));
        fs::write(own.join("rabbitmq-server"), "").unwrap();
        let found = find_in(folders(), "rabbitmq-server").unwrap();
        assert_eq!(found.canonicalize().unwrap(), own.join("rabbitmq-server"));
    }
}
