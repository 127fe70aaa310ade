//! [`Book`]: where a relay keeps what it has taken, the plainest way there is: one file with its
//! room reserved, appended to and synced, from the beginning again when it is full.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::FallocateFlags;
use tokio::task::spawn_blocking;

use crate::bench::peer::Keeps;

/// As long as our longest segment.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A file, or none.
pub(super) struct Book {
    file: Option<Arc<File>>,
    at: u64,
}

impl Book {
    /// # Panics
    /// There is no room for a file.
    pub(super) fn open(keeps: Keeps) -> Self {
        let file = (keeps == Keeps::Synced).then(|| {
            let file = tempfile::tempfile().expect("a file");
            let none = FallocateFlags::empty();
            rustix::fs::fallocate(&file, none, 0, FILE_BYTES).expect("room for a file");
            file.sync_all().expect("a disk");
            Arc::new(file)
        });
        Self { file, at: 0 }
    }

    /// Ends when these are on disk.
    ///
    /// # Panics
    /// They are not.
    pub(super) async fn keep(&mut self, frames: &[Bytes]) {
        let Some(file) = self.file.clone() else { return };
        let bytes = frames.concat();
        let length = bytes.len() as u64;
        if self.at + length > FILE_BYTES {
            self.at = 0;
        }
        let at = self.at;
        self.at += length;
        let written = move || file.write_all_at(&bytes, at).and_then(|()| file.sync_data());
        spawn_blocking(written).await.expect("a thread").expect("a disk");
    }
}
