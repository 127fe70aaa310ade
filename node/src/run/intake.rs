//! Intake: messages from NATS and HTTP through one door.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::Semaphore;
use yizhan_schemas::reply::{ErrorCode, Refusal};

use crate::bus::{BusError, Client, Message, subjects};
use crate::http;
use crate::ingest::{Door, Headers, Received, reply};

/// Requests from NATS that may wait for their answer at once; further ones wait in the client.
const REQUESTS_MAX: usize = 4096;

/// What is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Desk {
    /// `yz.submit.>`: to take a message.
    Submit,
    /// `yz.ack.>`: to note an application's answer to a message.
    Ack,
}

/// Answers the requests of one desk until the connection is gone for good.
pub(super) async fn nats(client: Client, door: Door, desk: Desk) -> Result<(), BusError> {
    let subject = match desk {
        Desk::Submit => subjects::SUBMIT_ALL,
        Desk::Ack => subjects::ACK_ALL,
    };
    let mut requests = client.subscribe(subject).await?;
    let places = Arc::new(Semaphore::new(REQUESTS_MAX));
    while let Some(message) = requests.next().await {
        // the semaphore is never closed
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (client, door) = (client.clone(), door.clone());
        let mut answering = Box::pin(async move {
            answer(&client, &door, desk, message).await;
            drop(place);
        });
        // the first poll puts the letter into the mailbox: this is what keeps a publisher's order
        if futures::poll!(&mut answering).is_pending() {
            tokio::spawn(answering);
        }
    }
    Ok(())
}

async fn answer(client: &Client, door: &Door, desk: Desk, message: Message) {
    let reply = match (message.publisher(), desk) {
        (Some(_), Desk::Submit) => {
            let headers: Headers = message.headers.iter().collect();
            door.nats(&message.subject, &headers, message.payload.clone()).await
        }
        (Some(_), Desk::Ack) => door.nats_ack(&message.subject, &message.payload).await,
        (None, _) => reply::bytes(Err(nobody())),
    };
    if message.reply.is_none() {
        // published without asking for an answer: taken all the same, but nobody can be told
        return;
    }
    if let Err(fault) = client.answer(&message, reply).await {
        tracing::debug!(%fault, "a publisher was not answered; it will ask again");
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
    ) -> BoxFuture<'_, Result<http::Answers, Refusal>> {
        async move {
            let headers: Headers = headers.into_iter().collect();
            Ok(match self.0.http(&headers, body).await? {
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
