//! [`Event`]: what a calendar holds.

use bytes::Bytes;
use yizhan_core::effect::Deliver;
use yizhan_core::input::Input;
use yizhan_schemas::{Answer, MessageId};

use crate::network::Course;

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Event {
    /// A publisher hands a matter in, for the first time, again for want of an answer, or again
    /// although it was answered.
    Submit { host: usize, key: u64, why: Attempt },
    /// A station hears of something.
    Input { host: usize, life: u32, input: Box<Input> },
    /// A frame comes to the end of a child's link; `caller` is the life of the child's process
    /// that waits for an answer, or asks for one.
    Arrive { child: usize, course: Course, bytes: Bytes, caller: Option<u32> },
    /// A disk has synced.
    Committed { host: usize, life: u32 },
    /// Legs reach the inbox stream.
    Publish { host: usize, life: u32, deliver: Deliver },
    /// The inbox stream is synced.
    Release { host: usize, life: u32, opening: u64, through: u64 },
    /// An application answers what it found in its inbox.
    Answer { host: usize, id: MessageId, answer: Answer },
    /// The index catches up.
    Index { host: usize, life: u32 },
    /// The inbox stream can be had.
    OpenInbox { host: usize, life: u32 },
    /// A machine is switched on, or its process started.
    Start { host: usize },
    /// A child's client tries to connect.
    Dial { child: usize, life: u32 },
    /// A child's client finds its connection gone.
    Hangup { child: usize, life: u32 },
    /// Something goes wrong.
    Fault(Fault),
    /// An outage ends.
    Heal { child: usize, outage: u64 },
    /// The quiet phase begins.
    Calm,
}

/// Why a publisher hands a matter in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// For the first time.
    First,
    /// It has heard nothing yet, or that there was no room.
    Unheard,
    /// Although it was answered.
    Repeat,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A process dies.
    Crash { host: usize },
    /// A machine loses its power.
    PowerCut { host: usize },
    /// A sync fails.
    FailedSync { host: usize },
    /// A process is not scheduled.
    Pause { host: usize, for_us: u64 },
    /// Frames vanish.
    Cut { child: usize, up: bool, down: bool, refused: bool, for_us: u64 },
    /// Frames wait.
    Stall { child: usize, up: bool, down: bool, for_us: u64 },
    /// A wall clock is set.
    Jump { host: usize, by_ms: i64 },
    /// An inbox cannot be had.
    InboxAway { host: usize, for_us: u64 },
    /// A data directory is lost.
    LoseStore { host: usize },
    /// A data directory is copied.
    KeepCopy { host: usize },
    /// A data directory is put back to its copy.
    Restore { host: usize },
}

impl Event {
    /// The station whose process it is for: not while that is not scheduled.
    pub(super) fn process(&self, parent: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        match self {
            Self::Submit { host, .. }
            | Self::Input { host, .. }
            | Self::Committed { host, .. }
            | Self::Publish { host, .. }
            | Self::Release { host, .. }
            | Self::Answer { host, .. }
            | Self::Index { host, .. }
            | Self::OpenInbox { host, .. } => Some(*host),
            Self::Arrive { child, course: Course::Up, .. } => parent(*child),
            Self::Arrive { child, course: Course::Down, .. }
            | Self::Dial { child, .. }
            | Self::Hangup { child, .. } => Some(*child),
            Self::Start { .. } | Self::Fault(_) | Self::Heal { .. } | Self::Calm => None,
        }
    }
}
