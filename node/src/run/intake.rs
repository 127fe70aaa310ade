//! Intake: messages from NATS and HTTP through one door.

use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::mpsc;
use yizhan_core::effect::Verdict;
use yizhan_schemas::reply::{Accepted, ErrorCode, Refusal};

use super::names::Names;
use super::notes::Notes;
use super::owed::Owed;
use crate::audit::Audit;
use crate::bus::{BusError, Client, LastPublisher, Message, Publisher, subjects};
use crate::clock;
use crate::http::{self, Holder, Role};
use crate::ingest::said::SUBJECT_PREFIX;
use crate::ingest::{Caller, Door, Headers, Read, Received, Shares, reply};
use crate::mailbox::{Asker, Held, Return, Slip};
use crate::telemetry::REFUSALS;

/// Requests from NATS that may wait for their answer at once; further ones wait in the client.
const REQUESTS_MAX: usize = 4096;
/// Answers given in one turn.
const ANSWERS_A_TURN_MAX: usize = 256;

/// What is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Desk {
    /// `yz.submit.>`: to take a message.
    Submit,
    /// `yz.ack.>`: to note an application's answer to a message.
    Ack,
}

/// Answers the requests of one desk until the connection is gone for good.
///
/// A request becomes a letter in the order in which it came: this is what keeps a publisher's
/// order. One whose first verdict is its answer costs no task of its own.
pub(super) async fn nats(
    client: Client,
    door: Door,
    desk: Desk,
    per_second: u32,
    books: Books,
) -> Result<(), BusError> {
    let subject = match desk {
        Desk::Submit => subjects::SUBMIT_ALL,
        Desk::Ack => subjects::ACK_ALL,
    };
    let mut requests = client.subscribe(subject).await?;
    let (verdicts, mut decided) = mpsc::channel(REQUESTS_MAX);
    let (answers, mut answered) = mpsc::channel(REQUESTS_MAX);
    let last = LastPublisher::default();
    let owed = Owed::default();
    let mut counter = Counter { client, door, desk, verdicts, answers, books, last, owed };
    let mut shares = Shares::new(per_second);
    let mut open: usize = 0;
    let (mut turn, mut said) = (Vec::with_capacity(ANSWERS_A_TURN_MAX), Vec::new());
    loop {
        tokio::select! {
            biased;
            count = decided.recv_many(&mut turn, ANSWERS_A_TURN_MAX) => {
                for (slip, verdict) in turn.drain(..) {
                    counter.say(Said::Submitted(slip, reply::decided(verdict))).await;
                }
                open -= count;
            }
            count = answered.recv_many(&mut said, ANSWERS_A_TURN_MAX) => {
                for said in said.drain(..) {
                    counter.say(said).await;
                }
                open -= count;
            }
            request = requests.next(), if open < REQUESTS_MAX => {
                let Some(request) = request else { return Ok(()) };
                open += usize::from(counter.take(request, &mut shares).await);
            }
        }
        counter.books.notes.tell();
    }
}

/// Who is who, and what they did.
pub(super) struct Books {
    pub(super) names: Names,
    pub(super) notes: Notes,
}

/// What is said to a request.
enum Said {
    /// To one to take a message.
    Submitted(Slip, Result<Accepted, Refusal>),
    /// To one to note an answer to a message: where it is wanted, by whom, to which.
    Answered(Return, Arc<str>, String, Result<(), Refusal>),
}

/// Where requests are taken.
struct Counter {
    client: Client,
    door: Door,
    desk: Desk,
    verdicts: mpsc::Sender<(Slip, Verdict)>,
    answers: mpsc::Sender<Said>,
    books: Books,
    last: LastPublisher,
    owed: Owed,
}

impl Counter {
    /// Takes one; `true` if its answer is still to come.
    async fn take(&mut self, mut request: Message, shares: &mut Shares) -> bool {
        // one that was published without asking for an answer is taken all the same
        let subject = request.reply.take().unwrap_or_default();
        let reply = Return { turn: self.owed.open(&subject), subject };
        let publisher = self.last.of(&request);
        let who = match &publisher {
            Some(publisher) => self.books.names.of(&publisher.user),
            None => "unknown".into(),
        };
        let held = match admit(publisher, &request, shares) {
            Ok(held) => held,
            Err(refusal) => return self.refuse(&reply, &who, &request.subject, refusal).await,
        };
        match self.desk {
            Desk::Submit => self.submit(reply, who, held, request).await,
            Desk::Ack => {
                let subject = request.subject;
                let id = subject.strip_prefix(SUBJECT_PREFIX).unwrap_or(&subject).to_owned();
                let door = self.door.clone();
                let work = async move {
                    let noted = door.ack(&id, &request.payload).await;
                    Said::Answered(reply, who, id, noted)
                };
                self.follow(held, work).await
            }
        }
    }

    async fn refuse(&mut self, reply: &Return, who: &str, subject: &str, refusal: Refusal) -> bool {
        self.books.notes.refused(who, subject, &refusal);
        self.answer(reply, reply::bytes(Err(refusal))).await;
        false
    }

    async fn submit(&mut self, reply: Return, who: Arc<str>, held: Held, request: Message) -> bool {
        let headers: Headers = request.headers.iter().collect();
        match self.door.read(&request.subject, &headers, request.payload) {
            Ok(Read::Plain(draft)) => {
                let slip = Slip { reply, who, kind: draft.kind.clone() };
                let asker = Asker::desk(self.verdicts.clone(), slip).holding(held);
                self.door.hand_plain(draft, asker);
                true
            }
            Ok(Read::Long(draft, wait)) => {
                let (door, slip) =
                    (self.door.clone(), Slip { reply, who, kind: draft.kind.clone() });
                let work = async move { Said::Submitted(slip, door.submit(draft, wait).await) };
                self.follow(held, work).await
            }
            Err(refusal) => self.refuse(&reply, &who, &request.subject, refusal).await,
        }
    }

    /// Follows a request to its answer in a task of its own, unless it has one at once.
    async fn follow(
        &mut self,
        held: Held,
        work: impl Future<Output = Said> + Send + 'static,
    ) -> bool {
        let mut work = Box::pin(work);
        // the first poll puts the letter into the mailbox
        match futures::poll!(&mut work) {
            Poll::Ready(said) => {
                self.say(said).await;
                false
            }
            Poll::Pending => {
                let answers = self.answers.clone();
                tokio::spawn(async move {
                    let said = work.await;
                    drop(held);
                    answers.send(said).await
                });
                true
            }
        }
    }

    async fn say(&mut self, said: Said) {
        match said {
            Said::Submitted(slip, said) => {
                self.books.notes.submitted(&slip.who, &slip.kind, &said);
                self.answer(&slip.reply, reply::bytes(said)).await;
            }
            Said::Answered(to, who, id, said) => {
                self.books.notes.answered(&who, &id, &said);
                self.answer(&to, reply::noted(said)).await;
            }
        }
    }

    async fn answer(&mut self, to: &Return, bytes: Bytes) {
        if to.subject.is_empty() {
            return;
        }
        if !self.owed.settle(&to.subject, to.turn) {
            metrics::counter!("yizhan_answers_withheld_total").increment(1);
            tracing::info!(
                event = "answer_withheld",
                reply = to.subject,
                "the bus gave two requests one reply subject: the earlier is not answered, and its \
                 publisher will ask again"
            );
            return;
        }
        if let Err(fault) = self.client.publish(&to.subject, bytes).await {
            tracing::debug!(
                event = "publisher_unanswered",
                %fault,
                "a publisher was not answered; it will ask again"
            );
        }
    }
}

/// Whether there is room for it in the share of whoever published it.
fn admit(
    publisher: Option<Arc<Publisher>>,
    request: &Message,
    shares: &mut Shares,
) -> Result<Held, Refusal> {
    let publisher = publisher.ok_or_else(nobody)?;
    let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
    let bytes = request.payload.len() + headers.sum::<usize>();
    shares.take(&publisher.user, bytes, clock::boot_us()).inspect_err(|refusal| {
        if let Some(before) = REFUSALS.due("publisher_limited", &publisher.user) {
            tracing::warn!(event = "publisher_limited", before, "{}", refusal.message);
        }
    })
}

/// Keys, rates and audit hang on who published: a request that hides it is not taken.
fn nobody() -> Refusal {
    Refusal::new(
        ErrorCode::Unauthorized,
        "the bus does not say who published this: requests on yz.submit.> and yz.ack.> come through \
         its APP account, and no header may mention Nats-Request-Info",
    )
}

/// What HTTP posts, through the same door.
pub(super) struct Post {
    pub(super) door: Door,
    pub(super) audit: Audit,
}

impl http::Intake for Post {
    fn post(
        &self,
        headers: Vec<(String, String)>,
        body: Bytes,
        by: Holder,
    ) -> BoxFuture<'_, Result<http::Answers, Refusal>> {
        async move {
            let headers: Headers = headers.into_iter().collect();
            let caller = match by.role {
                Role::Operator => Caller::Operator,
                Role::Publisher | Role::Reader => Caller::Publisher,
            };
            let mut notes = Notes::new(self.audit.clone());
            let received = self.door.http(&headers, body, caller).await;
            let received = received.inspect_err(|why| notes.refused(&by.name, "events", why))?;
            let answers = match received {
                Received::One(kind, accepted) => {
                    let said = Ok(accepted);
                    notes.submitted(&by.name, &kind, &said);
                    http::Answers::One(said?)
                }
                Received::Batch(answers) => {
                    let noted = answers.into_iter().map(|(kind, said)| {
                        match (&kind, &said) {
                            (Some(kind), said) => notes.submitted(&by.name, kind, said),
                            (None, Err(why)) => notes.refused(&by.name, "events", why),
                            (None, Ok(_)) => {}
                        }
                        said
                    });
                    http::Answers::Batch(noted.collect())
                }
            };
            notes.tell();
            Ok(answers)
        }
        .boxed()
    }

    fn ack<'a>(
        &'a self,
        id: &'a str,
        body: Bytes,
        by: Holder,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            let said = self.door.ack(id, &body).await;
            Notes::new(self.audit.clone()).answered(&by.name, id, &said);
            said
        }
        .boxed()
    }
}
