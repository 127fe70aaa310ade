//! [`Mailbox`]: the bounded way into the station's loop.
//!
//! Promise: a full mailbox answers at once instead of growing, and every submitted draft gets
//! exactly one answer, or the loop has ended.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use yizhan_core::draft::Draft;
use yizhan_core::effect::Verdict;
use yizhan_core::input::Input;
use yizhan_schemas::frame::{Frame, Hello, Record};
use yizhan_schemas::reply::{ErrorCode, Refusal};
use yizhan_schemas::{Answer, Code, Kind, MessageId};

/// Letters that may wait for the loop.
pub const LETTERS_MAX: usize = 8192;

/// What a record takes beside its envelope, roughly, bytes.
const RECORD_BYTES: usize = 256;

/// One thing for the loop.
#[derive(Debug)]
pub enum Letter {
    /// Something happened.
    Input(Input),
    /// A neighbour's frame came.
    Frame {
        /// What it says.
        input: Input,
        /// Its part of the room that this neighbour has; given back when the loop has it.
        room: Option<OwnedSemaphorePermit>,
    },
    /// A publisher hands in a message and waits for the answer.
    Submit {
        /// The message.
        draft: Box<Draft>,
        /// Where the answer goes.
        answer: Asker,
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
        answer: Asker,
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

/// Where an answer is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// Where to publish it; empty if none is wanted.
    pub subject: String,
    /// Which of the requests that bear this subject it is for.
    pub turn: u64,
}

/// What a desk remembers of a request for as long as it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// Where the answer is wanted.
    pub reply: Return,
    /// Who asked.
    pub who: Arc<str>,
    /// What the message is about.
    pub kind: Kind,
}

/// Parts of bounded rooms, given back when this is dropped.
pub type Held = [OwnedSemaphorePermit; 2];

/// Who waits for a verdict. One that is dropped says that the station is stopping.
#[derive(Debug)]
pub struct Asker(Option<Way>, Option<Held>);

#[derive(Debug)]
enum Way {
    Task(oneshot::Sender<Verdict>),
    Desk(mpsc::Sender<(Slip, Verdict)>, Slip),
}

impl Asker {
    /// A task that waits for this one verdict.
    pub fn task(task: oneshot::Sender<Verdict>) -> Self {
        Self(Some(Way::Task(task)), None)
    }

    /// A desk that has many requests open: its queue, which has room for all of them, and what it
    /// has to remember of this one.
    pub fn desk(queue: mpsc::Sender<(Slip, Verdict)>, slip: Slip) -> Self {
        Self(Some(Way::Desk(queue, slip)), None)
    }

    /// The same, holding a publisher's share until the verdict is said.
    pub fn holding(self, held: Held) -> Self {
        let mut this = self;
        this.1 = Some(held);
        this
    }

    /// Says the verdict. Who went away meanwhile asks again with the same key.
    pub fn send(mut self, verdict: Verdict) {
        match self.0.take() {
            Some(Way::Task(task)) => drop(task.send(verdict)),
            Some(Way::Desk(queue, slip)) => drop(queue.try_send((slip, verdict))),
            None => {}
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        // a task sees that its sender is gone
        if let Some(Way::Desk(queue, slip)) = self.0.take() {
            drop(queue.try_send((slip, Verdict::Refused(stopping()))));
        }
    }
}

impl Letter {
    /// About what it adds to a commit, bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Submit { draft, .. } => draft.payload.len(),
            Self::Frame { input: Input::Batch { body, .. }, .. } => {
                let envelope = |record: &Record| match record {
                    Record::Carried(carried) => carried.envelope.len(),
                    Record::Skip(_) => 0,
                };
                body.records().iter().map(|record| envelope(record) + RECORD_BYTES).sum()
            }
            Self::Input(Input::Carried { puts, .. }) => {
                puts.iter().map(|put| put.envelope.bytes().len() + RECORD_BYTES).sum()
            }
            Self::Input(_) | Self::Frame { .. } | Self::Answer { .. } | Self::Greet { .. } => 0,
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

fn full() -> Refusal {
    Refusal::new(
        ErrorCode::RateLimited,
        format!("{LETTERS_MAX} messages wait for this station's disk; try again shortly"),
    )
}

impl Mailbox {
    /// Hands in a draft and waits until the station has decided and the decision is durable.
    ///
    /// # Errors
    /// `rate_limited` if the mailbox is full, `shutting_down` if the loop has ended.
    pub async fn submit(&self, draft: Draft) -> Result<Verdict, Refusal> {
        let (answer, verdict) = oneshot::channel();
        self.post(Letter::Submit { draft: Box::new(draft), answer: Asker::task(answer) })?;
        verdict.await.map_err(|_| stopping())
    }

    /// Hands in a draft; `asker` hears what the station has decided once that is durable, or what
    /// [`Mailbox::submit`] would refuse it with.
    pub fn hand_in(&self, draft: Draft, asker: Asker) {
        let letter = Letter::Submit { draft: Box::new(draft), answer: asker };
        // a closed mailbox drops the asker, which says so
        if let Err(mpsc::error::TrySendError::Full(Letter::Submit { answer, .. })) =
            self.letters.try_send(letter)
        {
            answer.send(Verdict::Refused(full()));
        }
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
        let answer = Asker::task(answer);
        self.post(Letter::Answer { id, said, remark, answer })?;
        verdict.await.map_err(|_| stopping())
    }

    fn post(&self, letter: Letter) -> Result<(), Refusal> {
        self.letters.try_send(letter).map_err(|fault| match fault {
            mpsc::error::TrySendError::Full(_) => full(),
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

    /// Tells the loop of a neighbour's frame: waits while so much of that neighbour's waits for the
    /// loop already that `room`, of `bytes_max`, is used up. `false` if the loop has ended.
    pub async fn tell_within(&self, input: Input, room: &Arc<Semaphore>, bytes_max: usize) -> bool {
        let letter = Letter::Frame { input, room: None };
        let bytes = usize::try_from(letter.bytes()).map_or(bytes_max, |it| it.min(bytes_max));
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let held = Arc::clone(room).acquire_many_owned(bytes);
        let letter = match letter {
            Letter::Frame { input, .. } => Letter::Frame { input, room: held.await.ok() },
            other => other,
        };
        self.letters.send(letter).await.is_ok()
    }

    /// The same from a thread that is not a task.
    pub fn tell_now(&self, input: Input) -> bool {
        self.letters.blocking_send(Letter::Input(input)).is_ok()
    }
}
