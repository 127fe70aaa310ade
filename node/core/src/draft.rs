//! [`Draft`]: a message as a publisher handed it in, body checked, not yet admitted.

use std::collections::BTreeMap;

use bytes::Bytes;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::{Kind, Lane, MessageId, Selector};

use crate::awaited::Wants;
use crate::record::PublisherKey;

/// What a publisher asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// Whom it is for; `None` means the kind's default.
    pub to: Option<Selector>,
    /// Precedence asked for; policy may say otherwise.
    pub precedence: Option<Lane>,
    /// Time to live, milliseconds; `None` means the kind's default.
    pub ttl_ms: Option<u64>,
    /// The body, as published.
    pub payload: Bytes,
    /// Its media type; `None` means `application/json`.
    pub content_type: Option<String>,
    /// The payload's `severity`, for policy routes.
    pub severity: Option<String>,
    /// The payload's `not_before`, Unix milliseconds: it is kept here so long.
    pub not_before_ms: Option<u64>,
    /// The answer that a directive asks for, and by when.
    pub wants: Option<Wants>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// CloudEvents id.
    pub ce_id: Option<String>,
    /// CloudEvents source.
    pub ce_source: Option<String>,
    /// CloudEvents time.
    pub ce_time: Option<String>,
    /// Other CloudEvents attributes.
    pub ce_extensions: BTreeMap<String, String>,
    /// What makes a retry recognisable.
    pub key: Option<PublisherKey>,
    /// What the index said of that key.
    pub known: Known,
}

impl Draft {
    /// A draft of which nothing is said that need not be.
    pub fn plain(kind: Kind, payload: Bytes) -> Self {
        Self {
            kind,
            to: None,
            precedence: None,
            ttl_ms: None,
            payload,
            content_type: None,
            severity: None,
            not_before_ms: None,
            wants: None,
            traceparent: None,
            ce_id: None,
            ce_source: None,
            ce_time: None,
            ce_extensions: BTreeMap::new(),
            key: None,
            known: Known::default(),
        }
    }
}

/// The index's word on a publisher's key: a hint, because the index is written behind the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The index had every key through this ordinal when it was asked.
    pub through: u64,
    /// The message that the key was used for, and the digest of its body.
    pub message: Option<(MessageId, Digest)>,
}
