//! [`Event`]: what is going to happen in a [`super::County`].

use bytes::Bytes;
use yizhan_core::effect::Deliver;
use yizhan_core::input::Input;

/// One thing that happens.
pub(super) enum Event {
    /// A process starts.
    Start { host: usize },
    /// A process dies.
    Crash { host: usize },
    /// A disk has synced.
    Committed { host: usize, life: u32 },
    /// A station hears of something.
    Input { host: usize, life: u32, input: Box<Input> },
    /// A frame comes out of a child's link; a hello and its answer with the asker's life.
    Arrive { child: usize, up: bool, bytes: Bytes, caller: Option<u32> },
    /// A child's link breaks.
    Cut { child: usize },
    /// It is whole again.
    Heal { child: usize },
    /// The inbox takes what it was given.
    Publish { host: usize, life: u32, deliver: Deliver },
    /// It has synced that.
    Release { host: usize, life: u32, opening: u64, through: u64 },
    /// It is there.
    OpenInbox { host: usize, life: u32 },
    /// The index catches up.
    Index { host: usize, life: u32 },
    /// Somebody takes the next step of a matter, or asks again what became of the last.
    Submit { matter: usize },
}
