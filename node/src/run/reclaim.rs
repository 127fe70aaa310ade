//! The thread that gives the room of old segments back, between the core's wishes and the log.
//!
//! Promise: the core hears of the oldest segment at the start and whenever it, or what is nowhere
//! else of it, is another than before; what it wishes is done as soon as it may be.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use yizhan_core::input::Input;

use super::RunError;
use crate::driver::ReclaimOrder;
use crate::mailbox::Mailbox;
use crate::spool::log::Asked;
use crate::spool::{Reclaimer, SpoolError};

/// Orders that may wait: the core has one wish at a time, the log says at most once that it grew
/// between two looks.
const ORDERS_MAX: usize = 64;
/// How often it looks whether what nobody tells it about has come true.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The way to the thread.
pub(super) fn queue() -> (SyncSender<ReclaimOrder>, Receiver<ReclaimOrder>) {
    sync_channel(ORDERS_MAX)
}

/// Starts the thread. It ends with the loop, or when nobody orders any more.
pub(super) fn start(
    reclaimer: Reclaimer,
    orders: Receiver<ReclaimOrder>,
    mailbox: Mailbox,
) -> Result<(), RunError> {
    let work = Work { reclaimer, mailbox, carrying: false, said: String::new() };
    let run = move || work.run(&orders);
    thread::Builder::new().name("yizhan-reclaim".into()).spawn(run).map_err(RunError::Runtime)?;
    Ok(())
}

struct Work {
    reclaimer: Reclaimer,
    mailbox: Mailbox,
    /// Messages were carried, and are not yet where they go to.
    carrying: bool,
    /// The last fault, which is said once and not every second.
    said: String,
}

/// The loop has ended.
struct Ended;

impl Work {
    fn run(mut self, orders: &Receiver<ReclaimOrder>) {
        while self.look().is_ok() {
            let order = if self.carrying || self.reclaimer.waits() {
                orders.recv_timeout(LOOK_EVERY)
            } else {
                orders.recv().map_err(RecvTimeoutError::from)
            };
            let done = match order {
                Ok(ReclaimOrder::Discard { segment }) => {
                    self.reclaimer.discard(segment);
                    Ok(())
                }
                Ok(ReclaimOrder::Carry { segment, open }) => self.carry(segment, &open),
                Ok(ReclaimOrder::Rolled) => Ok(()),
                Ok(ReclaimOrder::Moved) | Err(RecvTimeoutError::Timeout) => {
                    // the core waits for this after every carry, also if it moved nothing
                    if std::mem::take(&mut self.carrying) {
                        self.reclaimer.tell_again();
                    }
                    Ok(())
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn look(&mut self) -> Result<(), Ended> {
        let gone = self.reclaimer.tend();
        for segment in self.or_say(gone).unwrap_or_default() {
            tracing::debug!(event = "discarded", segment, "an old segment gave its room back");
        }
        if self.carrying {
            // what is told now would be carried twice
            return Ok(());
        }
        let news = self.reclaimer.news();
        match self.or_say(news).flatten() {
            Some(oldest) => self.tell(Input::Oldest(Box::new(oldest))),
            None => Ok(()),
        }
    }

    fn carry(&mut self, segment: u64, open: &[Asked]) -> Result<(), Ended> {
        self.carrying = true;
        let carried = self.reclaimer.carry(segment, open);
        // told as nothing, or the core would wait; it is told of the segment again in a while
        let carried = self.or_say(carried).unwrap_or_default();
        for legs in carried.unreadable {
            let (link, lane, from, through) = (legs.link, legs.lane, legs.from, legs.through);
            self.tell(Input::Unreadable { link, lane, from, through, id: None })?;
        }
        self.tell(Input::Carried { segment, puts: carried.puts, seals: carried.seals })
    }

    fn tell(&self, input: Input) -> Result<(), Ended> {
        self.mailbox.tell_now(input).then_some(()).ok_or(Ended)
    }

    fn or_say<T>(&mut self, done: Result<T, SpoolError>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(fault) => {
                let fault = fault.to_string();
                if fault != self.said {
                    tracing::error!(event = "reclaim_failed", fault, "old segments stay for now");
                    self.said = fault;
                }
                None
            }
        }
    }
}
