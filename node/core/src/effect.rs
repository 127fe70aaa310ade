//! [`Effect`]: everything that a station can say or ask for. Any of it may be lost.

use std::sync::Arc;

use bytes::Bytes;
use yizhan_schemas::frame::{Ack, Beat, Chain, Frame, Hello, Nudge, SessionTag, SkipReason};
use yizhan_schemas::reply::{Accepted, Refusal};
use yizhan_schemas::{Code, Lane, MessageId};
use yizhan_topology::Topology;

use crate::input::Ticket;
use crate::link::Link;
use crate::seal::SealFault;
use crate::time::BootClock;

/// One thing to do, once its step is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Answer a publisher.
    Reply {
        /// Which one.
        ticket: Ticket,
        /// What to say.
        verdict: Verdict,
    },
    /// Ask the parent for a session.
    Hello(Box<Hello>),
    /// Answer a child's hello.
    Answer {
        /// Which one.
        ticket: Ticket,
        /// A welcome or a refusal.
        frame: Box<Frame>,
    },
    /// Ask a child for a hello.
    Nudge {
        /// Which one.
        child: Code,
        /// What to say.
        nudge: Nudge,
    },
    /// Publish legs; answer with [`crate::input::Input::Sent`] however far it went.
    Send(Send),
    /// Publish an ack.
    Ack {
        /// To whom.
        link: Link,
        /// What to say.
        ack: Ack,
    },
    /// Publish a sign of life.
    Beat {
        /// To whom.
        link: Link,
        /// What to say.
        beat: Beat,
    },
    /// Publish inbox legs into the stream, each at its sequence.
    Deliver(Deliver),
    /// These inbox legs are in the stream already, from an earlier opening: make sure that they
    /// are synced, and say so with [`crate::input::Input::Released`].
    Recall {
        /// The opening of the stream that this is for.
        opening: u64,
        /// First leg.
        from: u64,
        /// Last leg.
        through: u64,
    },
    /// Ask an adapter to carry out a command; answer with [`crate::input::Input::Attempted`].
    Attempt {
        /// The lane.
        lane: Lane,
        /// The leg of [`Link::Adapter`].
        leg: u64,
        /// For its age, if it was taken in an earlier boot.
        clock: Arc<BootClock>,
    },
    /// Unlink a segment as soon as a later snapshot is synced and the index is: nothing in it is
    /// owed or wanted any more.
    Discard {
        /// Its number.
        segment: u64,
    },
    /// Read the messages of a segment that owe one of these legs; answer with
    /// [`crate::input::Input::Carried`].
    Carry {
        /// Its number.
        segment: u64,
        /// Open legs, as (link, lane, first, last).
        open: Vec<(Link, Lane, u64, u64)>,
    },
    /// Say what was seen of messages; answer with [`crate::input::Input::Spans`], empty if nothing.
    AskSpans {
        /// Longest batch, bytes.
        bytes_max: usize,
    },
    /// Whether spans of this station get to somebody who collects them has changed.
    Collects(bool),
    /// A child's batch of spans came, for who collects them.
    Collect {
        /// Which one.
        child: Code,
        /// As it came.
        batch: Bytes,
    },
    /// Believe from now on the keys of this tree, and no others.
    Amended(Arc<Topology>),
    /// Tell people and metrics.
    Notice(Notice),
}

/// What a publisher hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is on disk.
    Accepted(Accepted),
    /// It was not taken.
    Refused(Refusal),
    /// The answer to a message is noted, and on its way to the origin.
    Noted,
    /// The index's word was too old: look the key up again and hand the draft in again.
    LookAgain,
}

/// Legs to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// To whom.
    pub link: Link,
    /// In which session.
    pub session: SessionTag,
    /// The lane.
    pub lane: Lane,
    /// First leg.
    pub from: u64,
    /// Last leg there is.
    pub through: u64,
    /// Stop when a record would bring the frames past this many bytes on the wire, but send at
    /// least one.
    pub max_bytes: u64,
    /// Cut frames at about so many bytes on the wire: what is urgent pre-empts between them.
    pub frame_bytes: u64,
    /// How bodies are packed where that makes them shorter; `None`: not at all.
    pub packing: Option<Packing>,
    /// Legs between that ended: one [`yizhan_schemas::frame::Skip`] each run.
    pub ended: Vec<EndedRun>,
    /// For the ages of what was taken in earlier boots.
    pub clock: Arc<BootClock>,
}

/// How bodies are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// Number of the newest dictionary that both ends have.
    pub dictionary: u32,
    /// How hard to try.
    pub effort: Effort,
}

/// How much processor time packing is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Some.
    Light,
    /// As much as helps: the line is slow.
    Hard,
}

/// A run of legs that ended without being handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedRun {
    /// First leg.
    pub from: u64,
    /// Last leg.
    pub through: u64,
    /// Why.
    pub reason: SkipReason,
    /// The chain through the last leg, where the log no longer has it.
    pub chain: Option<Chain>,
}

/// Inbox legs to publish: leg n at stream sequence n + offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver {
    /// The opening of the stream that this is for.
    pub opening: u64,
    /// First leg.
    pub from: u64,
    /// Last leg.
    pub through: u64,
    /// Stream sequence less leg sequence.
    pub offset: i64,
    /// For the ages of what was taken in earlier boots.
    pub clock: Arc<BootClock>,
}

/// Something people or metrics should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A session stands.
    LinkUp {
        /// With whom.
        link: Link,
    },
    /// It does not any more.
    LinkDown {
        /// With whom.
        link: Link,
        /// Why.
        why: &'static str,
    },
    /// A neighbour was refused, or refused us.
    HelloRefused {
        /// Which.
        link: Link,
        /// Why, for people.
        why: String,
    },
    /// A neighbour came with another data directory, and was admitted in place of the old one.
    StoreReplaced {
        /// Which.
        link: Link,
    },
    /// Histories differ: our offers in this lane begin anew.
    Renumbered {
        /// With whom.
        link: Link,
        /// The lane.
        lane: Lane,
        /// What is offered again begins here.
        from: u64,
    },
    /// A message came again and was not taken again.
    DuplicateSuppressed {
        /// From whom.
        link: Link,
        /// Which.
        id: MessageId,
    },
    /// Legs that a neighbour owed us will not come.
    Gap {
        /// From whom.
        link: Link,
        /// The lane.
        lane: Lane,
        /// First leg.
        from: u64,
        /// Last leg.
        through: u64,
        /// Why.
        reason: SkipReason,
    },
    /// A message that is no envelope, or has no business here, was put aside.
    Quarantined {
        /// From whom.
        link: Link,
        /// Why.
        why: String,
    },
    /// A message is not covered by its origin's seal: it is put aside too.
    Unsealed {
        /// From whom.
        link: Link,
        /// Which it says it is.
        id: MessageId,
        /// Why.
        fault: SealFault,
    },
    /// A message is none that its origin may send: it is put aside too.
    Forbidden {
        /// From whom.
        link: Link,
        /// Which it is.
        id: MessageId,
        /// Why.
        why: String,
    },
    /// The root changed keys.
    Amended {
        /// Keys added beside those in the topology file, all in all.
        added: usize,
        /// Keys revoked beside those in it, all in all.
        revoked: usize,
    },
    /// The root's rules of this version count from now on.
    Ruled {
        /// The version.
        version: u64,
    },
    /// What the root says could not be done here.
    Unheeded {
        /// Why.
        why: String,
    },
    /// Legs that were taken at the same moment became durable at the neighbour.
    HandedOver {
        /// To whom.
        link: Link,
        /// The lane.
        lane: Lane,
        /// How many.
        legs: u64,
        /// From being taken here to the ack, microseconds.
        held_us: u64,
    },
    /// The round trip to a neighbour was measured.
    RoundTrip {
        /// To whom.
        link: Link,
        /// Microseconds.
        rtt_us: u64,
    },
    /// The inbox stream is another one than before: what is still held is delivered again.
    InboxLost {
        /// First leg delivered again.
        from: u64,
    },
    /// Frames were sent again for want of progress.
    Resent {
        /// To whom.
        link: Link,
        /// The lane.
        lane: Lane,
        /// From which leg.
        from: u64,
    },
    /// The origin has learnt how one of its own messages ended at these many targets.
    Resolved {
        /// How.
        outcome: yizhan_schemas::Outcome,
        /// (message, target) pairs.
        pairs: u64,
    },
    /// Nobody here knows the station that a note is for: it goes no further.
    Astray {
        /// Whose messages it tells of.
        origin: Code,
    },
    /// A message came behind one that it should have come before.
    Late {
        /// From whom.
        link: Link,
        /// Which.
        id: MessageId,
    },
    /// A direction is full: what came for it was not taken, and will be sent again.
    Full {
        /// From whom it came.
        link: Link,
    },
    /// Old segments were given up before the hop beyond had all of them: the cache is full.
    CacheShort {
        /// How many legs are now only where they were handed over to.
        legs: u64,
    },
    /// A message ended here before it was handed over.
    Ended {
        /// To whom it was owed.
        link: Link,
        /// The lane.
        lane: Lane,
        /// How many legs.
        legs: u64,
        /// Why.
        reason: SkipReason,
    },
}
