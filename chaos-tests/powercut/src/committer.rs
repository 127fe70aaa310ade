//! Group commit: many producers, one log, one sync for all that wait.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use yizhan::spool::Log;
use yizhan_core::record::Record;

use crate::Fault;

/// Most messages in one commit.
pub(crate) const COMMIT_RECORDS_MAX: usize = 256;

/// A producer's wish, and where its answer goes.
pub(crate) type Wish = SyncSender<u64>;

/// The producers' end: ask for a message, and wait until it is durable.
#[derive(Clone)]
pub(crate) struct Door(SyncSender<Wish>);

impl Door {
    pub(crate) fn new() -> (Self, Receiver<Wish>) {
        let (send, receive) = sync_channel(COMMIT_RECORDS_MAX);
        (Self(send), receive)
    }

    /// Hands in a message; its number when it is on disk, `None` when the committer has ended.
    pub(crate) fn submit(&self) -> Option<u64> {
        let (answer, number) = sync_channel(1);
        self.0.send(answer).ok()?;
        number.recv().ok()
    }
}

/// Waits for wishes, and returns all that wait.
pub(crate) fn gather(wishes: &Receiver<Wish>) -> Vec<Wish> {
    let mut gathered = Vec::new();
    gathered.extend(wishes.recv());
    gathered.extend(wishes.try_iter().take(COMMIT_RECORDS_MAX - 1));
    gathered
}

/// One commit, durable on return.
pub(crate) fn commit(log: &mut Log, records: &[Record]) -> Result<(), Fault> {
    log.append(records)?;
    log.sync()?;
    Ok(())
}
