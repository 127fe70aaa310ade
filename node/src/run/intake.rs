//! Intake: messages from NATS and HTTP through one door.

use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::mpsc;
use yizhan_core::effect::Verdict;
use yizhan_schemas::reply::{ErrorCode, Refusal};

use crate::bus::{BusError, Client, Message, subjects};
use crate::http::{self, Role};
use crate::ingest::{Caller, Door, Headers, Read, Received, Shares, reply};
use crate::mailbox::{Asker, Held};
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
) -> Result<(), BusError> {
    let subject = match desk {
        Desk::Submit => subjects::SUBMIT_ALL,
        Desk::Ack => subjects::ACK_ALL,
    };
    let mut requests = client.subscribe(subject).await?;
    let (verdicts, mut decided) = mpsc::channel(REQUESTS_MAX);
    let (answers, mut answered) = mpsc::channel(REQUESTS_MAX);
    let counter = Counter { client, door, desk, verdicts, answers };
    let mut shares = Shares::new(per_second);
    let mut open: usize = 0;
    let mut turn = Vec::with_capacity(ANSWERS_A_TURN_MAX);
    loop {
        tokio::select! {
            biased;
            count = decided.recv_many(&mut turn, ANSWERS_A_TURN_MAX) => {
                for (to, verdict) in turn.drain(..) {
                    counter.say(&to, reply::verdict(verdict)).await;
                }
                open -= count;
            }
            Some((to, bytes)) = answered.recv() => {
                counter.say(&to, bytes).await;
                open -= 1;
            }
            request = requests.next(), if open < REQUESTS_MAX => {
                let Some(request) = request else { return Ok(()) };
                open += usize::from(counter.take(request, &mut shares).await);
            }
        }
    }
}

/// Where requests are taken.
struct Counter {
    client: Client,
    door: Door,
    desk: Desk,
    verdicts: mpsc::Sender<(String, Verdict)>,
    answers: mpsc::Sender<(String, Bytes)>,
}

impl Counter {
    /// Takes one; `true` if its answer is still to come.
    async fn take(&self, mut request: Message, shares: &mut Shares) -> bool {
        // one that was published without asking for an answer is taken all the same
        let to = request.reply.take().unwrap_or_default();
        let refused = match self.admit(&request, shares) {
            Ok(held) => match self.desk {
                Desk::Submit => {
                    let headers: Headers = request.headers.iter().collect();
                    match self.door.read(&request.subject, &headers, request.payload) {
                        Ok(Read::Plain(draft)) => {
                            let asker = Asker::desk(self.verdicts.clone(), to).holding(held);
                            self.door.hand_plain(draft, asker);
                            return true;
                        }
                        Ok(Read::Long(draft, wait)) => {
                            let door = self.door.clone();
                            let work = async move { reply::bytes(door.submit(draft, wait).await) };
                            return self.follow(to, held, work).await;
                        }
                        Err(refusal) => refusal,
                    }
                }
                Desk::Ack => {
                    let door = self.door.clone();
                    let work =
                        async move { door.nats_ack(&request.subject, &request.payload).await };
                    return self.follow(to, held, work).await;
                }
            },
            Err(refusal) => refusal,
        };
        self.say(&to, reply::bytes(Err(refused))).await;
        false
    }

    /// Who it is, and whether its share has room for it.
    fn admit(&self, request: &Message, shares: &mut Shares) -> Result<Held, Refusal> {
        let publisher = request.publisher().ok_or_else(nobody)?;
        let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
        let bytes = request.payload.len() + headers.sum::<usize>();
        shares.take(&publisher.user, bytes, Instant::now()).inspect_err(|refusal| {
            if let Some(before) = REFUSALS.due("publisher_limited", &publisher.user) {
                tracing::warn!(event = "publisher_limited", before, "{}", refusal.message);
            }
        })
    }

    /// Follows a request to its answer in a task of its own, unless it has one at once.
    async fn follow(
        &self,
        to: String,
        held: Held,
        work: impl Future<Output = Bytes> + Send + 'static,
    ) -> bool {
        let mut work = Box::pin(work);
        // the first poll puts the letter into the mailbox
        match futures::poll!(&mut work) {
            Poll::Ready(bytes) => {
                self.say(&to, bytes).await;
                false
            }
            Poll::Pending => {
                let answers = self.answers.clone();
                tokio::spawn(async move {
                    let answer = work.await;
                    drop(held);
                    answers.send((to, answer)).await
                });
                true
            }
        }
    }

    async fn say(&self, to: &str, bytes: Bytes) {
        if to.is_empty() {
            return;
        }
        if let Err(fault) = self.client.publish(to, bytes).await {
            tracing::debug!(%fault, "a publisher was not answered; it will ask again");
        }
    }
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
pub(super) struct Post(pub(super) Door);

impl http::Intake for Post {
    fn post(
        &self,
        headers: Vec<(String, String)>,
        body: Bytes,
        by: Role,
    ) -> BoxFuture<'_, Result<http::Answers, Refusal>> {
        async move {
            let headers: Headers = headers.into_iter().collect();
            let caller = match by {
                Role::Operator => Caller::Operator,
                Role::Publisher | Role::Reader => Caller::Publisher,
            };
            Ok(match self.0.http(&headers, body, caller).await? {
                Received::One(accepted) => http::Answers::One(accepted),
                Received::Batch(answers) => http::Answers::Batch(answers),
            })
        }
        .boxed()
    }

    fn ack<'a>(&'a self, id: &'a str, body: Bytes) -> BoxFuture<'a, Result<(), Refusal>> {
        async move { self.0.ack(id, &body).await }.boxed()
    }
}
