//! [`Board`]: the questions that are open here, and the way in for those of neighbours.
//!
//! An answer is taken only from the neighbour that was asked, part by part in order; one part that
//! is missing ends it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};
use yizhan_core::bucket::Bucket;
use yizhan_core::link::Link;
use yizhan_schemas::frame::{Answer, Query};
use yizhan_schemas::query::TOLD_BYTES_MAX;

use crate::clock;

/// Questions of this station that may be open at once.
const OPEN_MAX: usize = 256;
/// Neighbours' questions that may wait to be looked at.
const QUESTIONS_MAX: usize = 256;
/// Questions that one neighbour may ask at once, and each second from then on.
const ASKS_BURST: u64 = 64;
const ASKS_PER_SECOND: u64 = 8;

/// A neighbour's question.
#[derive(Debug)]
pub struct Asked {
    /// Who asks.
    pub from: Link,
    /// What.
    pub query: Query,
    /// When it came.
    pub at: Instant,
}

/// The neighbours' questions, in the order in which they came.
pub type Questions = mpsc::Receiver<Asked>;

/// The open questions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board {
    open: Arc<Mutex<Opened>>,
    questions: mpsc::Sender<Asked>,
}

#[derive(Debug)]
struct Opened {
    /// Numbers begin anywhere, so that an answer to an earlier life is none to this one.
    next: u64,
    asked: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    to: Link,
    told: BytesMut,
    parts: u32,
    done: oneshot::Sender<Result<Bytes, &'static str>>,
}

/// A question that is open for as long as this lives.
#[derive(Debug)]
pub(super) struct Ticket {
    board: Board,
    pub(super) id: u64,
    pub(super) answer: oneshot::Receiver<Result<Bytes, &'static str>>,
}

impl Board {
    /// An empty one, and what neighbours will ask.
    pub fn open() -> (Self, Questions) {
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        let opened = Opened { next: clock::now().boot_us, asked: BTreeMap::new() };
        (Self { open: Arc::new(Mutex::new(opened)), questions }, asked)
    }

    /// The ears for one neighbour.
    pub fn ears(&self, link: Link) -> Ears {
        Ears { link, board: self.clone(), asks: Bucket::new(ASKS_BURST, ASKS_PER_SECOND) }
    }

    /// Opens a question; `None` if too many are open.
    pub(super) fn pin(&self, to: &Link) -> Option<Ticket> {
        let mut opened = self.opened();
        if opened.asked.len() >= OPEN_MAX {
            return None;
        }
        let id = opened.next;
        opened.next = id.wrapping_add(1);
        let (done, answer) = oneshot::channel();
        let open = Open { to: to.clone(), told: BytesMut::new(), parts: 0, done };
        opened.asked.insert(id, open);
        gauge(&opened);
        drop(opened);
        Some(Ticket { board: self.clone(), id, answer })
    }

    fn hear(&self, from: &Link, answer: Answer) {
        let mut opened = self.opened();
        let Some(open) = opened.asked.get_mut(&answer.id).filter(|open| open.to == *from) else {
            // one that came too late
            return;
        };
        let fault = match () {
            () if answer.part != open.parts => Some("a part of the answer was lost"),
            () if open.told.len() + answer.body.len() > TOLD_BYTES_MAX => {
                Some("the answer is too long")
            }
            () => None,
        };
        open.told.extend_from_slice(&answer.body);
        open.parts = open.parts.saturating_add(1);
        if (fault.is_some() || answer.last)
            && let Some(open) = opened.asked.remove(&answer.id)
        {
            // who asked may have gone
            let _ = open.done.send(fault.map_or_else(|| Ok(open.told.freeze()), Err));
        }
        gauge(&opened);
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        // nothing can panic while it is held
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn gauge(opened: &Opened) {
    metrics::gauge!("yizhan_queries_open").set(opened.asked.len() as f64);
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut opened = self.board.opened();
        opened.asked.remove(&self.id);
        gauge(&opened);
    }
}

/// Hears what one neighbour asks and answers.
#[derive(Debug)]
pub struct Ears {
    link: Link,
    board: Board,
    asks: Bucket,
}

impl Ears {
    /// Takes a question, if the neighbour may ask one now.
    pub fn asked(&mut self, query: Query) {
        let from = self.link.clone();
        let why = match self.asks.take(clock::boot_us(), 1) {
            false => "rate",
            true => {
                match self.board.questions.try_send(Asked { from, query, at: Instant::now() }) {
                    Ok(()) => return,
                    Err(_) => "full",
                }
            }
        };
        dropped(&self.link, why);
    }

    /// Takes a part of an answer.
    pub fn told(&self, answer: Answer) {
        self.board.hear(&self.link, answer);
    }
}

/// Counts a question that nobody answers.
pub(super) fn dropped(link: &Link, why: &'static str) {
    let link = link.word().to_owned();
    metrics::counter!("yizhan_queries_dropped_total", "link" => link, "why" => why).increment(1);
}
