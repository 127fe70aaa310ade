//! What a publisher hears: [`Accepted`] or a [`Refusal`], the same over NATS and HTTP.

use serde::{Deserialize, Serialize};

use crate::{Code, MessageId};

/// The station has custody: the message is on its disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The message's id.
    pub id: MessageId,
    /// The furthest grade reached: `accepted`, `relayed` or `delivered`.
    pub status: Grade,
    /// Who took it.
    pub station: Code,
    /// True if the same key and body had been taken before; `id` is the earlier one's.
    pub duplicate: bool,
    /// True if the grade asked for (`Yz-Wait`) was not reached in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
}

/// How durable a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// On the origin's disk.
    Accepted,
    /// On the disk of a station further on.
    Relayed,
    /// In every inbox that it is for.
    Delivered,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal $status:literal,)*) => {
        /// Why a message was not taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl ErrorCode {
            /// The code as scripts see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON (or MessagePack, where that was announced).
    BadJson = "bad_json" 400,
    /// The body does not fit the kind's schema; `pointer` says where.
    SchemaInvalid = "schema_invalid" 400,
    /// Not a kind, or of a family that the policy does not allow.
    UnknownKind = "unknown_kind" 400,
    /// Not a selector, or one that names a station that there is not.
    BadSelector = "bad_selector" 400,
    /// The kind has no default address.
    ToMissing = "to_missing" 400,
    /// No valid credentials.
    Unauthorized = "unauthorized" 401,
    /// Outside this station's right.
    Forbidden = "forbidden" 403,
    /// No such thing here.
    NotFound = "not_found" 404,
    /// The same key was used for another body.
    IdConflict = "id_conflict" 409,
    /// Longer than allowed.
    TooLarge = "too_large" 413,
    /// A media type that is not read here.
    UnsupportedType = "unsupported_type" 415,
    /// Too many in too short a time.
    RateLimited = "rate_limited" 429,
    /// No room to keep it.
    SpoolFull = "spool_full" 507,
    /// The station is stopping.
    ShuttingDown = "shutting_down" 503,
}

/// A message that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Refusal {
    /// The code.
    pub code: ErrorCode,
    /// The same for people: what happened and what would be valid.
    pub message: String,
    /// JSON pointer to the member that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Refusal {
    /// A refusal without a pointer.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), pointer: None }
    }
}

/// A refusal as it is sent over NATS: `{"error":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalReply {
    /// The refusal.
    pub error: Refusal,
}
