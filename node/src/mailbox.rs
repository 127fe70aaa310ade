//! [`Mailbox`]: the bounded way into the station's loop.
//!
//! Promise: a full mailbox answers at once instead of growing, and every submitted draft gets
//! exactly one answer, or the loop has ended.

use tokio::sync::{mpsc, oneshot};
use yizhan_core::draft::Draft;
use yizhan_core::effect::Verdict;
use yizhan_core::input::Input;
use yizhan_schemas::frame::{Frame, Hello, Record};
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Answer, Code, MessageId};

/// Letters that may wait for the loop.
pub const LETTERS_MAX: usize = 8192;

/// What a record takes beside its envelope, roughly, bytes.
const RECORD_BYTES: usize = 256;

/// One thing for the loop.
#[derive(Debug)]
pub enum Letter {
    /// Something happened.
    Input(Input),
    /// A publisher hands in a message and waits for the answer.
    Submit {
        /// The message.
        draft: Box<Draft>,
        /// Where the answer goes.
        answer: oneshot::Sender<Verdict>,
    },
    /// An application answers a message and waits until that is noted.
    Answer {
        /// The message.
        id: MessageId,
        /// What is said.
        said: Answer,
        /// In words.
        remark: Option<String>,
        /// Where the verdict goes.
        answer: oneshot::Sender<Verdict>,
    },
    /// A child says hello and waits for the answer.
    Greet {
        /// The link, from the subject it came on.
        from: Code,
        /// What it says.
        hello: Box<Hello>,
        /// Where the answer goes.
        answer: oneshot::Sender<Frame>,
    },
}

impl Letter {
    /// About what it adds to a commit, bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Submit { draft, .. } => draft.payload.len(),
            Self::Input(Input::Batch { body, .. }) => {
                let envelope = |record: &Record| match record {
                    Record::Carried(carried) => carried.envelope.len(),
                    Record::Skip(_) => 0,
                };
                body.records().iter().map(|record| envelope(record) + RECORD_BYTES).sum()
            }
            Self::Input(Input::Carried { puts, .. }) => {
                puts.iter().map(|put| put.envelope.bytes().len() + RECORD_BYTES).sum()
            }
            Self::Input(_) | Self::Answer { .. } | Self::Greet { .. } => 0,
        };
        (bytes + RECORD_BYTES) as u64
    }
}

/// The sending end; cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailbox {
    letters: mpsc::Sender<Letter>,
}

/// A mailbox and the end that the loop reads.
pub fn open() -> (Mailbox, mpsc::Receiver<Letter>) {
    let (letters, loop_end) = mpsc::channel(LETTERS_MAX);
    (Mailbox { letters }, loop_end)
}

fn stopping() -> Refusal {
    Refusal::new(ErrorCode::ShuttingDown, "this station is stopping; try again when it is back")
}

impl Mailbox {
    /// Hands in a draft and waits until the station has decided and the decision is durable.
    ///
    /// # Errors
    /// `rate_limited` if the mailbox is full, `shutting_down` if the loop has ended.
    pub async fn submit(&self, draft: Draft) -> Result<Verdict, Refusal> {
        let (answer, verdict) = oneshot::channel();
        self.post(Letter::Submit { draft: Box::new(draft), answer })?;
        verdict.await.map_err(|_| stopping())
    }

    /// Hands in what an application says to a message, and waits until that is durable.
    ///
    /// # Errors
    /// As [`Mailbox::submit`].
    pub async fn answer(
        &self,
        id: MessageId,
        said: Answer,
        remark: Option<String>,
    ) -> Result<Verdict, Refusal> {
        let (answer, verdict) = oneshot::channel();
        self.post(Letter::Answer { id, said, remark, answer })?;
        verdict.await.map_err(|_| stopping())
    }

    fn post(&self, letter: Letter) -> Result<(), Refusal> {
        self.letters.try_send(letter).map_err(|fault| match fault {
            mpsc::error::TrySendError::Full(_) => Refusal::new(
                ErrorCode::RateLimited,
                format!("{LETTERS_MAX} messages wait for this station's disk; try again shortly"),
            ),
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })
    }

    /// Passes on a child's hello and waits for the answer; `None` if the loop has ended.
    pub async fn greet(&self, from: Code, hello: Hello) -> Option<Frame> {
        let (answer, frame) = oneshot::channel();
        let letter = Letter::Greet { from, hello: Box::new(hello), answer };
        self.letters.send(letter).await.ok()?;
        frame.await.ok()
    }

    /// Tells the loop what happened; waits while the mailbox is full. `false` if the loop has
    /// ended.
    pub async fn tell(&self, input: Input) -> bool {
        self.letters.send(Letter::Input(input)).await.is_ok()
    }

    /// The same from a thread that is not a task.
    pub fn tell_now(&self, input: Input) -> bool {
        self.letters.blocking_send(Letter::Input(input)).is_ok()
    }
}
