//! [`Porch`]: where a neighbour's frames wait until they are read, one for each neighbour.
//!
//! Promise: whatever one neighbour sends, and however fast, it takes no more than its own room and
//! no other's turn. What does not fit is dropped and counted, as if it had been lost on the way: an
//! honest sender has fewer bytes under way, and sends again what is not acked.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use yizhan_core::link::Link;
use yizhan_core::seal::Specimens;

use super::{Came, Unpacker, came, refuse};
use crate::audit::Audit;
use crate::mailbox::Mailbox;
use crate::query::{Board, Ears};

/// Most frames of one neighbour that wait to be read.
const FRAMES_MAX: usize = 4096;
/// Most bytes of them; and, of what was read of them, most bytes that wait for the loop. An honest
/// neighbour has at most a quarter of it under way (`in_flight_bytes_max` of the core).
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The way in for one neighbour's frames.
pub(super) struct Porch {
    link: Link,
    frames: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// A frame, and its part of the room.
type Waiting = (Bytes, OwnedSemaphorePermit);

impl Porch {
    /// A porch, and the task that reads what is put there until the core or the porch is gone.
    pub(super) fn open(
        link: Link,
        specimens: Arc<dyn Specimens>,
        mailbox: Mailbox,
        audit: Audit,
        board: &Board,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (frames, waiting) = mpsc::channel(FRAMES_MAX);
        let ears = board.ears(link.clone());
        let reading = read(link.clone(), waiting, specimens, (mailbox, audit, ears));
        (Self { link, frames, room: Arc::new(Semaphore::new(BYTES_MAX)) }, reading)
    }

    /// Puts a frame there, if there is room.
    pub(super) fn put(&self, frame: &[u8]) -> Put {
        let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) else {
            return self.dropped();
        };
        // a copy: a slice would hold all that was read off the socket together with it
        match self.frames.try_send((Bytes::copy_from_slice(frame), room)) {
            Ok(()) => Put::Waits,
            Err(mpsc::error::TrySendError::Full(_)) => self.dropped(),
            Err(mpsc::error::TrySendError::Closed(_)) => Put::Nowhere,
        }
    }

    fn dropped(&self) -> Put {
        let link = self.link.word().to_owned();
        metrics::counter!("yizhan_frames_dropped_total", "link" => link).increment(1);
        Put::Dropped
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits to be read.
    Waits,
    /// There was no room.
    Dropped,
    /// Nobody reads any more.
    Nowhere,
}

async fn read(
    link: Link,
    mut waiting: mpsc::Receiver<Waiting>,
    specimens: Arc<dyn Specimens>,
    (mailbox, audit, mut ears): (Mailbox, Audit, Ears),
) {
    let mut unpacker = Unpacker::default();
    // another one than that of frames: what a frame holds may be longer than the frame
    let room = Arc::new(Semaphore::new(BYTES_MAX));
    while let Some((frame, before)) = waiting.recv().await {
        let came = came(link.clone(), &frame, &mut unpacker, &*specimens);
        drop(before);
        match came {
            Ok(Came::Input(input)) => {
                if !mailbox.tell_within(input, &room, BYTES_MAX).await {
                    return;
                }
            }
            Ok(Came::Query(query)) => ears.asked(query),
            Ok(Came::Answer(answer)) => ears.told(answer),
            Err(why) => refuse(&audit, &link, &why),
        }
        // reading and checking a frame is work without a pause; siblings want their turn
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use yizhan_core::input::Input;
    use yizhan_core::seal::NoKeys;
    use yizhan_schemas::frame::{Beat, Frame, SessionTag};

    use super::*;
    use crate::mailbox::{self, Letter};

    fn beat(sent_ms: u64) -> Bytes {
        let session = SessionTag([7; 8]);
        Frame::Beat(Beat::of(session, sent_ms)).encode().unwrap()
    }

    fn porch(mailbox: &Mailbox) -> (Porch, impl Future<Output = ()> + Send + use<>) {
        let (board, _) = Board::open();
        Porch::open(Link::Up, Arc::new(NoKeys), mailbox.clone(), Audit::none(), &board)
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_what_fits_is_read_in_order() {
        let (mailbox, mut letters) = mailbox::open();
        let (porch, reading) = porch(&mailbox);
        let long = vec![0xc1; 1024 * 1024];
        for _ in 0..100 {
            porch.put(&long);
        }
        assert_eq!(porch.put(&long), Put::Dropped);
        assert_eq!(porch.frames.max_capacity() - porch.frames.capacity(), 4);
        let reading = tokio::spawn(reading);
        // the garbage is refused, and gives its room back
        while porch.room.available_permits() < BYTES_MAX {
            tokio::task::yield_now().await;
        }
        for at in 0..10 {
            assert_eq!(porch.put(&beat(at)), Put::Waits);
        }
        for at in 0..10 {
            let Some(Letter::Frame { input: Input::Beat { beat, .. }, .. }) = letters.recv().await
            else {
                panic!("a beat")
            };
            assert_eq!(beat.sent_ms, at);
        }
        drop(letters);
        porch.put(&beat(0));
        reading.await.unwrap();
        assert_eq!(porch.put(&beat(0)), Put::Nowhere);
    }

    #[tokio::test]
    async fn a_loop_that_takes_nothing_holds_one_neighbours_frames_and_lets_others_in() {
        let (mailbox, mut letters) = mailbox::open();
        let ((busy, reads_busy), (calm, reads_calm)) = (porch(&mailbox), porch(&mailbox));
        let tasks = [tokio::spawn(reads_busy), tokio::spawn(reads_calm)];
        for at in 0..40_000 {
            busy.put(&beat(at));
            if at % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let held = letters.len();
        assert!(held < mailbox::LETTERS_MAX, "one neighbour filled the mailbox");
        assert_eq!(calm.put(&beat(u64::MAX)), Put::Waits);
        let mut found = false;
        while !found && let Some(letter) = letters.recv().await {
            let Letter::Frame { input: Input::Beat { beat, .. }, .. } = &letter else { panic!() };
            found = beat.sent_ms == u64::MAX;
        }
        assert!(found);
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
