//! [`Modem`]: a thin line between a child and its parent's bus, in user space.
//!
//! Children dial the modem instead of the bus. All connections share one line, with one queue in
//! each direction, first in, first out, as a modem has it: who sends more than the line carries
//! waits behind its own bytes, and so does everybody else.
//!
//! What is kinder or harsher than a real line: bytes are those of TCP's payload (headers would be
//! about 4 % more); a black hole holds what was under way and loses nothing, and nobody's
//! retransmission timer grows in it; the kernel holds a few KiB more in front of a full queue.

mod line;
mod tally;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use line::Direction;
use line::Queue;
use tally::Meter;
pub use tally::Tally;

/// A queue holds what the line carries in this time.
const QUEUE_FOR: Duration = Duration::from_secs(2);
/// And no less than a few datagrams: at 9.6 kbit/s two seconds are 2,400 bytes.
const QUEUE_BYTES_MIN: usize = 3_000;

/// What becomes of bytes and of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They pass.
    Pass,
    /// Nobody listens, and what was connected is reset: the other end's machine is there, but not
    /// its program.
    Refuse,
    /// Nothing goes on, nobody is told: the cable is cut.
    BlackHole,
}

/// How much a line carries, and how long it is. The same both ways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Bytes a second; none: as many as come.
    pub bytes_per_s: Option<f64>,
    /// From one end to the other.
    pub delay: Duration,
}

impl Shape {
    /// No line at all: a cable on one desk.
    pub const FREE: Self = Self { bytes_per_s: None, delay: Duration::ZERO };

    /// A line of so many kbit/s.
    pub fn of_kbit(kbit_per_s: f64, delay: Duration) -> Self {
        Self { bytes_per_s: Some(kbit_per_s * 125.0), delay }
    }

    /// Bytes that wait for the line at most, in one direction.
    pub fn queue_bytes(&self) -> usize {
        let held = |rate: f64| (rate * QUEUE_FOR.as_secs_f64()) as usize;
        self.bytes_per_s.map_or(usize::MAX, |rate| held(rate).max(QUEUE_BYTES_MIN))
    }
}

/// What all tasks of a modem look at.
#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    shape: Shape,
    /// Where the bus is.
    target: Option<SocketAddr>,
    /// How often the line was refused: what was queued before is gone.
    era: u64,
}

/// What tasks share.
struct Shared {
    state: watch::Sender<State>,
    up: Queue,
    down: Queue,
}

impl Shared {
    fn now(&self) -> State {
        *self.state.borrow()
    }

    fn queue(&self, direction: Direction) -> &Queue {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }

    /// Waits while bytes do not pass.
    async fn passing(&self) {
        let mut state = self.state.subscribe();
        let _ = state.wait_for(|state| state.mode != Mode::BlackHole).await;
    }

    /// Waits until the line is refused, or was since that era.
    async fn refused(&self, since: u64) {
        let mut state = self.state.subscribe();
        let _ = state.wait_for(|state| state.era != since).await;
    }
}

/// A running modem. Dropping it ends it.
pub struct Modem {
    shared: Arc<Shared>,
    port: u16,
    /// Keeps the port ours while nobody listens on it: bound, never listening.
    _held: TcpSocket,
    _tasks: JoinSet<()>,
}

impl Modem {
    /// Starts one on a port of the system's choice, free and towards nothing yet.
    ///
    /// # Errors
    /// No port.
    pub fn start() -> io::Result<Self> {
        let held = TcpSocket::new_v4()?;
        held.set_reuseaddr(true)?;
        held.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = held.local_addr()?.port();
        let state = State { mode: Mode::Pass, shape: Shape::FREE, target: None, era: 0 };
        let (up, from_up) = Queue::new();
        let (down, from_down) = Queue::new();
        let shared = Arc::new(Shared { state: watch::Sender::new(state), up, down });
        let mut tasks = JoinSet::new();
        tasks.spawn(line::carry(Arc::clone(&shared), Direction::Up, from_up));
        tasks.spawn(line::carry(Arc::clone(&shared), Direction::Down, from_down));
        tasks.spawn(wire::listen(Arc::clone(&shared), port));
        Ok(Self { shared, port, _held: held, _tasks: tasks })
    }

    /// Where children dial.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Says where the bus is.
    pub fn towards(&self, target: SocketAddr) {
        self.shared.state.send_modify(|state| state.target = Some(target));
    }

    /// Passes, refuses, or swallows, from now on.
    pub fn set(&self, mode: Mode) {
        self.shared.state.send_modify(|state| {
            state.era += u64::from(mode == Mode::Refuse);
            state.mode = mode;
        });
    }

    /// Makes the line another one. To be called while it is refused: connections that are there
    /// keep the kernel's buffers of the line before.
    pub fn shape(&self, shape: Shape) {
        self.shared.state.send_modify(|state| state.shape = shape);
    }

    /// Counts anew. `mark`: bytes whose first passing is noted, each way.
    pub fn count_anew(&self, mark: &'static [u8]) {
        for queue in [&self.shared.up, &self.shared.down] {
            queue.with_meter(|meter| *meter = Meter::watching(mark));
        }
    }

    /// What has passed since.
    pub fn tally(&self, direction: Direction) -> Tally {
        self.shared.queue(direction).with_meter(|meter| meter.tally())
    }
}

#[cfg(test)]
mod tests;
