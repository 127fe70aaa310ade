//! [`Asker`]: asks neighbours.

use std::time::Duration;

use yizhan_core::link::Link;
use yizhan_schemas::frame::{DEADLINE_MS_MAX, Query};
use yizhan_schemas::query::{Ask, Told};

use super::{Board, Lines};

/// Asks neighbours. Cheap to clone.
#[derive(Clone)]
pub struct Asker {
    board: Board,
    lines: Lines,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// It cannot be reached now.
    #[error("the link is down")]
    LinkDown,
    /// It does not speak of this.
    #[error("its version does not answer questions")]
    TooOld,
    /// This station has too many questions open.
    #[error("too many questions are open; ask again")]
    Busy,
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Late(
        /// That time.
        Duration,
    ),
    /// It would not say.
    #[error("{0}")]
    Refused(
        /// Its words.
        String,
    ),
    /// What came answers another question.
    #[error("an answer to another question")]
    Astray,
    /// What came was no whole answer, or the question could not be sent.
    #[error("{0}")]
    Broken(
        /// What is wrong.
        String,
    ),
}

impl Asker {
    /// Asks over these lines; answers come to this board.
    pub fn new(board: Board, lines: Lines) -> Self {
        Self { board, lines }
    }

    /// Asks a neighbour, and waits for its answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn ask(&self, to: &Link, ask: Ask, within: Duration) -> Result<Told, Silence> {
        let within = within.min(Duration::from_millis(DEADLINE_MS_MAX));
        let link = to.word().to_owned();
        metrics::counter!("yizhan_queries_asked_total", "link" => link.clone()).increment(1);
        let told = tokio::time::timeout(within, self.answer(to, ask, within)).await;
        let told = told.unwrap_or(Err(Silence::Late(within)));
        if told.is_err() {
            metrics::counter!("yizhan_queries_unanswered_total", "link" => link).increment(1);
        }
        told
    }

    async fn answer(&self, to: &Link, ask: Ask, within: Duration) -> Result<Told, Silence> {
        self.lines.open(to)?;
        let mut ticket = self.board.pin(to).ok_or(Silence::Busy)?;
        let deadline_ms = u64::try_from(within.as_millis()).unwrap_or(DEADLINE_MS_MAX);
        self.lines.ask(to, Query { id: ticket.id, deadline_ms, ask }).await?;
        let told = tokio::select! {
            told = &mut ticket.answer => told,
            () = self.lines.closed(to) => return Err(Silence::LinkDown),
        };
        let bytes = told.map_err(|_| Silence::Busy)?;
        let bytes = bytes.map_err(|why| Silence::Broken(why.to_owned()))?;
        match Told::decode(&bytes) {
            Ok(Told::Refused(why)) => Err(Silence::Refused(why)),
            Ok(told) => Ok(told),
            Err(fault) => Err(Silence::Broken(fault.to_string())),
        }
    }
}
