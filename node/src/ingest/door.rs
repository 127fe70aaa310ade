//! [`Door`]: the way into the station's mailbox, and the wait for more than `accepted`.
//!
//! Promise: every draft gets one answer. `accepted` is passed on from the station, which says it
//! only once the message is on disk; a higher grade is only ever said when [`Grades`] says it.

use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures::future::{self, BoxFuture};
use yizhan_core::draft::{Draft, Known};
use yizhan_core::effect::Verdict;
use yizhan_core::record::PublisherKey;
use yizhan_schemas::payload::matter::Word;
use yizhan_schemas::payload::video::{self, Dispatch};
use yizhan_schemas::reply::{Accepted, ErrorCode, Grade, Refusal};
use yizhan_schemas::{Code, Kind, MessageId, Selector};

use super::asked::Place;
use super::body::Bodies;
use super::caller::Caller;
use super::cloudevent::{self, Post};
use super::headers::Headers;
use super::nats;
use super::nats::Submission;
use super::said::Said;
use super::wait::{Goal, Wait};
use crate::catalogue::InForce;
use crate::mailbox::{Asker, Mailbox};

/// How often a key is looked up for one draft. The index is behind by what the log took since its
/// last sync; once is the rule, twice happens, a third time it is not keeping up.
const LOOKS_MAX: usize = 3;

/// Where publishers' keys are looked up: the spool's index. Its word is a hint, the station
/// decides.
pub trait KeyLook: Send + Sync {
    /// What is known of a key. Called on the publisher's task, so it must not wait for more than a
    /// read of the disk.
    fn look(&self, key: &PublisherKey) -> Known;
}

/// Who can tell how far a message has come. The driver implements it from the station's notices
/// and receipts; until then there is [`OnlyAccepted`].
pub trait Grades: Send + Sync {
    /// How far a message has come by now.
    fn now(&self, id: &MessageId) -> Grade;

    /// The stations that one of this station's own messages is for; empty if it is not known.
    fn targets(&self, id: &MessageId) -> Vec<Code>;

    /// Waits until a message has come as far as `goal`, or surely never will (it expired, or was
    /// rejected). Answers at once if that is so already. The wait may be dropped at any time.
    fn reach<'a>(&'a self, id: &'a MessageId, goal: &'a Goal) -> BoxFuture<'a, ()>;
}

/// A station that does not follow its messages yet: whoever waits for more than `accepted` hears
/// `accepted` with `timed_out` when the time is over.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnlyAccepted;

impl Grades for OnlyAccepted {
    fn now(&self, _: &MessageId) -> Grade {
        Grade::Accepted
    }

    fn targets(&self, _: &MessageId) -> Vec<Code> {
        Vec::new()
    }

    fn reach<'a>(&'a self, _: &'a MessageId, _: &'a Goal) -> BoxFuture<'a, ()> {
        Box::pin(future::pending())
    }
}

/// A request that was read.
#[derive(Debug)]
pub enum Read {
    /// One whose first verdict is its answer.
    Plain(Draft),
    /// One that has to be followed.
    Long(Draft, Wait),
}

/// What a `POST` is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// To one event, whose kind stands here too.
    One(Kind, Accepted),
    /// To a batch, in its order; the kind of one that cannot be read is not known.
    Batch(Vec<(Option<Kind>, Result<Accepted, Refusal>)>),
}

/// Takes messages in, whichever carrier brings them.
#[derive(Clone)]
pub struct Door {
    bodies: Arc<Bodies>,
    mailbox: Mailbox,
    keys: Arc<dyn KeyLook>,
    grades: Arc<dyn Grades>,
    catalogue: InForce,
}

impl Door {
    /// A door into a mailbox.
    pub fn new(
        bodies: Arc<Bodies>,
        mailbox: Mailbox,
        keys: Arc<dyn KeyLook>,
        grades: Arc<dyn Grades>,
    ) -> Self {
        Self { bodies, mailbox, keys, grades, catalogue: InForce::default() }
    }

    /// Knows where devices hang: commands to them need no address.
    pub fn knowing(self, catalogue: InForce) -> Self {
        Self { catalogue, ..self }
    }

    /// Reads a request on `yz.submit.<kind>`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, subject: &str, headers: &Headers, body: Bytes) -> Result<Read, Refusal> {
        let Submission { draft, wait } = nats::read(subject, headers, body, &self.bodies)?;
        let draft = self.addressed(draft)?;
        Caller::Publisher.check(&draft)?;
        // a key may have to be looked up again, and a wait takes as long as it takes
        match draft.key.is_none() && wait.goal == Goal::Accepted {
            true => Ok(Read::Plain(draft)),
            false => Ok(Read::Long(draft, wait)),
        }
    }

    /// Hands a plain draft in; `asker` hears the verdict.
    pub fn hand_plain(&self, draft: Draft, asker: Asker) {
        self.mailbox.hand_in(draft, asker);
    }

    /// Takes a `POST` of one CloudEvent or of a batch. For one event the header `Yz-Wait` says what
    /// its publisher waits for, as over NATS.
    ///
    /// # Errors
    /// Whatever is wrong with one event, or with a batch as a whole.
    pub async fn http(
        &self,
        headers: &Headers,
        body: Bytes,
        caller: Caller,
    ) -> Result<Received, Refusal> {
        match cloudevent::read(headers, body, &self.bodies)? {
            Post::One(draft) => {
                caller.check(&draft)?;
                let wait = headers.get("Yz-Wait").filter(|text| !text.is_empty());
                let wait = wait.map(|text| Place::Header("Yz-Wait").wait(text)).transpose()?;
                let kind = draft.kind.clone();
                let draft = self.addressed(*draft)?;
                let answer = self.submit(draft, wait.unwrap_or(Wait::ACCEPTED)).await;
                answer.map(|accepted| Received::One(kind, accepted))
            }
            Post::Batch(drafts) => {
                let checked = |draft: Result<Draft, Refusal>| {
                    let draft = draft?;
                    caller.check(&draft).and_then(|()| self.addressed(draft))
                };
                let kind =
                    |draft: &Result<Draft, Refusal>| draft.as_ref().ok().map(|it| it.kind.clone());
                let kinds: Vec<_> = drafts.iter().map(kind).collect();
                let answers = self.submit_all(drafts.into_iter().map(checked).collect()).await;
                Ok(Received::Batch(kinds.into_iter().zip(answers).collect()))
            }
        }
    }

    /// Takes an application's answer to a message that was delivered here.
    ///
    /// # Errors
    /// What is wrong with it; `not_found` if the message was never here, `shutting_down`.
    pub async fn ack(&self, id: &str, body: &[u8]) -> Result<(), Refusal> {
        let Said { id, answer, remark } = Said::read(id, body)?;
        match self.mailbox.answer(id, answer, remark).await? {
            Verdict::Refused(refusal) => Err(refusal),
            Verdict::Noted | Verdict::Accepted(_) | Verdict::LookAgain => Ok(()),
        }
    }

    /// Hands a draft in and waits for its answer.
    ///
    /// # Errors
    /// What the station refuses; `rate_limited` if its mailbox is full or its index too far
    /// behind, `shutting_down` if it is stopping.
    pub async fn submit(&self, draft: Draft, wait: Wait) -> Result<Accepted, Refusal> {
        let accepted = self.hand_in(draft).await?;
        Ok(self.follow(accepted, wait).await)
    }

    /// A step of a matter that names no address goes where the matter went, a command to where its
    /// device hangs.
    fn addressed(&self, draft: Draft) -> Result<Draft, Refusal> {
        if draft.to.is_none() && draft.kind.as_str() == video::KIND {
            return self.to_the_device(draft);
        }
        let first = matches!(draft.kind.as_str(), "incident.report" | "case.open");
        if draft.to.is_some() || first || !matches!(draft.kind.family(), "incident" | "case") {
            return Ok(draft);
        }
        let word = Word::read(&draft.kind, draft.content_type.as_deref(), &draft.payload);
        let subject = match &word {
            // an application goes up a tier, wherever the case came from
            Some(Ok(Word::Applied { .. })) => None,
            Some(Ok(word)) => word.subject(),
            _ => None,
        };
        let targets = subject.map(|subject| self.grades.targets(subject)).unwrap_or_default();
        let to = (!targets.is_empty()).then(|| Selector::of(targets));
        Ok(Draft { to, ..draft })
    }

    fn to_the_device(&self, draft: Draft) -> Result<Draft, Refusal> {
        let read = Dispatch::read(draft.content_type.as_deref(), &draft.payload);
        let id = read.map(|dispatch| dispatch.device_id.to_string());
        let missing = |why: String| {
            Refusal::new(
                ErrorCode::ToMissing,
                format!(
                    "{} without an address goes where its device hangs, but {why}; say which \
                     station that is (header Yz-To, extension yzto)",
                    draft.kind
                ),
            )
        };
        let device = id.and_then(|id| self.catalogue.camera(&id)).map_err(missing)?;
        Ok(Draft { to: Some(Selector::of([device.hangs_under])), ..draft })
    }

    async fn hand_in(&self, mut draft: Draft) -> Result<Accepted, Refusal> {
        for _ in 0..LOOKS_MAX {
            if let Some(key) = &draft.key {
                draft.known = self.keys.look(key);
            }
            match self.mailbox.submit(draft.clone()).await? {
                Verdict::Accepted(accepted) => return Ok(accepted),
                Verdict::Refused(refusal) => return Err(refusal),
                Verdict::LookAgain | Verdict::Noted => {}
            }
        }
        Err(Refusal::new(
            ErrorCode::RateLimited,
            "the index of publishers' keys is behind, so this station cannot tell whether it has \
             this message already; try again shortly",
        ))
    }

    async fn follow(&self, mut accepted: Accepted, wait: Wait) -> Accepted {
        if wait.goal == Goal::Accepted {
            return accepted;
        }
        let reached = self.grades.reach(&accepted.id, &wait.goal);
        let reached = tokio::time::timeout(wait.within, reached).await;
        accepted.timed_out = reached.is_err();
        accepted.status = accepted.status.max(self.grades.now(&accepted.id));
        accepted
    }

    /// Hands a batch in, in its order, without waiting for each before the next: one sync of the
    /// disk may then serve them all.
    async fn submit_all(
        &self,
        drafts: Vec<Result<Draft, Refusal>>,
    ) -> Vec<Result<Accepted, Refusal>> {
        let mut answers: Vec<_> = drafts
            .into_iter()
            .map(|draft| async { self.hand_in(draft?).await })
            .map(|answer| Box::pin(future::maybe_done(answer)))
            .collect();
        // the first poll of each puts its letter into the mailbox: this is what keeps the order
        future::poll_fn(|cx| {
            for answer in &mut answers {
                let _ = answer.as_mut().poll(cx);
            }
            Poll::Ready(())
        })
        .await;
        let mut received = Vec::with_capacity(answers.len());
        for mut answer in answers {
            answer.as_mut().await;
            received.push(answer.as_mut().take_output().unwrap_or_else(|| Err(unanswered())));
        }
        received
    }
}

fn unanswered() -> Refusal {
    Refusal::new(ErrorCode::ShuttingDown, "the station gave no answer; try again")
}
