//! [`StreamFiles`]: the files of `YZ_INBOX` below the store directory of our own nats-server.
//!
//! Layout (2.15.1): `<store>/jetstream/APP/streams/YZ_INBOX/` holds `meta.inf` and `meta.sum`
//! (name, creation time, limits), `msgs/<n>.blk` (messages, appended to the highest n until it is
//! full) and `msgs/index.db` (a cache of what the blocks say). The server writes a message into
//! its block before it acknowledges it, and syncs a block only at its `sync_interval`; it never
//! syncs a directory.
//!
//! Promise of [`StreamFiles::sync`]: whatever was written before the call survives a power cut
//! after it. A file is synced again only if its inode, length or time of change differs from when
//! it was last synced; a new file has its directories synced too, so a block that rolled over is
//! covered on both sides.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::BusError;
use super::subjects::INBOX_STREAM;

/// The stream's files, and what is known to be on disk of them. Clones share that knowledge.
#[derive(Debug, Clone)]
pub struct StreamFiles {
    stream: Arc<Path>,
    /// The stream's directory, its `msgs`, and all above up to the store directory.
    directories: Arc<[PathBuf]>,
    synced: Arc<Mutex<BTreeMap<PathBuf, Stamp>>>,
}

/// What has to be synced.
#[derive(Debug, PartialEq, Eq)]
struct Due<'a> {
    files: Vec<&'a Path>,
    /// A file is new, so its name must be made durable too.
    directories: bool,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl StreamFiles {
    /// Those of the server that keeps its files in `store_dir`.
    pub fn below(store_dir: &Path) -> Self {
        let stream = store_dir.join("jetstream/APP/streams").join(INBOX_STREAM);
        let mut directories = vec![stream.join("msgs")];
        let above = stream.ancestors().take_while(|dir| dir.starts_with(store_dir));
        directories.extend(above.map(Path::to_path_buf));
        Self { stream: stream.into(), directories: directories.into(), synced: Arc::default() }
    }

    /// Brings everything written so far to the disk.
    pub async fn sync(&self) -> Result<(), BusError> {
        let files = self.clone();
        let done = tokio::task::spawn_blocking(move || files.sync_now()).await;
        done.unwrap_or_else(|error| {
            let path = self.stream.to_path_buf();
            Err(BusError::File { doing: "sync", path, source: io::Error::other(error) })
        })
    }

    /// The same, on this thread. No stream yet is nothing to sync.
    pub(super) fn sync_now(&self) -> Result<(), BusError> {
        if !self.stream.is_dir() {
            return Ok(());
        }
        // held throughout: who comes second must not return before the first has synced
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.present()?;
        let due = Due::between(&synced, &present);
        for path in due.files {
            sync_path(path, File::sync_data)?;
        }
        for directory in self.directories.iter().filter(|_| due.directories) {
            sync_path(directory, File::sync_all)?;
        }
        *synced = present;
        Ok(())
    }

    /// Removes the server's cache of the blocks, so that it reads the blocks themselves: after a
    /// power cut the cache may be newer than their tail, and the server would count messages that
    /// are gone (tried on 2.15.1). Only while no server runs.
    pub(super) fn forget_index(&self) -> Result<(), BusError> {
        let index = self.stream.join("msgs/index.db");
        match fs::remove_file(&index) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(BusError::file("remove", &index)(error))
            }
            _ => Ok(()),
        }
    }

    /// What is there now, stamped before it is synced: what changes after shows the next time.
    fn present(&self) -> Result<BTreeMap<PathBuf, Stamp>, BusError> {
        let msgs = self.stream.join("msgs");
        let mut paths = vec![self.stream.join("meta.inf"), self.stream.join("meta.sum")];
        for entry in fs::read_dir(&msgs).map_err(BusError::file("list", &msgs))? {
            let path = entry.map_err(BusError::file("list", &msgs))?.path();
            if path.extension().is_some_and(|ending| ending == "blk") {
                paths.push(path);
            }
        }
        let mut present = BTreeMap::new();
        for path in paths {
            match fs::metadata(&path) {
                Ok(meta) => _ = present.insert(path, Stamp::of(&meta)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(BusError::file("look at", &path)(error)),
            }
        }
        Ok(present)
    }
}

impl<'a> Due<'a> {
    fn between(before: &BTreeMap<PathBuf, Stamp>, now: &'a BTreeMap<PathBuf, Stamp>) -> Self {
        let mut due = Self { files: vec![], directories: false };
        for (path, stamp) in now {
            let known = before.get(path);
            due.directories |= known.is_none_or(|known| known.inode != stamp.inode);
            if known != Some(stamp) {
                due.files.push(path);
            }
        }
        due
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            inode: meta.ino(),
            length: meta.len(),
            changed_s: meta.mtime(),
            changed_ns: meta.mtime_nsec(),
        }
    }
}

/// A block that the server removed in the meantime had expired: nothing to sync.
fn sync_path(path: &Path, sync: fn(&File) -> io::Result<()>) -> Result<(), BusError> {
    match File::open(path).and_then(|file| sync(&file)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BusError::file("sync", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn append(path: &Path, text: &str) {
        let file = File::options().create(true).append(true).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Names of the files that are due, and whether directories are; then syncs.
    fn due(files: &StreamFiles) -> (Vec<String>, bool) {
        let present = files.present().unwrap();
        let found = {
            let synced = files.synced.lock().unwrap();
            let due = Due::between(&synced, &present);
            let name = |path: &&Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            (due.files.iter().map(name).collect(), due.directories)
        };
        files.sync_now().unwrap();
        found
    }

    #[test]
    fn a_sync_covers_what_changed_and_both_sides_of_a_block_that_rolled_over() {
        let store = tempfile::tempdir().unwrap();
        let files = StreamFiles::below(store.path());
        files.sync_now().expect("no stream yet is nothing to sync");
        let msgs = store.path().join("jetstream/APP/streams/YZ_INBOX/msgs");
        fs::create_dir_all(&msgs).unwrap();
        append(&files.stream.join("meta.inf"), "{}");
        append(&msgs.join("1.blk"), "a");
        append(&msgs.join("index.db"), "not synced: a cache");
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(due(&files), (names(&["meta.inf", "1.blk"]), true));
        assert_eq!(due(&files), (names(&[]), false));
        append(&msgs.join("1.blk"), "b");
        assert_eq!(due(&files), (names(&["1.blk"]), false));
        append(&msgs.join("1.blk"), "c");
        append(&msgs.join("2.blk"), "d");
        assert_eq!(due(&files), (names(&["1.blk", "2.blk"]), true));
        append(&msgs.join("new"), "compacted");
        fs::rename(msgs.join("new"), msgs.join("1.blk")).unwrap();
        assert_eq!(due(&files), (names(&["1.blk"]), true));
        fs::remove_file(msgs.join("1.blk")).unwrap();
        assert_eq!(due(&files), (names(&[]), false));
        assert_eq!(files.directories.len(), 6, "from msgs up to the store directory");
    }
}
