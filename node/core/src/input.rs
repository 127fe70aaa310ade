//! [`Input`]: everything that can happen to a station. Any of it may come twice.

use std::sync::Arc;

use bytes::Bytes;
use yizhan_schemas::frame::{Ack, Beat, Chain, Hello, Refused, SessionTag, Welcome};
use yizhan_schemas::{Answer, Code, Lane, MessageId, PerLane};

use crate::draft::Draft;
use crate::link::Link;
use crate::record::Put;
use crate::seal::{Checked, HeldSeal};

/// Pairs an input with the effect that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(
    /// Drawn by the driver.
    pub u64,
);

/// Our own chain at two places of one lane, as far as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Just before what the neighbour expects next.
    pub expected: Option<Chain>,
    /// Through the last leg that it has acked.
    pub acked: Option<Chain>,
}

/// The oldest closed segment of the log, as the log sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldSegment {
    /// Its name: the number of its first commit.
    pub number: u64,
    /// What unlinking it gives back, bytes.
    pub bytes: u64,
    /// When the last message in it was taken, Unix milliseconds (0 if there is none).
    pub newest_wall_ms: u64,
    /// The legs in it that are nowhere else: re-appended ones count where they are now.
    pub spans: Vec<Span>,
}

/// Legs of one lane of one link in one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The link.
    pub link: Link,
    /// The lane.
    pub lane: Lane,
    /// First leg.
    pub from: u64,
    /// Last leg.
    pub through: u64,
    /// The chain through the last leg.
    pub chain: Chain,
    /// From this leg on to the last, all that the log has is here: those before `from` are nowhere.
    pub only_from: u64,
}

/// What came of asking an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempted {
    /// The device did it; what it said, as JSON.
    Done(Option<String>),
    /// The adapter knows no such device.
    NoSuchDevice(String),
    /// Its origin may not have that device do anything, in words; the adapter was not asked.
    Forbidden(String),
    /// Nobody answers for that device here.
    NoAdapter,
    /// The adapter could not: busy, failed, in words.
    Failed(String),
    /// The time to live was over when its turn came; the adapter was not asked.
    Expired,
    /// It was asked and did not answer in time: nobody knows whether the device did it.
    Unknown,
    /// Not a command that an adapter can be asked: the body does not read.
    Unfit(String),
}

/// An inbox leg that is surely in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InInbox {
    /// The leg.
    pub leg: u64,
    /// Its message.
    pub id: MessageId,
    /// What its origin is to hear beside that it was delivered.
    pub remark: Option<String>,
}

impl InInbox {
    /// One of which there is nothing else to say.
    pub fn plain(leg: u64, id: MessageId) -> Self {
        Self { leg, id, remark: None }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A publisher handed in a message.
    Submitted {
        /// For the answer.
        ticket: Ticket,
        /// The message.
        draft: Box<Draft>,
    },
    /// The connection to the parent's bus stands.
    Connected,
    /// It does not.
    Disconnected,
    /// Loudspeakers hang at this station from now on, or none any more.
    Loudspeakers(bool),
    /// A child says hello.
    Greeted {
        /// The link, from the subject it came on.
        from: Code,
        /// What it says.
        hello: Box<Hello>,
        /// For the answer.
        ticket: Ticket,
        /// What our log says of the places that matter, lane by lane.
        marks: PerLane<Marks>,
    },
    /// The parent welcomes us.
    Welcomed {
        /// What it says.
        welcome: Box<Welcome>,
        /// What our log says of the places that matter, lane by lane.
        marks: PerLane<Marks>,
    },
    /// The parent refuses us.
    Refused(Refused),
    /// Nobody answered the hello with this counter.
    Unanswered {
        /// The counter.
        counter: u64,
    },
    /// The parent asks for a hello.
    Nudged,
    /// Records came.
    Batch {
        /// From whom.
        link: Link,
        /// In which session.
        session: SessionTag,
        /// The lane.
        lane: Lane,
        /// Leg sequence of the first record.
        first: u64,
        /// The sender's clock, to be echoed.
        sent_ms: u64,
        /// The records.
        body: Checked,
    },
    /// An ack came.
    Ack {
        /// From whom.
        link: Link,
        /// What it says.
        ack: Ack,
    },
    /// A sign of life came.
    Beat {
        /// From whom.
        link: Link,
        /// What it says.
        beat: Beat,
    },
    /// There are spans that are to go up.
    SpansWaiting,
    /// Those that [`crate::effect::Effect::AskSpans`] asked for.
    Spans(Bytes),
    /// A [`crate::effect::Send`] was carried out, as far as it went.
    Sent {
        /// The link.
        link: Link,
        /// The session that it was for.
        session: SessionTag,
        /// The lane.
        lane: Lane,
        /// As asked.
        from: u64,
        /// Last leg published; `from - 1` if none was.
        through: u64,
        /// Bytes published.
        bytes: u64,
    },
    /// Legs that the log cannot give back.
    Unreadable {
        /// The link.
        link: Link,
        /// The lane.
        lane: Lane,
        /// First leg.
        from: u64,
        /// Last leg.
        through: u64,
        /// The message of the one leg that was read but is unfit for where it goes.
        id: Option<MessageId>,
    },
    /// The inbox stream is there.
    InboxOpened {
        /// Counts openings: deliveries asked for under an earlier one are void.
        opening: u64,
        /// Its creation time, Unix nanoseconds.
        created_ns: i64,
        /// The last message that is in it, without a hole before it.
        present_sequence: u64,
        /// The last sequence that it has given: the next message gets the one behind.
        last_sequence: u64,
    },
    /// The inbox stream is not to be had at present.
    InboxClosed,
    /// An inbox leg was too old when its turn to be published came; the stream is opened anew.
    Stale {
        /// The leg.
        leg: u64,
    },
    /// The inbox answered for legs up to this one.
    Delivered {
        /// The last leg.
        through: u64,
    },
    /// Legs up to this one are surely synced in the inbox.
    Released {
        /// The last leg.
        through: u64,
        /// Those legs that were not released before, with their messages, in order.
        ids: Vec<InInbox>,
    },
    /// An [`crate::effect::Effect::Attempt`] was carried out.
    Attempted {
        /// The lane.
        lane: Lane,
        /// The leg.
        leg: u64,
        /// The message.
        id: MessageId,
        /// What came of it.
        result: Attempted,
    },
    /// An application answers a message that was delivered here.
    Answered {
        /// For the reply.
        ticket: Ticket,
        /// The message.
        id: MessageId,
        /// What it says.
        answer: Answer,
        /// In words.
        remark: Option<String>,
    },
    /// The oldest closed segment of the log, whenever it is another one than before.
    Oldest(Box<OldSegment>),
    /// An [`crate::effect::Effect::Carry`] was carried out.
    Carried {
        /// The segment.
        segment: u64,
        /// The messages in it that still owe one of the legs asked for, in order.
        puts: Vec<Put>,
        /// The seals that they name, by place.
        seals: Vec<Arc<HeldSeal>>,
    },
    /// The index has the publishers' keys through this ordinal, surely synced.
    Indexed {
        /// The ordinal.
        through: u64,
    },
    /// How full the spool is.
    Disk {
        /// Bytes held.
        held_bytes: u64,
        /// Bytes allowed.
        max_bytes: u64,
    },
}
