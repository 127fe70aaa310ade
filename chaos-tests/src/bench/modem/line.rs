//! One direction of a line: its queue, and what carries bytes from there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::tally::Meter;
use super::{Mode, Shared, State};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the child to its parent's bus.
    Up,
    /// Back.
    Down,
}

/// Bytes on their way, and when they come out at the other end.
pub(super) type Arriving = (Instant, Vec<u8>);

/// What a connection puts into a queue at a time.
pub(super) struct Packet {
    bytes: Vec<u8>,
    /// When it got room in the queue.
    queued: Instant,
    era: u64,
    to: mpsc::UnboundedSender<Arriving>,
}

/// The one queue of a direction.
pub(super) struct Queue {
    packets: mpsc::UnboundedSender<Packet>,
    /// Bytes in it.
    held: watch::Sender<usize>,
    /// Who waits for room gets it in the order of asking.
    turn: tokio::sync::Mutex<()>,
    meter: Mutex<Meter>,
}

impl Queue {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Packet>) {
        let (packets, out) = mpsc::unbounded_channel();
        let (held, turn) = (watch::Sender::new(0), tokio::sync::Mutex::new(()));
        (Self { packets, held, turn, meter: Mutex::default() }, out)
    }

    /// Puts bytes at the end, as soon as there is room.
    pub(super) async fn push(
        &self,
        state: State,
        bytes: Vec<u8>,
        to: &mpsc::UnboundedSender<Arriving>,
    ) {
        let _turn = self.turn.lock().await;
        let (most, length) = (state.shape.queue_bytes(), bytes.len());
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| *held == 0 || held.saturating_add(length) <= most).await;
        self.held.send_modify(|held| *held += length);
        let packet = Packet { bytes, queued: Instant::now(), era: state.era, to: to.clone() };
        let _ = self.packets.send(packet);
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        *self.held.borrow()
    }

    pub(super) fn with_meter<T>(&self, of: impl FnOnce(&mut Meter) -> T) -> T {
        of(&mut self.meter.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Carries one packet after the other, whosever it is, each for as long as it takes.
pub(super) async fn carry(
    shared: Arc<Shared>,
    direction: Direction,
    mut packets: mpsc::UnboundedReceiver<Packet>,
) {
    let queue = shared.queue(direction);
    let mut free = Instant::now();
    while let Some(packet) = packets.recv().await {
        let length = packet.bytes.len();
        if shared.now().mode == Mode::BlackHole {
            shared.passing().await;
            free = Instant::now(); // the line did not work ahead meanwhile
        }
        let state = shared.now();
        if packet.era == state.era {
            // from when it was queued, not from when this task woke: timers are up to 1 ms late
            let from = free.max(packet.queued);
            let takes = state.shape.bytes_per_s.map_or(0.0, |rate| length as f64 / rate);
            free = from + Duration::from_secs_f64(takes);
            if takes > 0.0 {
                sleep_until(free).await;
                shared.passing().await;
            }
            queue.with_meter(|meter| meter.passed(&packet.bytes, from, free));
            // a connection that has closed meanwhile had its bytes on the line all the same
            let _ = packet.to.send((free + state.shape.delay, packet.bytes));
        }
        queue.held.send_modify(|held| *held -= length);
    }
}
