//! [`Shelf`]: a list of this station's own (its devices, its people), and the file that it is read
//! from anew.
//!
//! Promise: a file that is wrong changes nothing while the station runs; readers see one list or
//! the other, never a part. A file is read only if it is no longer than any list of the allowed
//! length.

pub mod cell;
mod error;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use metrics::counter;
use tokio::sync::watch;

pub use error::ListError;

/// A list that a station reads from a file.
pub trait Listed: Default + Send + Sync + 'static {
    /// Its section in the configuration: `catalogue`.
    const NAME: &'static str;
    /// What is in it, as in `catalogue.max_devices`.
    const ENTRIES: &'static str;
    /// Longest file for each entry that may be in it, bytes.
    const ENTRY_BYTES_MAX: u64;
    /// The counter of its readings, by outcome.
    const READS: &'static str;
    /// What the audit log calls a file that was not taken.
    const REFUSED: &'static str;

    /// Reads a file of at most so many entries.
    ///
    /// # Errors
    /// Why it cannot be read, or what is wrong with it.
    fn open(file: &Path, entries_max: u64) -> Result<Self, ListError>;

    /// Says what holds from now on, and what is other than before.
    fn say(&self, before: &Self, entries_max: u64);

    /// Says that a new file was not taken.
    fn say_refused(why: &str);
}

/// The text of a list's file.
///
/// # Errors
/// It cannot be read, or is too long.
pub fn text<T: Listed>(file: &Path, entries_max: u64) -> Result<String, ListError> {
    let wrong = |source| ListError::File { list: T::NAME, file: file.to_owned(), source };
    let bytes = std::fs::metadata(file).map_err(wrong)?.len();
    let valid = entries_max.saturating_mul(T::ENTRY_BYTES_MAX);
    if bytes > valid {
        let (list, entries, file) = (T::NAME, T::ENTRIES, file.to_owned());
        return Err(ListError::TooLong { list, entries, file, bytes, valid, entries_max });
    }
    std::fs::read_to_string(file).map_err(wrong)
}

/// The list in force; `None` at a station without one. Cheap to clone.
#[derive(Debug)]
pub struct InForce<T>(watch::Receiver<Option<Arc<T>>>);

impl<T> Clone for InForce<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for InForce<T> {
    /// That of a station without one.
    fn default() -> Self {
        Self(watch::channel(None).1)
    }
}

impl<T> InForce<T> {
    /// What holds at this moment.
    pub fn now(&self) -> Option<Arc<T>> {
        self.0.borrow().clone()
    }

    /// Resolves when another list is in force; `false` if there will be none.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// The file and what was read from it.
#[derive(Debug)]
pub struct Shelf<T> {
    file: Option<PathBuf>,
    entries_max: u64,
    in_force: watch::Sender<Option<Arc<T>>>,
}

impl<T: Listed> Shelf<T> {
    /// Reads the file, if the station has one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(file: Option<PathBuf>, entries_max: u64) -> Result<Self, ListError> {
        let (in_force, _) = watch::channel(None);
        let shelf = Self { file, entries_max, in_force };
        shelf.renew()?;
        Ok(shelf)
    }

    /// Where readers look.
    pub fn in_force(&self) -> InForce<T> {
        InForce(self.in_force.subscribe())
    }

    /// Reads the file again; for a thread that may wait for a disk.
    ///
    /// # Errors
    /// What is wrong with it; the list before stays in force.
    pub fn renew(&self) -> Result<(), ListError> {
        let Some(file) = &self.file else { return Ok(()) };
        let read = T::open(file, self.entries_max);
        let outcome = if read.is_ok() { "read" } else { "refused" };
        counter!(T::READS, "outcome" => outcome).increment(1);
        let list = Arc::new(read?);
        let before = self.in_force.send_replace(Some(Arc::clone(&list)));
        list.say(&before.unwrap_or_default(), self.entries_max);
        Ok(())
    }
}
