//! [`Journal`]: what became of each message, from durable records only.
//!
//! It feeds `GET /v1/messages`, `GET /v1/stream` and `Yz-Wait`. Promise: it says nothing that is not
//! on disk, knows after a restart what it knew before, and holds nobody up: a thread of its own
//! follows the log, writes what it learns into an index that is derived from it
//! ([`crate::spool::messages`]), and reads the log again where it did not keep up.
//!
//! | module | noun |
//! |---|---|
//! | `change` | what a record says of messages |
//! | `page` | what is known of a run of messages |
//! | `lanes` | which legs have been handed over |
//! | `forgotten` | which legs are of messages that are remembered no more |
//! | `book` | the pages in memory, and the others behind them |
//! | `scribe` | the thread |
//! | `list` | searching |
//! | `walk` | going through all of it |
//! | `forget` | what a fault of the disk would take away |

mod book;
mod change;
mod forget;
mod forgotten;
mod lanes;
mod list;
mod page;
mod scribe;
#[cfg(test)]
mod tests;
mod walk;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use yizhan_core::fill::LegSource;
use yizhan_schemas::status::{Happening, MessageStatus};
use yizhan_schemas::{Code, MessageId};

use self::book::Book;
use crate::spool::{Follower, LegReader, MessageLook, Messages};

pub use self::forget::{NotForgotten, forget};
pub use self::list::{BadQuery, Listing, Query, State};
pub use self::scribe::Feed;
pub use self::walk::Known;

/// Longest wait for the journal to have read what was durable when a page was asked for.
const FRESH_WITHIN: Duration = Duration::from_secs(2);

/// What a journal is made of.
pub struct JournalPlan {
    /// The station.
    pub here: Code,
    /// Its parent.
    pub parent: Option<Code>,
    /// The data directory, where the log can be read again.
    pub data: PathBuf,
    /// The last commit of the log at this opening.
    pub last_commit: u64,
    /// Tells how much room there is on the volume.
    pub volume: LegReader,
    /// The index.
    pub index: Messages,
    /// Where legs are read.
    pub legs: Arc<dyn LegSource>,
    /// Whether anybody listens to what happens: telling nobody costs much.
    pub heard: Box<dyn Fn() -> bool + Send>,
}

/// Happenings that a slow listener may be behind.
const HAPPENINGS_MAX: usize = 1024;

/// What became of messages. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    book: Arc<Mutex<Book>>,
    look: MessageLook,
    /// The last commit that is durable.
    committed: Arc<AtomicU64>,
    /// The last commit that is in the book; told of every change, for those who wait.
    applied: watch::Receiver<u64>,
    synced: Follower,
    happenings: broadcast::Sender<Arc<Happening>>,
}

impl Journal {
    /// Opens the journal: reads what its index lacks from the log, and follows it from then on.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn open(plan: JournalPlan) -> std::io::Result<(Self, Feed)> {
        let (look, synced) = (plan.index.looker(), plan.index.synced());
        let mut book = Book::new(plan.here.clone(), plan.parent.clone());
        // before anybody asks: without that, it would look as if the index had nothing
        book.go_on_from(plan.index.reached());
        let book = Arc::new(Mutex::new(book));
        let committed = Arc::new(AtomicU64::new(plan.last_commit));
        let (applied_at, applied) = watch::channel(plan.index.reached().commit);
        let (happenings, _) = broadcast::channel(HAPPENINGS_MAX);
        let journal = Self { book, look, committed, applied, synced, happenings };
        let feed = scribe::start(plan, &journal, applied_at)?;
        Ok((journal, feed))
    }

    /// Hears of every event from now on.
    pub fn happenings(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.happenings.subscribe()
    }

    /// What is known of a message.
    pub fn status(&self, id: &MessageId) -> Option<MessageStatus> {
        let known = self.book().page(id).map(|page| page.status(id.sequence));
        known.or_else(|| self.older(id).map(|page| page.status(id.sequence)))
    }

    /// What is known of a message by now, whatever became durable before this was asked.
    pub async fn status_now(&self, id: &MessageId) -> Option<MessageStatus> {
        self.read_up().await;
        self.status(id)
    }

    /// Messages that fit a query, the last taken first.
    pub async fn list(&self, query: &Query) -> Listing {
        self.read_up().await;
        let (journal, query) = (self.clone(), query.clone());
        let searching = tokio::task::spawn_blocking(move || journal.search(&query));
        searching.await.unwrap_or_default()
    }

    /// Resolves when all that was durable when this was asked is here, or after a short while; gives the last
    /// commit that is.
    pub async fn read_up(&self) -> u64 {
        let committed = self.committed.load(Ordering::Acquire);
        let mut applied = self.applied.clone();
        let reading = applied.wait_for(|applied| *applied >= committed);
        // a page that is a moment old is better than none
        let _ = tokio::time::timeout(FRESH_WITHIN, reading).await;
        *self.applied.borrow()
    }

    /// Resolves when something changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.applied.clone()
    }

    /// The last commit of which everything is surely on disk here: what is before it, the log may
    /// let go of.
    pub fn synced(&self) -> Follower {
        Arc::clone(&self.synced)
    }

    fn older(&self, id: &MessageId) -> Option<page::Page> {
        book::stored(&self.look, id, id.sequence).pop()
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
