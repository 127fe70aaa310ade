//! [`Inbox`]: the stream `YZ_INBOX`, in which applications find what was delivered.
//!
//! Promise: the node is its only writer and says with each message which sequence is the last one
//! so far, so a message enters once or is refused. An acknowledgement means that the server has
//! written the message to its file (without a sync: [`Inbox::sync_files`] does that).

use std::future::IntoFuture as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::client;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use futures::future::BoxFuture;

use super::client::{Client, Headers};
use super::stream_files::StreamFiles;
use super::{BusError, subjects};

/// The header that says which sequence is the last one so far.
const EXPECTED_LAST: &str = "Nats-Expected-Last-Sequence";

/// Bounds of the stream, from `inbox.max_bytes` and `inbox.max_age`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxLimits {
    /// Full beyond it: publishing is refused, nothing is dropped.
    pub bytes_max: u64,
    /// Older messages go.
    pub age_max: Duration,
}

/// What the stream says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxInfo {
    /// When it was made, in nanoseconds since 1970. Another value is another stream: the inbox
    /// was lost.
    pub created_unix_ns: i128,
    /// First sequence still there; `last_seq + 1` if there is none.
    pub first_seq: u64,
    /// Last sequence ever given.
    pub last_seq: u64,
    /// Messages there.
    pub messages: u64,
}

/// Why a message did not enter.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The last sequence is another one: somebody wrote, or an earlier publish got in or was lost.
    #[error("YZ_INBOX does not end at {expected}: ask for its last sequence and go on from there")]
    WrongLast {
        /// What was expected.
        expected: u64,
    },
    /// `inbox.max_bytes` is reached; applications have to make room by age, or it must be raised.
    #[error("YZ_INBOX is full (inbox.max_bytes)")]
    Full,
    /// There is no stream to take it: JetStream is off, or the stream was deleted.
    #[error("nobody takes messages for YZ_INBOX: open it again, or restart the bus")]
    NoStream,
    /// No answer: it may have entered or not. If it stays so while [`Inbox::info`] answers, the
    /// server gave the stream up after a failed write; only a restart of the server helps.
    #[error("no acknowledgement from JetStream: {why}")]
    Unknown {
        /// What happened instead.
        why: String,
    },
    /// Longer than the bus takes with its headers. It was not sent, and never will be.
    #[error("the message is longer than the bus takes")]
    TooLarge,
    /// Refused for another reason.
    #[error("JetStream refused: {why}")]
    Refused {
        /// What the server said.
        why: String,
    },
    /// Not even sent.
    #[error(transparent)]
    NotSent(#[from] BusError),
}

/// The acknowledgement of one message, to be awaited later: its sequence in the stream.
pub struct InboxAck(BoxFuture<'static, Result<u64, InboxError>>);

/// The stream of delivered messages of this station.
#[derive(Debug, Clone)]
pub struct Inbox {
    client: Client,
    files: Option<StreamFiles>,
}

impl Inbox {
    /// Opens the stream, makes it, or brings its limits up to date. `client` is the node's
    /// connection to APP; `files` those of a bus of our own.
    pub async fn open(
        client: &Client,
        limits: InboxLimits,
        files: Option<StreamFiles>,
    ) -> Result<Self, BusError> {
        let live = client.up()?;
        let made = live.jetstream().create_or_update_stream(config(limits)).await;
        made.map_err(|error| refused("open the stream YZ_INBOX", &error))?;
        let inbox = Self { client: client.clone(), files };
        // its name and creation time must not vanish under the first messages
        inbox.sync_files().await?;
        Ok(inbox)
    }

    /// Its bounds and age.
    pub async fn info(&self) -> Result<InboxInfo, BusError> {
        let wrong = |error: &dyn std::error::Error| refused("describe the stream YZ_INBOX", error);
        let live = self.client.up()?;
        let stream = live.jetstream().get_stream_no_info(subjects::INBOX_STREAM).await;
        let info = stream.map_err(|error| wrong(&error))?.get_info().await;
        let info = info.map_err(|error| wrong(&error))?;
        Ok(InboxInfo {
            created_unix_ns: info.created.unix_timestamp_nanos(),
            first_seq: info.state.first_sequence,
            last_seq: info.state.last_sequence,
            messages: info.state.messages,
        })
    }

    /// Sends a message that enters only as number `expected_last + 1`. Returns when it is on its
    /// way; those sent one after the other are taken in that order.
    pub async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        expected_last: u64,
    ) -> Result<InboxAck, InboxError> {
        let live = self.client.up()?;
        let message = PublishMessage::build()
            .headers(headers.into_map())
            .payload(payload)
            .expected_stream(subjects::INBOX_STREAM)
            .expected_last_sequence(expected_last);
        let broken = self.client.broken();
        let sent = live.jetstream().send_publish(subject.to_owned(), message).await;
        let sent = sent.map_err(|error| verdict(&error, expected_last))?;
        Ok(InboxAck(Box::pin(async move {
            tokio::select! {
                ack = sent.into_future() => match ack {
                    Ok(ack) => Ok(ack.sequence),
                    Err(error) => Err(verdict(&error, expected_last)),
                },
                () = broken => Err(InboxError::Unknown { why: "the connection broke".to_owned() }),
            }
        })))
    }

    /// The same without an acknowledgement: that of a later message says that this one is in, for
    /// otherwise the later one would have been refused.
    pub async fn publish_unasked(
        &self,
        subject: &str,
        mut headers: Headers,
        payload: Bytes,
        expected_last: u64,
    ) -> Result<(), InboxError> {
        headers.set_own(EXPECTED_LAST, expected_last.to_string())?;
        let live = self.client.up()?;
        let map = headers.into_map();
        let sent = live.client.publish_with_headers(subject.to_owned(), map, payload).await;
        sent.map_err(|error| match error.kind() {
            client::PublishErrorKind::MaxPayloadExceeded => InboxError::TooLarge,
            _ => InboxError::Unknown { why: error.to_string() },
        })
    }

    /// Syncs to disk what was acknowledged before the call. `false` if the bus is not ours, so
    /// that its files are out of reach. After an error the files must not be trusted again from
    /// the page cache: restart the station.
    pub async fn sync_files(&self) -> Result<bool, BusError> {
        let Some(files) = self.files.clone() else { return Ok(false) };
        files.sync().await.map(|()| true)
    }
}

impl InboxInfo {
    /// Sequences between first and last that are not there. The node never deletes and age takes
    /// from the front, so any is a loss: a power cut took the tail of a file, while the server's
    /// own index remembered its length.
    pub fn holes(&self) -> u64 {
        self.last_seq.saturating_add(1).saturating_sub(self.first_seq).saturating_sub(self.messages)
    }
}

fn config(limits: InboxLimits) -> stream::Config {
    stream::Config {
        name: subjects::INBOX_STREAM.to_owned(),
        description: Some("Messages delivered to this station's applications".to_owned()),
        subjects: vec![subjects::INBOX_ALL.to_owned()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: 1,
        max_bytes: i64::try_from(limits.bytes_max).unwrap_or(i64::MAX),
        max_age: limits.age_max,
        ..stream::Config::default()
    }
}

fn verdict(error: &PublishError, expected: u64) -> InboxError {
    let said = std::error::Error::source(error).and_then(|s| s.downcast_ref::<jetstream::Error>());
    let why = said.map_or_else(|| error.to_string(), ToString::to_string);
    match (error.kind(), said.map(jetstream::Error::error_code)) {
        (PublishErrorKind::WrongLastSequence, _) => InboxError::WrongLast { expected },
        (PublishErrorKind::StreamNotFound, _) => InboxError::NoStream,
        // one code for every failed write; only its text tells a full stream from a full disk
        (_, Some(ErrorCode::STREAM_STORE_FAILED)) if why.contains("maximum bytes") => {
            InboxError::Full
        }
        (PublishErrorKind::MaxPayloadExceeded, _) => InboxError::TooLarge,
        (_, Some(_)) => InboxError::Refused { why },
        _ => InboxError::Unknown { why },
    }
}

fn refused(doing: &'static str, error: &dyn std::error::Error) -> BusError {
    let why = match error.source() {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    };
    BusError::Refused { doing, why }
}

impl Future for InboxAck {
    type Output = Result<u64, InboxError>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl std::fmt::Debug for InboxAck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InboxAck")
    }
}
