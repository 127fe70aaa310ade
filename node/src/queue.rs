//! [`bounded`]: a way to a thread that never makes its users wait.
//!
//! Promise: no more than its bound waits in it, and what does not wait takes no memory: std's
//! bounded channel fills in all of its places when it is made, which in an idle station was a
//! quarter of a mebibyte that nothing ever used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// The sending end; cheap to clone.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    inner: mpsc::Sender<T>,
    waiting: Arc<AtomicUsize>,
    max: usize,
}

/// The thread's end.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    inner: mpsc::Receiver<T>,
    waiting: Arc<AtomicUsize>,
}

/// A queue in which at most `max` wait.
pub(crate) fn bounded<T>(max: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&waiting);
    (Sender { inner: sender, waiting, max }, Receiver { inner: receiver, waiting: counted })
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let (inner, waiting) = (self.inner.clone(), Arc::clone(&self.waiting));
        Self { inner, waiting, max: self.max }
    }
}

impl<T> Sender<T> {
    /// Puts one in; gives it back if too many wait already, or nobody takes any.
    pub(crate) fn offer(&self, one: T) -> Result<(), T> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(one);
        }
        self.inner.send(one).map_err(|gone| gone.0)
    }

    /// Puts one in that must come, however many wait: the last one.
    pub(crate) fn insist(&self, one: T) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // nobody takes any: then it is over already
        let _ = self.inner.send(one);
    }
}

impl<T> Receiver<T> {
    /// The next one; `None` once every sender is gone.
    pub(crate) fn recv(&self) -> Option<T> {
        self.inner.recv().ok().map(|one| self.taken(one))
    }

    /// The same, but waits no longer than that.
    ///
    /// # Errors
    /// None came, or none will.
    pub(crate) fn recv_timeout(&self, wait: Duration) -> Result<T, RecvTimeoutError> {
        self.inner.recv_timeout(wait).map(|one| self.taken(one))
    }

    /// What waits now.
    pub(crate) fn try_iter(&self) -> impl Iterator<Item = T> + '_ {
        self.inner.try_iter().map(|one| self.taken(one))
    }

    fn taken(&self, one: T) -> T {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_bound_comes_back_until_some_are_taken() {
        let (sender, receiver) = bounded(2);
        assert_eq!([1, 2, 3, 4].map(|n| sender.offer(n)), [Ok(()), Ok(()), Err(3), Err(4)]);
        assert_eq!(receiver.recv(), Some(1));
        assert_eq!((sender.clone().offer(5), sender.offer(6)), (Ok(()), Err(6)));
        sender.insist(7);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 5, 7]);
        assert_eq!([8, 9, 10].map(|n| sender.offer(n)), [Ok(()), Ok(()), Err(10)]);
    }

    #[test]
    fn each_end_hears_that_the_other_is_gone() {
        let (sender, receiver) = bounded(2);
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
        assert_eq!(sender.offer(1), Ok(()));
        drop(sender);
        assert_eq!((receiver.recv(), receiver.recv()), (Some(1), None));
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
        let (sender, receiver) = bounded(2);
        drop(receiver);
        assert_eq!(sender.offer(1), Err(1));
    }
}
